#include "host/cpu/divergence_elements.hpp"

#include <algorithm>
#include <limits>

#include "host/cpu/scratch.hpp"
#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/divergence_elements.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/columns-inl.hpp"
#include "host/cpu/divergence-inl.hpp"
#include "host/cpu/partial-inl.hpp"
#include "host/cpu/reader-inl.hpp"
#include "host/cpu/transpose-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Where reciprocals of float are approximated to 12 bits or more, which a step of Newton's method makes a few units in
// the last place.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
constexpr bool kHasReciprocal = true;
#else
constexpr bool kHasReciprocal = false;
#endif

// A third of a division's time. y and 1 / y must be normal numbers: fits no smaller than the floor of an X that
// check_range() accepts are, unless they are many orders of magnitude above the mean.
template <class D, class V>
HWY_INLINE V reciprocal(D d, V y) {
  const V r = hn::ApproximateReciprocal(y);
  return hn::Mul(r, hn::NegMulAdd(y, r, hn::Set(d, 2)));
}

template <class D>
struct KullbackLeiblerByReciprocal {
  using V = hn::Vec<D>;
  static constexpr bool kHasDenominator = false;  // it is closed
  V floor;
  HWY_INLINE Coefficients<V> coefficients(D d, V x, V v) const {
    return {hn::Mul(x, reciprocal(d, hn::Max(v, floor))), hn::Set(d, 1)};
  }
};

template <class D>
struct ItakuraSaitoByReciprocal {
  using V = hn::Vec<D>;
  static constexpr bool kHasDenominator = true;
  V floor, of_unit;
  HWY_INLINE Coefficients<V> coefficients(D d, V x, V v) const {
    return ItakuraSaito<D>::of_inverse(x, reciprocal(d, hn::Max(v, floor)), of_unit);
  }
};

// Every entry counting by 1: V is made tile by tile, each turned into coefficients in the registers that it is made in,
// so that the multiply-adds of the next tile hide the latencies.
template <class Kind, class T>
void fused_coefficients(const Kind& kind, Block<T> of_rows, Block<T> of_columns, Block<T> x, T* a, T* b,
                        std::int64_t ld) {
  const hn::ScalableTag<T> d;
  for (std::int64_t j = 0; j < x.columns; j += kStrip<T>) {
    for_portions<kMostOfColumns>(static_cast<int>(x.rows), [&](int i, auto rows) HWY_ATTR {
      constexpr int kRows = decltype(rows)::value;
      const ColumnsOperand<T> fit{.x = of_columns.data,
                                  .ld_x = of_columns.ld,
                                  .f = of_rows.data + i,
                                  .ld_f = of_rows.ld,
                                  .depth = of_rows.rows,
                                  .fresh = true};
      const T* entries = x.data + i * x.ld;
      T *ai = a + i * ld, *bi = Kind::kHasDenominator ? b + i * ld : nullptr;
      columns_tiles<tile_of(kRows), kRows>(fit, j, std::min(j + kStrip<T>, x.columns),
                                           [&](const auto& load, int row, std::int64_t column, hn::Vec<decltype(d)> v)
                                               HWY_ATTR {
                                                 const T* entry = entries + row * x.ld + column;
                                                 hwy::Prefetch(entry + kRows * x.ld);  // of the next portion
                                                 const auto c = kind.coefficients(d, load(entry), v);
                                                 hn::Store(c.numerator, d, ai + row * ld + column);
                                                 if constexpr (Kind::kHasDenominator)
                                                   hn::Store(c.denominator, d, bi + row * ld + column);
                                               });
    });
  }
}

