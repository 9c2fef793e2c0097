#include "host/cpu/coordinate_descent.hpp"

#include <algorithm>

#include "host/core/coordinate_step.hpp"
#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/coordinate_descent.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/partial-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using core::Pull;

// function(first entry, load and store as of whole vectors or of the rest).
template <class T, class Function>
HWY_INLINE void for_vectors(std::int64_t count, Function&& function) {
  using D = hn::ScalableTag<T>;
  constexpr std::int64_t n = HWY_LANES(T);
  std::int64_t e = 0;
  for (; e + n <= count; e += n) function(e, Partial<D>(D(), n));
  if (e < count) function(e, Partial<D>(D(), count - e));
}

// v += step * h
template <class T>
HWY_INLINE void move(const T* h, T step, std::int64_t count, T* v) {
  const hn::ScalableTag<T> d;
  const auto s = hn::Set(d, step);
  for_vectors<T>(count, [&](std::int64_t e, const auto& part)
                            HWY_ATTR { part.store(hn::MulAdd(s, part.load(h + e), part.load(v + e)), v + e); });
}

// How entries add up to a Pull; without weights what pushes away is known.
template <bool kWeighted, class T>
struct KullbackLeiblerStep {
  T floor;

  HWY_INLINE Pull<T> pull(const T* x, const T* weights, const T* h, const T* v, std::int64_t count) const {
    const hn::ScalableTag<T> d;
    const auto least = hn::Set(d, floor), one = hn::Set(d, T(1));
    auto toward = hn::Zero(d), away = hn::Zero(d), curvature = hn::Zero(d);
    for_vectors<T>(count, [&](std::int64_t e, const auto& part) HWY_ATTR {
      const auto component = part.load(h + e);
      const auto scaled = hn::Mul(component, hn::Div(one, hn::Max(part.load(v + e), least)));
      auto term = hn::Mul(part.load(x + e), scaled);
      if constexpr (kWeighted) {
        const auto weight = part.load(weights + e);
        term = hn::Mul(weight, term);
        away = hn::MulAdd(weight, component, away);
      }
      toward = hn::Add(toward, term);
      curvature = hn::MulAdd(term, scaled, curvature);
    });
    return {hn::GetLane(hn::SumOfLanes(d, toward)), hn::GetLane(hn::SumOfLanes(d, away)),
            hn::GetLane(hn::SumOfLanes(d, curvature))};
  }

  static T next(T f, const Pull<T>& p, T l1, T l2) { return core::kullback_leibler_step(f, p, l1, l2); }
};

template <class T>
struct SquaredStep {
  HWY_INLINE Pull<T> pull(const T* x, const T* weights, const T* h, const T* v, std::int64_t count) const {
    const hn::ScalableTag<T> d;
    auto toward = hn::Zero(d), curvature = hn::Zero(d);
    for_vectors<T>(count, [&](std::int64_t e, const auto& part) HWY_ATTR {
      const auto component = part.load(h + e), weighted = hn::Mul(part.load(weights + e), component);
      toward = hn::MulAdd(weighted, hn::Sub(part.load(x + e), part.load(v + e)), toward);
      curvature = hn::MulAdd(weighted, component, curvature);
    });
    return {hn::GetLane(hn::SumOfLanes(d, toward)), 0, hn::GetLane(hn::SumOfLanes(d, curvature))};
  }

  static T next(T f, const Pull<T>& p, T l1, T l2) { return core::squared_step(f, p, l1, l2); }
};

// `component(c)`: component c of the fixed factor at the entries.
template <class Step, class T, class Component>
HWY_INLINE void descend_column(const Step& step, const ColumnProblem<T>& p, const T* x, const T* weights,
                               std::int64_t count, Component&& component, T* v, T* f) {
  std::fill_n(v, count, T(0));
  for (int c = 0; c < p.rank; ++c) {
    if (f[c] != 0) move(component(c), f[c], count, v);
  }
  const T l1 = static_cast<T>(p.penalty.l1), l2 = static_cast<T>(p.penalty.l2);
  for (int sweep = 0; sweep < p.sweeps; ++sweep) {
    for (int c = 0; c < p.rank; ++c) {
      const T* h = component(c);
      Pull<T> pull = step.pull(x, weights, h, v, count);
      if (weights == nullptr) pull.away = p.sums[c];
      const T next = std::max(T(0), step.next(f[c], pull, l1, l2));
      if (next != f[c]) move(h, next - f[c], count, v);
      f[c] = next;
    }
  }
}

template <class T, class Component>
HWY_INLINE void descend_any(const ColumnProblem<T>& p, const T* x, const T* weights, std::int64_t count,
                            Component&& component, T* v, T* f) {
  const auto floor = static_cast<T>(p.divergence.floor);
  if (weights == nullptr) {
    descend_column(KullbackLeiblerStep<false, T>{floor}, p, x, weights, count, component, v, f);
  } else if (std::all_of(weights, weights + count, [](T weight) { return weight == 0; })) {
    std::fill_n(f, p.rank, T(0));
  } else if (p.divergence.beta == 1) {
    descend_column(KullbackLeiblerStep<true, T>{floor}, p, x, weights, count, component, v, f);
  } else {
    descend_column(SquaredStep<T>{}, p, x, weights, count, component, v, f);
  }
}

#define ORTHANT_DESCEND(T)                                                                                  \
  void descend_##T(const ColumnProblem<T>& p, const T* x, const T* weights, std::int64_t count, const T* h, \
                   std::int64_t ld_h, T* v, T* f) {                                                         \
    descend_any(                                                                                            \
        p, x, weights, count, [&](int c) HWY_ATTR { return h + c * ld_h; }, v, f);                          \
  }                                                                                                         \
  void gathered_##T(const ColumnProblem<T>& p, const T* x, const T* weights, std::int64_t count,            \
                    core::Factor<const T> fixed, const std::int32_t* indices, T* h, T* v, T* f) {           \
    const auto component = [&](int c) HWY_ATTR {                                                            \
      for (std::int64_t e = 0; e < count; ++e) h[e] = fixed.data[indices[e] * fixed.ld + c];                \
      return static_cast<const T*>(h);                                                                      \
    };                                                                                                      \
    descend_any(p, x, weights, count, component, v, f);                                                     \
  }
ORTHANT_DESCEND(float)
ORTHANT_DESCEND(double)
#undef ORTHANT_DESCEND

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

#define ORTHANT_DESCEND(T)                                                                                    \
  HWY_EXPORT(descend_##T);                                                                                    \
  HWY_EXPORT(gathered_##T);                                                                                   \
  template <>                                                                                                 \
  void descend(const ColumnProblem<T>& problem, const T* x, const T* weights, std::int64_t count, const T* h, \
               std::int64_t ld_h, T* v, T* f) {                                                               \
    HWY_DYNAMIC_DISPATCH(descend_##T)(problem, x, weights, count, h, ld_h, v, f);                             \
  }                                                                                                           \
  template <>                                                                                                 \
  void descend_gathered(const ColumnProblem<T>& problem, const T* x, const T* weights, std::int64_t count,    \
                        core::Factor<const T> fixed, const std::int32_t* indices, T* h, T* v, T* f) {         \
    HWY_DYNAMIC_DISPATCH(gathered_##T)(problem, x, weights, count, fixed, indices, h, v, f);                  \
  }
ORTHANT_DESCEND(float)
ORTHANT_DESCEND(double)
#undef ORTHANT_DESCEND

}  // namespace orthant::cpu
#endif
