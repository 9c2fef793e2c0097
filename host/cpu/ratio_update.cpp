#include "host/cpu/ratio_update.hpp"

#include <algorithm>
#include <limits>

#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/ratio_update.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/divergence-inl.hpp"
#include "host/cpu/double_sum-inl.hpp"
#include "host/cpu/partial-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Components run along the lanes: no sum runs over them, and the terms are as they lie in memory.
template <class T>
void ratio(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, core::RatioForm form,
           core::KktSums* kkt) {
  const hn::ScalableTag<T> d;
  using D = decltype(d);
  using V = hn::Vec<D>;
  constexpr int n = HWY_LANES(T);
  const V zero = hn::Zero(d), one = hn::Set(d, 1), smallest = hn::Set(d, std::numeric_limits<T>::min());
  const V l1 = hn::Set(d, static_cast<T>(penalty.l1)), l2 = hn::Set(d, static_cast<T>(penalty.l2));
  SquareSum<T> steps, products;
  // function(first component, load, store) for the vectors of a column.
  const auto for_vectors = [&](auto&& function) HWY_ATTR {
    for (int c = 0; c < f.rank; c += n) function(c, Partial<D>(d, std::min(n, f.rank - c)));
  };
  for (std::int64_t j = 0; j < f.count; ++j) {
    T* column = f.column(j);
    const T *numerator = terms.numerator.column(j), *denominator = terms.denominator.column(j);
    T largest = 0;
    if (kkt != nullptr) {
      V most = zero;
      for_vectors([&](int c, const Partial<D>& part) HWY_ATTR { most = hn::Max(most, part.load(column + c)); });
      largest = hn::GetLane(hn::MaxOfLanes(d, most));
    }
    const V unit = hn::Set(d, largest > 0 ? 1 / largest : T(0));
    for_vectors([&](int c, const Partial<D>& part) HWY_ATTR {
      const V fc = part.load(column + c), nc = part.load(numerator + c);
      const V bc = hn::Add(part.load(denominator + c), l1), dc = hn::MulAdd(l2, fc, bc);
      if (form.exponent != 0) {
        V scale = hn::Div(nc, form.root ? bc : dc);
        if (form.root) {
          // In this form of the root nothing cancels: its second term is 1 where l2 is small.
          const V square = hn::Mul(hn::Mul(hn::Set(d, 4), hn::Div(hn::Mul(l2, fc), bc)), scale);
          scale = hn::Div(hn::Add(scale, scale), hn::Add(one, hn::Sqrt(hn::Add(one, square))));
        } else if (form.exponent != 1) {
          scale = AnyBeta<D>::power(d, hn::Max(scale, smallest), static_cast<T>(form.exponent));
        }
        // Terms that are not finite make NaN, not a component that seems to have died.
        const V terms_sum = hn::Add(nc, dc);
        V scaled = hn::Mul(fc, scale);
        // Where f is next to nothing the ratio may be beyond the range of T, and f / d is not.
        const auto beyond = hn::Gt(scale, hn::Set(d, std::numeric_limits<T>::max()));
        if (HWY_UNLIKELY(form.exponent == 1 && !form.root && !hn::AllFalse(d, beyond))) {
          scaled = hn::IfThenElse(beyond, hn::Mul(hn::Div(fc, dc), nc), scaled);
        }
        scaled = hn::IfThenZeroElse(hn::Eq(fc, zero), scaled);
        const V next = hn::Add(scaled, hn::Sub(terms_sum, terms_sum));
        // Subnormal numbers are slow and carry no digits; 0/0 is 0.
        const auto none = hn::Or(hn::Eq(dc, zero), hn::Eq(nc, zero));
        part.store(hn::IfThenZeroElse(hn::Or(none, hn::Lt(next, smallest)), next), column + c);
      }
      if (kkt != nullptr) {
        // l1 beyond the last component is not 0, but the step there is: f is.
        steps.add(hn::Min(hn::Mul(hn::Mul(fc, unit), dc), hn::Sub(dc, nc)));
        products.add(nc);
      }
    });
  }
  if (kkt != nullptr) *kkt = {steps.total(), products.total()};
}

#define ORTHANT_RATIO(T)                                                                               \
  void ratio_##T(core::Factor<T> f, const core::Terms<T>& t, core::ScaledPenalty p, core::RatioForm m, \
                 core::KktSums* kkt) {                                                                 \
    ratio(f, t, p, m, kkt);                                                                            \
  }
ORTHANT_RATIO(float)
ORTHANT_RATIO(double)
#undef ORTHANT_RATIO

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

#define ORTHANT_RATIO(T)                                                                                               \
  HWY_EXPORT(ratio_##T);                                                                                               \
  template <>                                                                                                          \
  void ratio_update(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, core::RatioForm form, \
                    core::KktSums* kkt) {                                                                              \
    HWY_DYNAMIC_DISPATCH(ratio_##T)(f, terms, penalty, form, kkt);                                                     \
  }
ORTHANT_RATIO(float)
ORTHANT_RATIO(double)
#undef ORTHANT_RATIO

}  // namespace orthant::cpu
#endif
