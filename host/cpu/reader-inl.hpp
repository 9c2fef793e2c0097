// Included once for each instruction set, inside no namespace, by files of SIMD kernels.
#if defined(ORTHANT_READER_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef ORTHANT_READER_INL_HPP
#undef ORTHANT_READER_INL_HPP
#else
#define ORTHANT_READER_INL_HPP
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <type_traits>

#include "host/cpu/partial-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Reads numbers of T as vectors of D, which may be wider: losses are summed in double.
template <class D, class T>
class Reader {
 public:
  HWY_INLINE explicit Reader(std::int64_t lanes_of_last) : last_(Stored(), lanes_of_last) {}
  static HWY_INLINE hn::Vec<D> whole(const T* p) { return converted(hn::LoadU(Stored(), p)); }
  HWY_INLINE hn::Vec<D> last(const T* p) const { return converted(last_.load(p)); }

 private:
  using Stored = hn::Rebind<T, D>;
  static HWY_INLINE hn::Vec<D> converted(hn::Vec<Stored> v) {
    if constexpr (std::is_same_v<T, hn::TFromD<D>>) {
      return v;
    } else {
      return hn::PromoteTo(D(), v);
    }
  }
  Partial<Stored> last_;
};

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
