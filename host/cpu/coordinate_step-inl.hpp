// Included once for each instruction set, inside no namespace, by files of SIMD kernels.
#if defined(ORTHANT_COORDINATE_STEP_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef ORTHANT_COORDINATE_STEP_INL_HPP
#undef ORTHANT_COORDINATE_STEP_INL_HPP
#else
#define ORTHANT_COORDINATE_STEP_INL_HPP
#endif

#include <hwy/highway.h>

#include <limits>

#include "host/core/coordinate_step.hpp"
#include "host/cpu/coordinate_descent.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// core::Pull, lane by lane.
template <class V>
struct Pulls {
  V toward, away, curvature;
};

// How entries add up to Pulls, and core::kullback_leibler_step lane by lane, cut off at 0. Without weights what pushes
// away is known. The division is what an entry costs: reciprocals by approximation and a step of Newton's method, whose
// multiplications are in the way of the others, took as long.
template <bool kWeighted_, class D>
struct KullbackLeiblerStep {
  using V = hn::Vec<D>;
  using T = hn::TFromD<D>;
  static constexpr bool kWeighted = kWeighted_;
  V floor, l1, l2;
  bool penalised;  // by l2

  explicit HWY_INLINE KullbackLeiblerStep(const ColumnProblem<T>& p)
      : floor(hn::Set(D(), static_cast<T>(p.divergence.floor))),
        l1(hn::Set(D(), static_cast<T>(p.penalty.l1))),
        l2(hn::Set(D(), static_cast<T>(p.penalty.l2))),
        penalised(static_cast<T>(p.penalty.l2) > 0) {}

  HWY_INLINE void add(const V& x, const V& weight, const V& h, const V& v, Pulls<V>& p) const {
    const V scaled = hn::Div(h, hn::Max(v, floor));
    V term = hn::Mul(x, scaled);
    if constexpr (kWeighted) {
      term = hn::Mul(weight, term);
      p.away = hn::MulAdd(weight, h, p.away);
    }
    p.toward = hn::Add(p.toward, term);
    p.curvature = hn::MulAdd(term, scaled, p.curvature);
  }

  HWY_INLINE V next(const V& f, const Pulls<V>& p) const {
    const V zero = hn::Zero(D());
    const V away = hn::Add(p.away, hn::MulAdd(l2, f, l1));
    const auto overflows = hn::Gt(p.curvature, hn::Set(D(), std::numeric_limits<T>::max()));
    const V s = hn::IfThenElse(overflows, hn::Div(floor, p.away), hn::Div(p.toward, p.curvature));
    V step = hn::Mul(s, hn::Div(hn::Sub(p.toward, away), away));
    if (penalised) {
      const V one = hn::Set(D(), T(1)), q = hn::Mul(l2, hn::Div(s, away));
      const V left = hn::Div(one, hn::Add(one, q)), taken = hn::Div(one, hn::Add(one, hn::Div(one, q)));
      const V apart = hn::Sub(left, taken), both = hn::Mul(hn::Mul(taken, left), hn::Div(p.toward, away));
      const V root = hn::Sqrt(hn::MulAdd(apart, apart, hn::Mul(hn::Set(D(), T(4)), both)));
      step = hn::Div(hn::Mul(hn::Mul(hn::Set(D(), T(2)), step), left), hn::Add(one, root));
    }
    const V moved = hn::Add(f, step);
    const auto unpulled = hn::Or(hn::Le(p.toward, zero), hn::Le(p.curvature, zero));
    const auto gone = hn::Or(unpulled, hn::Le(moved, zero));  // NaN stays
    return hn::IfThenElse(hn::Gt(away, zero), hn::IfThenZeroElse(gone, moved), f);
  }
};

// The same for core::squared_step.
template <class D>
struct SquaredStep {
  using V = hn::Vec<D>;
  using T = hn::TFromD<D>;
  static constexpr bool kWeighted = true;
  V l1, l2;

  explicit HWY_INLINE SquaredStep(const ColumnProblem<T>& p)
      : l1(hn::Set(D(), static_cast<T>(p.penalty.l1))), l2(hn::Set(D(), static_cast<T>(p.penalty.l2))) {}

  HWY_INLINE void add(const V& x, const V& weight, const V& h, const V& v, Pulls<V>& p) const {
    const V weighted = hn::Mul(weight, h);
    p.toward = hn::MulAdd(weighted, hn::Sub(x, v), p.toward);
    p.curvature = hn::MulAdd(weighted, h, p.curvature);
  }

  HWY_INLINE V next(const V& f, const Pulls<V>& p) const {
    const V zero = hn::Zero(D());
    const V curvature = hn::Add(p.curvature, l2), toward = hn::Sub(p.toward, hn::MulAdd(l2, f, l1));
    const V moved = hn::Add(f, hn::Div(toward, curvature));
    return hn::IfThenElse(hn::Gt(curvature, zero), hn::IfThenZeroElse(hn::Le(moved, zero), moved), f);  // NaN stays
  }
};

// function(step) with that of the problem.
template <class D, class T, class Function>
HWY_INLINE void with_step(D, const ColumnProblem<T>& problem, bool weighted, Function&& function) {
  if (!weighted) {
    function(KullbackLeiblerStep<false, D>(problem));
  } else if (problem.divergence.beta == 1) {
    function(KullbackLeiblerStep<true, D>(problem));
  } else {
    function(SquaredStep<D>(problem));
  }
}

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
