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
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
template <class D, class T>
HWY_INLINE hn::Vec<D> load_first(D d, const T* p, std::int64_t count) {
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
}
template <class D, class T>
HWY_INLINE void store_first(hn::Vec<D> v, D d, T* p, std::int64_t count) {
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
}
#else
template <class D, class T>
HWY_INLINE hn::Vec<D> load_first(D d, const T* p, std::int64_t count) {
  constexpr std::int64_t n = HWY_LANES(T);
  if (count == n) return hn::LoadU(d, p);
  T lanes[n] = {};
  for (std::int64_t i = 0; i < n && i < count; ++i) lanes[i] = p[i];
  return hn::LoadU(d, lanes);
}
template <class D, class T>
HWY_INLINE void store_first(hn::Vec<D> v, D d, T* p, std::int64_t count) {
  constexpr std::int64_t n = HWY_LANES(T);
  T lanes[n];
  hn::StoreU(v, d, lanes);
  for (std::int64_t i = 0; i < n && i < count; ++i) p[i] = lanes[i];
}
#endif

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
