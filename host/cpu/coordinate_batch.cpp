#include <algorithm>
#include <type_traits>

#include "host/cpu/coordinate_descent.hpp"
#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/coordinate_batch.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/coordinate_step-inl.hpp"
#include "host/cpu/transpose-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int64_t kAhead = 2;  // entries of every lane ahead, whose columns are fetched

template <class T>
HWY_INLINE void fetch(const T* column, int components) {
  for (int c = 0; c < components; c += kBatch<T>) hwy::Prefetch(column + c);
}

// fits[e * kBatch + l] = sum over c of f[c * kBatch + l] h[c * ld_h + e * kBatch + l], l < Lanes.
template <class T>
HWY_INLINE void fit(int rank, std::int64_t count, const T* f, const T* h, std::int64_t ld_h, T* fits) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr std::int64_t line = kBatch<T>;
  const auto some = [&](std::int64_t e, auto entries) HWY_ATTR {
    constexpr int kEntries = decltype(entries)::value;
    V sums[kEntries];
    ORTHANT_UNROLL for (int a = 0; a < kEntries; ++a) sums[a] = hn::Zero(d);
    for (int c = 0; c < rank; ++c) {
      const V fc = hn::Load(d, f + c * line);
      const T* component = h + c * ld_h + e * line;
      ORTHANT_UNROLL for (int a = 0; a < kEntries; ++a) {
        sums[a] = hn::MulAdd(fc, hn::Load(d, component + a * line), sums[a]);
      }
    }
    ORTHANT_UNROLL for (int a = 0; a < kEntries; ++a) hn::Store(sums[a], d, fits + (e + a) * line);
  };
  std::int64_t e = 0;
  for (; e + 4 <= count; e += 4) some(e, std::integral_constant<int, 4>());
  for (; e < count; ++e) some(e, std::integral_constant<int, 1>());
}

// Lanes of the batch from its pointers on; f and h as of fit().
template <class Step, class T>
HWY_INLINE void descend_lanes(const Step& step, const ColumnProblem<T>& p, std::int64_t count, const T* x,
                              const T* weights, const T* h, std::int64_t ld_h, T* v, T* f) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr std::int64_t line = kBatch<T>;
  V move = hn::Zero(d);  // of the component before
  const T* before = h;
  for (int sweep = 0; sweep < p.sweeps; ++sweep) {
    for (int c = 0; c < p.rank; ++c) {
      const T* component = h + c * ld_h;
      Pulls<V> pulls{hn::Zero(d), Step::kWeighted ? hn::Zero(d) : hn::Set(d, p.sums[c]), hn::Zero(d)};
      for (std::int64_t e = 0; e < count * line; e += line) {
        const V moved = hn::MulAdd(move, hn::Load(d, before + e), hn::Load(d, v + e));
        hn::Store(moved, d, v + e);
        V weight = hn::Zero(d);
        if constexpr (Step::kWeighted) weight = hn::Load(d, weights + e);
        step.add(hn::Load(d, x + e), weight, hn::Load(d, component + e), moved, pulls);
      }
      const V now = hn::Load(d, f + c * line), next = step.next(now, pulls);
      move = hn::Sub(next, now);
      hn::Store(next, d, f + c * line);
      before = component;
    }
  }
  if constexpr (Step::kWeighted) {
    V most = hn::Zero(d);
    for (std::int64_t e = 0; e < count * line; e += line) most = hn::Max(most, hn::Load(d, weights + e));
    const auto counts = hn::Gt(most, hn::Zero(d));
    for (int c = 0; c < p.rank; ++c) {
      hn::Store(hn::IfThenElseZero(counts, hn::Load(d, f + c * line)), d, f + c * line);
    }
  }
}

