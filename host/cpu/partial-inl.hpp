// Included once for each instruction set, inside no namespace, by files of SIMD kernels.
#if defined(ORTHANT_PARTIAL_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef ORTHANT_PARTIAL_INL_HPP
#undef ORTHANT_PARTIAL_INL_HPP
#else
#define ORTHANT_PARTIAL_INL_HPP
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The first `count` lanes of a vector, the others 0, and back. Memory beyond them is not touched: it may belong to
// another thread or to nobody. Highway's masked loads and stores promise that only where the instruction set has them.
template <class D>
class Partial {
 public:
  using T = hn::TFromD<D>;
  using V = hn::Vec<D>;

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  HWY_INLINE Partial(D, std::int64_t count) : mask_(hn::FirstN(D(), static_cast<std::size_t>(count))) {}
  HWY_INLINE V load(const T* p) const { return hn::MaskedLoad(mask_, D(), p); }
  HWY_INLINE void store(V v, T* p) const { hn::BlendedStore(v, mask_, D(), p); }

 private:
  hn::Mask<D> mask_;
#else
  HWY_INLINE Partial(D, std::int64_t count) : count_(count) {}
  HWY_INLINE V load(const T* p) const {
    if (count_ == kSize) return hn::LoadU(D(), p);
    T lanes[kSize] = {};
    for (std::int64_t i = 0; i < kSize && i < count_; ++i) lanes[i] = p[i];
    return hn::LoadU(D(), lanes);
  }
  HWY_INLINE void store(V v, T* p) const {
    T lanes[kSize];
    hn::StoreU(v, D(), lanes);
    for (std::int64_t i = 0; i < kSize && i < count_; ++i) p[i] = lanes[i];
  }

 private:
  static constexpr std::int64_t kSize = hn::MaxLanes(D());
  std::int64_t count_;
#endif
};

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