// `kComplete`: every entry counts, by 1.
template <bool kComplete, class Kind, class T>
void coefficients_of(const Kind& kind, Block<T> x, const core::Observed<T>& observed, T* v, T* b, std::int64_t ld) {
  const hn::ScalableTag<T> d;
  using D = decltype(d);
  constexpr std::int64_t n = kLanes<T>;
  const auto visit = [&](const auto& part, const T* xs, const T* given, T* vs, T* bs) HWY_ATTR {
    const auto entry = part.load(xs);
    auto c = kind.coefficients(d, entry, part.load(vs));
    if constexpr (!kComplete) {
      const auto weight = given != nullptr ? part.load(given) : hn::Set(d, T(1));
      const auto counts = counting(d, observed.missing, entry, weight);
      c.numerator = hn::IfThenElseZero(counts, hn::Mul(weight, c.numerator));
      c.denominator = hn::IfThenElseZero(counts, hn::Mul(weight, c.denominator));
    }
    part.store(c.numerator, vs);
    if (bs != nullptr) part.store(c.denominator, bs);
  };
  const std::int64_t whole = x.columns / n * n;
  const Partial<D> all(d, n), rest(d, x.columns - whole);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    const T* row = x.data + i * x.ld;
    T* vi = v + i * ld;
    T* bi = b != nullptr ? b + i * ld : nullptr;
    const T* given = observed.at(i, 0).weights;
    const auto at = [](auto* p, std::int64_t j) { return p != nullptr ? p + j : nullptr; };
    for (std::int64_t j = 0; j < whole; j += n) visit(all, row + j, at(given, j), vi + j, at(bi, j));
    if (whole < x.columns) visit(rest, row + whole, at(given, whole), vi + whole, at(bi, whole));
  }
}

template <class T>
void coefficients(Block<T> of_rows, Block<T> of_columns, Block<T> x, const core::Observed<T>& observed,
                  const core::Divergence& divergence, T* v, T* b, std::int64_t ld) {
  const hn::ScalableTag<T> d;
  if constexpr (kHasReciprocal && sizeof(T) == sizeof(float)) {
    const bool fused = divergence.beta == 1 || divergence.beta == 0;
    if (fused && observed.complete()) {
      const auto floor = hn::Set(d, static_cast<T>(divergence.floor));
      if (divergence.beta == 1) {
        fused_coefficients(KullbackLeiblerByReciprocal<decltype(d)>{floor}, of_rows, of_columns, x, v, b, ld);
      } else {
        const auto of_unit = hn::Set(d, static_cast<T>(1 / divergence.unit));
        fused_coefficients(ItakuraSaitoByReciprocal<decltype(d)>{floor, of_unit}, of_rows, of_columns, x, v, b, ld);
      }
      return;
    }
  }
  columns(of_columns, core::Factor<const T>{of_rows.data, static_cast<int>(of_rows.columns), of_rows.rows, of_rows.ld},
          v, ld, {.fresh = true});
  with_divergence(d, divergence, [&](const auto& kind) {
    if (observed.complete()) {
      coefficients_of<true>(kind, x, observed, v, b, ld);
    } else {
      coefficients_of<false>(kind, x, observed, v, b, ld);
    }
  });
}

struct LossScratch;
constexpr std::int64_t kLossRows = 32;  // whose fits to a strip of columns stay in the first-level cache

// out[c * ld + j] = f(c, j)
template <class T>
void widen_components(core::Factor<const T> f, double* out, std::int64_t ld) {
  for (std::int64_t j = 0; j < f.count; ++j) {
    for (int c = 0; c < f.rank; ++c) out[c * ld + j] = static_cast<double>(f.column(j)[c]);
  }
}

