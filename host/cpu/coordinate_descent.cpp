#include "host/cpu/coordinate_descent.hpp"

#include <algorithm>

#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/coordinate_descent.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/coordinate_step-inl.hpp"
#include "host/cpu/partial-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Lines that share what is loaded of the fixed factor, as many as there are registers for, and fill the time until a
// step is known.
constexpr int kTogether = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64 ? 4 : 2;
static_assert(kLines % kTogether == 0);

template <int kCount, class Step, class T>
HWY_INLINE void descend_together(const Step& step, const ColumnProblem<T>& p, const Lines<T>& lines, int first,
                                 const T* h, std::int64_t ld_h, T* v_of_lines, core::Factor<T> f_of_lines,
                                 bool finish) {
  const hn::ScalableTag<T> d;
  using D = decltype(d);
  using V = hn::Vec<D>;
  constexpr std::int64_t n = HWY_LANES(T);
  const std::int64_t whole = lines.count / n * n;
  const Partial<D> rest(d, lines.count - whole);
  const T *x = lines.x + first * lines.ld, *weights = lines.weights + first * lines.ld_weights;
  T *v = v_of_lines + first * ld_h, *f = f_of_lines.column(first);
  V moves[kCount];  // of the component before
  ORTHANT_UNROLL for (int j = 0; j < kCount; ++j) moves[j] = hn::Zero(d);
  const T* before = h;
  for (int sweep = 0; sweep < p.sweeps; ++sweep) {
    for (int c = 0; c < p.rank; ++c) {
      const T* component = h + c * ld_h;
      Pulls<V> pulls[kCount];
      ORTHANT_UNROLL for (int j = 0; j < kCount; ++j) pulls[j] = {hn::Zero(d), hn::Zero(d), hn::Zero(d)};
      const auto visit = [&](std::int64_t e, const auto& load) HWY_ATTR {
        const V h_before = hn::Load(d, before + e), h_now = hn::Load(d, component + e);
        ORTHANT_UNROLL for (int j = 0; j < kCount; ++j) {
          T* fit = v + j * ld_h + e;
          const V moved = hn::MulAdd(moves[j], h_before, hn::Load(d, fit));
          hn::Store(moved, d, fit);
          V weight = hn::Zero(d);
          if constexpr (Step::kWeighted) weight = load(weights + j * lines.ld_weights + e);
          step.add(load(x + j * lines.ld + e), weight, h_now, moved, pulls[j]);
        }
      };
      for (std::int64_t e = 0; e < whole; e += n) {
        visit(e, [&](const T* at) HWY_ATTR { return hn::LoadU(d, at); });
      }
      if (whole < lines.count) visit(whole, [&](const T* at) HWY_ATTR { return rest.load(at); });
      ORTHANT_UNROLL for (int j = 0; j < kCount; ++j) {
        const V away = Step::kWeighted ? hn::SumOfLanes(d, pulls[j].away) : hn::Set(d, p.sums[c]);
        const V now = hn::Set(d, f[j * f_of_lines.ld + c]);
        const V next =
            step.next(now, {hn::SumOfLanes(d, pulls[j].toward), away, hn::SumOfLanes(d, pulls[j].curvature)});
        moves[j] = hn::Sub(next, now);
        f[j * f_of_lines.ld + c] = hn::GetLane(next);
      }
      before = component;
    }
  }
  if (!finish) return;
  for (int j = 0; j < kCount; ++j) {
    for (std::int64_t e = 0; e < lines.count; e += n) {
      T* fit = v + j * ld_h + e;
      hn::Store(hn::MulAdd(moves[j], hn::Load(d, before + e), hn::Load(d, fit)), d, fit);
    }
  }
}

template <class T>
void descend_lines(const ColumnProblem<T>& p, const Lines<T>& lines, const T* h, std::int64_t ld_h, T* v,
                   core::Factor<T> f, bool finish) {
  with_step(hn::ScalableTag<T>(), p, lines.weights != nullptr, [&](const auto& step) HWY_ATTR {
    int j = 0;
    for (; j + kTogether <= f.count; j += kTogether) {
      descend_together<kTogether>(step, p, lines, j, h, ld_h, v, f, finish);
    }
    for (; j < f.count; ++j) descend_together<1>(step, p, lines, j, h, ld_h, v, f, finish);
  });
  for (int j = 0; lines.weights != nullptr && j < f.count; ++j) {
    const T* weights = lines.weights + j * lines.ld_weights;
    if (std::all_of(weights, weights + lines.count, [](T weight) { return weight == 0; })) {
      std::fill_n(f.column(j), p.rank, T(0));
    }
  }
}

#define ORTHANT_DESCEND(T)                                                                                \
  void descend_##T(const ColumnProblem<T>& p, const Lines<T>& lines, const T* h, std::int64_t ld_h, T* v, \
                   core::Factor<T> f, bool finish) {                                                      \
    descend_lines(p, lines, h, ld_h, v, f, finish);                                                       \
  }
ORTHANT_DESCEND(float)
ORTHANT_DESCEND(double)
#undef ORTHANT_DESCEND

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

#define ORTHANT_DESCEND(T)                                                                                  \
  HWY_EXPORT(descend_##T);                                                                                  \
  template <>                                                                                               \
  void descend(const ColumnProblem<T>& problem, const Lines<T>& lines, const T* h, std::int64_t ld_h, T* v, \
               core::Factor<T> f, bool finish) {                                                            \
    HWY_DYNAMIC_DISPATCH(descend_##T)(problem, lines, h, ld_h, v, f, finish);                               \
  }
ORTHANT_DESCEND(float)
ORTHANT_DESCEND(double)
#undef ORTHANT_DESCEND

}  // namespace orthant::cpu
#endif