template <class T>
void descend_columns(const ColumnProblem<T>& p, const ColumnBatch<T>& batch, core::Factor<const T> fixed, T* scratch) {
  constexpr int line = kBatch<T>, n = kLanes<T>;
  const std::int64_t count = batch.count;
  const std::int64_t ld_h = (count | 1) * line;  // odd: components begin in different sets of the cache
  T *h = scratch, *v = h + p.rank * ld_h, *f = v + count * line, *zeros = f + p.rank * line;
  std::fill_n(zeros, p.rank, T(0));
  for (int first = 0; first < batch.columns; first += n) {
    for (std::int64_t e = 0; e < count; ++e) {
      const T* columns[n];
      for (int j = 0; j < n; ++j) {
        const std::int64_t index = batch.indices[e * line + first + j];
        columns[j] = index < 0 ? zeros : fixed.column(index);
        const std::int64_t ahead = batch.indices[std::min(e + kAhead, count - 1) * line + first + j];
        if (ahead >= 0) fetch(fixed.column(ahead), p.rank);
      }
      transpose_rows([&](int j, int c) HWY_ATTR { return columns[j] + c; }, p.rank, h + e * line + first, ld_h);
    }
    transpose_rows([&](int j, int c) HWY_ATTR { return (first + j < batch.columns ? batch.f[first + j] : zeros) + c; },
                   p.rank, f + first, line);
    fit(p.rank, count, f + first, h + first, ld_h, v + first);
    with_step(hn::ScalableTag<T>(), p, batch.weights != nullptr, [&](const auto& step) HWY_ATTR {
      descend_lanes(step, p, count, batch.x + first, batch.weights != nullptr ? batch.weights + first : nullptr,
                    h + first, ld_h, v + first, f + first);
    });
    for (int j = first; j < std::min(first + n, batch.columns); ++j) {
      for (int c = 0; c < p.rank; ++c) batch.f[j][c] = f[c * line + j];
    }
  }
}

template <class T>
void gather_rows(core::Factor<const T> fixed, int first, int components, const std::int32_t* indices,
                 std::int64_t count, T* out, std::int64_t ld_out) {
  constexpr int n = kLanes<T>;
  std::int64_t e = 0;
  for (; e + n <= count; e += n) {
    for (int j = 0; j < n; ++j) {
      fetch(fixed.column(indices[std::min(e + kAhead * n + j, count - 1)]) + first, components);
    }
    transpose_rows([&](int j, int c) HWY_ATTR { return fixed.column(indices[e + j]) + first + c; }, components, out + e,
                   ld_out);
  }
  for (; e < count; ++e) {
    for (int c = 0; c < components; ++c) out[c * ld_out + e] = fixed.column(indices[e])[first + c];
  }
}

#define ORTHANT_BATCH(T)                                                                                      \
  void descend_batch_##T(const ColumnProblem<T>& p, const ColumnBatch<T>& batch, core::Factor<const T> fixed, \
                         T* scratch) {                                                                        \
    descend_columns(p, batch, fixed, scratch);                                                                \
  }                                                                                                           \
  void gather_##T(core::Factor<const T> fixed, int first, int components, const std::int32_t* indices,        \
                  std::int64_t count, T* out, std::int64_t ld_out) {                                          \
    gather_rows(fixed, first, components, indices, count, out, ld_out);                                       \
  }
ORTHANT_BATCH(float)
ORTHANT_BATCH(double)
#undef ORTHANT_BATCH

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

#define ORTHANT_BATCH(T)                                                                                               \
  HWY_EXPORT(descend_batch_##T);                                                                                       \
  HWY_EXPORT(gather_##T);                                                                                              \
  template <>                                                                                                          \
  void descend_batch(const ColumnProblem<T>& problem, const ColumnBatch<T>& batch, core::Factor<const T> fixed,        \
                     T* scratch) {                                                                                     \
    HWY_DYNAMIC_DISPATCH(descend_batch_##T)(problem, batch, fixed, scratch);                                           \
  }                                                                                                                    \
  template <>                                                                                                          \
  void gather(core::Factor<const T> fixed, int first, int components, const std::int32_t* indices, std::int64_t count, \
              T* out, std::int64_t ld_out) {                                                                           \
    HWY_DYNAMIC_DISPATCH(gather_##T)(fixed, first, components, indices, count, out, ld_out);                           \
  }
ORTHANT_BATCH(float)
ORTHANT_BATCH(double)
#undef ORTHANT_BATCH

}  // namespace orthant::cpu
#endif