template <class Kind, class T>
double sum_of(const Kind& kind, Block<T> x, const core::Observed<T>& observed, core::Factor<const T> w,
              core::Factor<const T> h) {
  const hn::ScalableTag<double> d;
  using D = decltype(d);
  using V = hn::Vec<D>;
  constexpr std::int64_t n = kLanes<double>, strip = kStrip<double>;
  const int k = w.rank;
  const bool complete = observed.complete();
  double* v = scratch<LossScratch, double>(static_cast<std::size_t>(kLossRows * strip + k * (strip + kLossRows)));
  double *ht = v + kLossRows * strip, *wt = ht + k * strip;
  V sums = hn::Zero(d);
  for (std::int64_t j = 0; j < x.columns; j += strip) {
    const std::int64_t count = std::min(strip, x.columns - j);
    const Reader<D, T> reader(count % n);
    widen_components(h.panel(j, count), ht, strip);
    for (std::int64_t i = 0; i < x.rows; i += kLossRows) {
      const int rows = static_cast<int>(std::min(kLossRows, x.rows - i));
      widen_components(w.panel(i, rows), wt, rows);
      columns(Block<double>{ht, k, count, strip}, core::Factor<const double>{wt, rows, k, rows}, v, strip,
              {.fresh = true});
      for (int row = 0; row < rows; ++row) {
        const T* entries = x.data + (i + row) * x.ld + j;
        const T* given = observed.at(i + row, j).weights;
        for (std::int64_t l = 0; l < count; l += n) {
          const bool whole = l + n <= count;
          const auto read = [&](const T* p) HWY_ATTR { return whole ? reader.whole(p) : reader.last(p); };
          const V entry = read(entries + l);
          V value = kind.value(d, entry, hn::Load(d, v + row * strip + l));
          if (!complete) {
            const V weight = given != nullptr ? read(given + l) : hn::Set(d, 1);
            value = hn::IfThenElseZero(counting(d, observed.missing, entry, weight), hn::Mul(weight, value));
          }
          if (!whole) value = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(count % n)), value);
          sums = hn::Add(sums, value);
        }
      }
    }
  }
  return hn::GetLane(hn::SumOfLanes(d, sums));
}

template <class T>
double sum(Block<T> x, const core::Observed<T>& observed, core::Factor<const T> w, core::Factor<const T> h,
           const core::Divergence& divergence) {
  double result = 0;
  with_divergence(hn::ScalableTag<double>(), divergence,
                  [&](const auto& kind) { result = sum_of(kind, x, observed, w, h); });
  return result;
}

#define ORTHANT_ELEMENTS(T)                                                                                \
  void coefficients_##T(Block<T> of_rows, Block<T> of_columns, Block<T> x, const core::Observed<T>& o,     \
                        const core::Divergence& d, T* v, T* b, std::int64_t ld) {                          \
    coefficients(of_rows, of_columns, x, o, d, v, b, ld);                                                  \
  }                                                                                                        \
  double sum_##T(Block<T> x, const core::Observed<T>& o, core::Factor<const T> w, core::Factor<const T> h, \
                 const core::Divergence& d) {                                                              \
    return sum(x, o, w, h, d);                                                                             \
  }
ORTHANT_ELEMENTS(float)
ORTHANT_ELEMENTS(double)
#undef ORTHANT_ELEMENTS

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

#define ORTHANT_ELEMENTS(T)                                                                                          \
  HWY_EXPORT(coefficients_##T);                                                                                      \
  HWY_EXPORT(sum_##T);                                                                                               \
  template <>                                                                                                        \
  void divergence_coefficients(Block<T> of_rows, Block<T> of_columns, Block<T> x, const core::Observed<T>& observed, \
                               const core::Divergence& divergence, T* v, T* b, std::int64_t ld) {                    \
    HWY_DYNAMIC_DISPATCH(coefficients_##T)(of_rows, of_columns, x, observed, divergence, v, b, ld);                  \
  }                                                                                                                  \
  template <>                                                                                                        \
  double divergence_sum(Block<T> x, const core::Observed<T>& observed, core::Factor<const T> w,                      \
                        core::Factor<const T> h, const core::Divergence& divergence) {                               \
    return HWY_DYNAMIC_DISPATCH(sum_##T)(x, observed, w, h, divergence);                                             \
  }
ORTHANT_ELEMENTS(float)
ORTHANT_ELEMENTS(double)
#undef ORTHANT_ELEMENTS

}  // namespace orthant::cpu
#endif
