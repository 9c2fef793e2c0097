#include "host/cpu/coordinate_descent.hpp"

#include <algorithm>

#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/coordinate_descent.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/partial-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

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

template <class T>
struct Pull {
  T ratio, curvature;  // sums over the entries of h x / v and h^2 x / v^2
};

template <class T>
HWY_INLINE Pull<T> pull(const T* x, const T* h, const T* v, std::int64_t count, T floor) {
  const hn::ScalableTag<T> d;
  const auto least = hn::Set(d, floor), one = hn::Set(d, T(1));
  auto ratio = hn::Zero(d), curvature = hn::Zero(d);
  for_vectors<T>(count, [&](std::int64_t e, const auto& part) HWY_ATTR {
    const auto scaled = hn::Mul(part.load(h + e), hn::Div(one, hn::Max(part.load(v + e), least)));
    const auto term = hn::Mul(part.load(x + e), scaled);
    ratio = hn::Add(ratio, term);
    curvature = hn::MulAdd(term, scaled, curvature);
  });
  return {hn::GetLane(hn::SumOfLanes(d, ratio)), hn::GetLane(hn::SumOfLanes(d, curvature))};
}

// `component(c)`: component c of the fixed factor at the entries.
template <class T, class Component>
HWY_INLINE void descend_column(const ColumnProblem<T>& p, const T* x, std::int64_t count, Component&& component, T* v,
                               T* f) {
  std::fill_n(v, count, T(0));
  for (int c = 0; c < p.rank; ++c) {
    if (f[c] != 0) move(component(c), f[c], count, v);
  }
  const T l1 = static_cast<T>(p.penalty.l1), l2 = static_cast<T>(p.penalty.l2);
  for (int sweep = 0; sweep < p.sweeps; ++sweep) {
    for (int c = 0; c < p.rank; ++c) {
      const T* h = component(c);
      const T push = p.sums[c] + l1 + l2 * f[c];
      if (!(push > 0)) continue;  // a dead component
      const Pull<T> toward = pull(x, h, v, count, p.floor);
      T next = 0;
      if (toward.ratio > 0 && toward.curvature > 0) {
        next = f[c] + (toward.ratio - push) / (toward.curvature * (push / toward.ratio) + l2);
        if (!(next > 0)) next = 0;
      }
      if (next != f[c]) move(h, next - f[c], count, v);
      f[c] = next;
    }
  }
}

#define ORTHANT_DESCEND(T)                                                                                         \
  void descend_##T(const ColumnProblem<T>& p, const T* x, std::int64_t count, const T* h, std::int64_t ld_h, T* v, \
                   T* f) {                                                                                         \
    descend_column(                                                                                                \
        p, x, count, [&](int c) HWY_ATTR { return h + c * ld_h; }, v, f);                                          \
  }                                                                                                                \
  void gathered_##T(const ColumnProblem<T>& p, const T* x, std::int64_t count, core::Factor<const T> fixed,        \
                    const std::int32_t* indices, T* h, T* v, T* f) {                                               \
    const auto component = [&](int c) HWY_ATTR {                                                                   \
      for (std::int64_t e = 0; e < count; ++e) h[e] = fixed.data[indices[e] * fixed.ld + c];                       \
      return static_cast<const T*>(h);                                                                             \
    };                                                                                                             \
    descend_column(p, x, count, component, v, f);                                                                  \
  }
ORTHANT_DESCEND(float)
ORTHANT_DESCEND(double)
#undef ORTHANT_DESCEND

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

#define ORTHANT_DESCEND(T)                                                                                            \
  HWY_EXPORT(descend_##T);                                                                                            \
  HWY_EXPORT(gathered_##T);                                                                                           \
  template <>                                                                                                         \
  void descend(const ColumnProblem<T>& problem, const T* x, std::int64_t count, const T* h, std::int64_t ld_h, T* v,  \
               T* f) {                                                                                                \
    HWY_DYNAMIC_DISPATCH(descend_##T)(problem, x, count, h, ld_h, v, f);                                              \
  }                                                                                                                   \
  template <>                                                                                                         \
  void descend_gathered(const ColumnProblem<T>& problem, const T* x, std::int64_t count, core::Factor<const T> fixed, \
                        const std::int32_t* indices, T* h, T* v, T* f) {                                              \
    HWY_DYNAMIC_DISPATCH(gathered_##T)(problem, x, count, fixed, indices, h, v, f);                                   \
  }
ORTHANT_DESCEND(float)
ORTHANT_DESCEND(double)
#undef ORTHANT_DESCEND

}  // namespace orthant::cpu
#endif
