// Included once for each instruction set, inside no namespace, by files of SIMD kernels.
#if defined(ORTHANT_DIVERGENCE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef ORTHANT_DIVERGENCE_INL_HPP
#undef ORTHANT_DIVERGENCE_INL_HPP
#else
#define ORTHANT_DIVERGENCE_INL_HPP
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "host/core/divergence.hpp"
#include "host/core/observed.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The element functions of core::Divergence, vector by vector: one class for each beta that has a shorter form.
// Pass them by reference: g++ 12 does not align the stack for vectors in arguments that are handed over on it.

template <class V>
struct Coefficients {
  V numerator, denominator;
};

template <class D>
struct Squared {
  using V = hn::Vec<D>;
  HWY_INLINE Coefficients<V> coefficients(D, V x, V v) const { return {x, v}; }
  HWY_INLINE V value(D d, V x, V v) const {
    const V difference = hn::Sub(x, v);
    return hn::Mul(hn::Set(d, hn::TFromD<D>(0.5)), hn::Mul(difference, difference));
  }
};

template <class D>
struct KullbackLeibler {
  using V = hn::Vec<D>;
  V floor;
  HWY_INLINE Coefficients<V> coefficients(D d, V x, V v) const {
    return {hn::Div(x, hn::Max(v, floor)), hn::Set(d, 1)};
  }
  HWY_INLINE V value(D d, V x, V v) const {
    const V ratio = hn::Div(x, hn::Max(v, floor));
    const auto positive = hn::Gt(x, hn::Zero(d));
    const V log = hn::Log(d, hn::IfThenElse(positive, ratio, hn::Set(d, 1)));
    return hn::MulAdd(x, log, hn::Sub(v, x));
  }
};

template <class D>
struct ItakuraSaito {
  using V = hn::Vec<D>;
  V floor, of_unit;  // of_unit: 1 / unit
  // From 1 / fit. x / fit comes first: the square of 1 / fit may be out of range.
  static HWY_INLINE Coefficients<V> of_inverse(V x, V inverse, V of_unit) {
    const V denominator = hn::Mul(inverse, of_unit);
    return {hn::Mul(hn::Mul(x, inverse), denominator), denominator};
  }
  HWY_INLINE Coefficients<V> coefficients(D d, V x, V v) const {
    return of_inverse(x, hn::Div(hn::Set(d, 1), hn::Max(v, floor)), of_unit);
  }
  HWY_INLINE V value(D d, V x, V v) const {
    const V ratio = hn::Div(x, hn::Max(v, floor));
    return hn::Sub(hn::Sub(ratio, hn::Log(d, ratio)), hn::Set(d, 1));
  }
};

template <class D>
struct AnyBeta {
  using V = hn::Vec<D>;
  using T = hn::TFromD<D>;
  V floor, unit;
  T beta;
  static HWY_INLINE V power(D d, V x, T exponent) { return hn::Exp(d, hn::Mul(hn::Set(d, exponent), hn::Log(d, x))); }
  HWY_INLINE Coefficients<V> coefficients(D d, V x, V v) const {
    const V fit = hn::Mul(unit, hn::Max(v, floor)), power_2 = power(d, fit, beta - 2);
    return {hn::Mul(hn::Mul(unit, x), power_2), hn::Mul(fit, power_2)};
  }
  HWY_INLINE V value(D d, V x, V v) const {
    const V fit = hn::Max(v, floor), power_1 = power(d, fit, beta - 1);
    const auto positive = hn::Gt(x, hn::Zero(d));
    const V of_x = hn::IfThenElseZero(positive, power(d, hn::IfThenElse(positive, x, hn::Set(d, 1)), beta));
    const V of_v = hn::Mul(power_1, hn::Sub(hn::Mul(hn::Set(d, beta - 1), fit), hn::Mul(hn::Set(d, beta), x)));
    return hn::Div(hn::Add(of_x, of_v), hn::Set(d, beta * (beta - 1)));
  }
};

// Entries that count, of those with these values and weights.
template <class D>
HWY_INLINE hn::Mask<D> counting(D d, Missing missing, hn::Vec<D> x, hn::Vec<D> weight) {
  const auto weighs = hn::Gt(weight, hn::Zero(d));
  if (missing == Missing::nan) return hn::And(weighs, hn::Eq(x, x));
  if (missing == Missing::zeros) return hn::And(weighs, hn::Ne(x, hn::Zero(d)));
  return weighs;
}

// function(kind) for the class of this divergence, in vectors of D.
template <class D, class Function>
HWY_INLINE void with_divergence(D d, const core::Divergence& divergence, Function&& function) {
  using T = hn::TFromD<D>;
  const auto floor = hn::Set(d, static_cast<T>(divergence.floor));
  if (divergence.beta == 2) {
    function(Squared<D>{});
  } else if (divergence.beta == 1) {
    function(KullbackLeibler<D>{floor});
  } else if (divergence.beta == 0) {
    function(ItakuraSaito<D>{floor, hn::Set(d, static_cast<T>(1 / divergence.unit))});
  } else {
    function(AnyBeta<D>{floor, hn::Set(d, static_cast<T>(divergence.unit)), static_cast<T>(divergence.beta)});
  }
}

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
