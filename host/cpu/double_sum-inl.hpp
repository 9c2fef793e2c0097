// Included once for each instruction set, inside no namespace, by files of SIMD kernels.
#if defined(ORTHANT_DOUBLE_SUM_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef ORTHANT_DOUBLE_SUM_INL_HPP
#undef ORTHANT_DOUBLE_SUM_INL_HPP
#else
#define ORTHANT_DOUBLE_SUM_INL_HPP
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A sum of numbers, lane by lane in double; with kSquares of their squares, which of float would leave its range.
template <class T, bool kSquares = false>
struct DoubleSum {
  using D = hn::ScalableTag<double>;
  hn::Vec<D> sum;

  HWY_INLINE DoubleSum() : sum(hn::Zero(D())) {}

  template <class V>
  HWY_INLINE void add(V v) {
    if constexpr (sizeof(T) == 8) {
      add_double(v);
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
  HWY_INLINE void add_double(hn::Vec<D> v) { sum = kSquares ? hn::MulAdd(v, v, sum) : hn::Add(sum, v); }
  HWY_INLINE double total() const {
    double lanes[HWY_LANES(double)];
    hn::StoreU(sum, D(), lanes);
    double result = 0;
    for (double lane : lanes) result += lane;
    return result;
  }
};

template <class T>
using SquareSum = DoubleSum<T, true>;

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
