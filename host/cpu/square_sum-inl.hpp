// Included once for each instruction set, inside no namespace, by files of SIMD kernels.
#if defined(ORTHANT_SQUARE_SUM_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef ORTHANT_SQUARE_SUM_INL_HPP
#undef ORTHANT_SQUARE_SUM_INL_HPP
#else
#define ORTHANT_SQUARE_SUM_INL_HPP
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A sum of squares, lane by lane in double: squares of float would leave its range.
template <class T>
struct SquareSum {
  using D = hn::ScalableTag<double>;
  hn::Vec<D> sum;

  HWY_INLINE SquareSum() : sum(hn::Zero(D())) {}

  template <class V>
  HWY_INLINE void add(V v) {
    if constexpr (sizeof(T) == 8) {
      sum = hn::MulAdd(v, v, sum);
    } else {
#if HWY_TARGET == HWY_SCALAR
      add_double(hn::PromoteTo(D(), v));
#else
      const hn::Half<hn::ScalableTag<T> > half;
      add_double(hn::PromoteTo(D(), hn::LowerHalf(half, v)));
      add_double(hn::PromoteTo(D(), hn::UpperHalf(half, v)));
#endif
    }
  }
  HWY_INLINE void add_double(hn::Vec<D> v) { sum = hn::MulAdd(v, v, sum); }
  HWY_INLINE double total() const {
    double lanes[HWY_LANES(double)];
    hn::StoreU(sum, D(), lanes);
    double result = 0;
    for (double lane : lanes) result += lane;
    return result;
  }
};

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
