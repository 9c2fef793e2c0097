#include "host/cpu/factor_update.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "host/cpu/scratch.hpp"
#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/factor_update.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/double_sum-inl.hpp"
#include "host/cpu/transpose-inl.hpp"

// Columns are independent, so they run along the SIMD lanes: a block of columns of F and R is transposed into scratch
// (component c of all of them contiguous), and each entry of G, broadcast, serves the block. Components are updated in
// order, but four at a time share what they need of all others: 4 x 3 sums in registers from 4 + 3 loads, so that a
// sweep runs near the speed of a product (the blocking of ALO-NMF, Moon et al. 2020).
HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

enum class Kind { hals, multiplicative, probe };

constexpr int kComponents = 4, kVectors = 3;
template <class T>
using Vec = hn::Vec<hn::ScalableTag<T>>;

// sums(a, v) += the sum over e in [begin, end) of g(a, e) f(e, v), row a of g being g + a * k; f has kUpdateColumns
// entries per component.
template <int kC, int kV, class T>
HWY_INLINE void accumulate(const T* g, int k, const T* f, int begin, int end, Vec<T> (&sums)[kC][kV]) {
  const hn::ScalableTag<T> d;
  constexpr int n = kLanes<T>;
  for (int e = begin; e < end; ++e) {
    const T* column = f + static_cast<std::ptrdiff_t>(e) * kUpdateColumns;
    Vec<T> fe[kV];
    ORTHANT_UNROLL for (int v = 0; v < kV; ++v) fe[v] = hn::Load(d, column + v * n);
    ORTHANT_UNROLL for (int a = 0; a < kC; ++a) {
      const Vec<T> ge = hn::Set(d, g[static_cast<std::ptrdiff_t>(a) * k + e]);
      ORTHANT_UNROLL for (int v = 0; v < kV; ++v) sums[a][v] = hn::MulAdd(ge, fe[v], sums[a][v]);
    }
  }
}

template <class T>
struct UpdateOperands {
  T* f;        // at the first column of the vectors worked on
  const T* r;  // likewise
  T* out;      // likewise; f itself, except where all components must see the old f
  core::Gram<const T> gram;
  core::ScaledPenalty penalty;
};

// f, but 0 in columns whose k products are all 0.
template <class V, class T>
HWY_INLINE V keep_unless_empty(V f, const T* r, int k) {
  const hn::ScalableTag<T> d;
  V largest = hn::Zero(d);
  for (int e = 0; e < k; ++e) {
    largest = hn::Max(largest, hn::Abs(hn::Load(d, r + static_cast<std::ptrdiff_t>(e) * kUpdateColumns)));
  }
  return hn::IfThenElseZero(hn::Gt(largest, hn::Zero(d)), f);
}

// kC components, from c on, of kV vectors of columns.
template <Kind kKind, bool kKkt, int kC, int kV, class T>
HWY_INLINE void update_components(const UpdateOperands<T>& o, int c, SquareSum<T>& steps, SquareSum<T>& products) {
  const hn::ScalableTag<T> d;
  using V = Vec<T>;
  constexpr int n = kLanes<T>;
  const int k = o.gram.rank;
  const T* g = o.gram.data + static_cast<std::ptrdiff_t>(c) * k;
  const V zero = hn::Zero(d);
  V others[kC][kV];
  ORTHANT_UNROLL for (int a = 0; a < kC; ++a) {
    ORTHANT_UNROLL for (int v = 0; v < kV; ++v) others[a][v] = hn::Set(d, static_cast<T>(o.penalty.l1));
  }
  // Without the own term, so that a column whose products are 0 becomes exactly 0.
  accumulate<kC, kV>(g, k, o.f, 0, c, others);
  accumulate<kC, kV>(g, k, o.f, c + kC, k, others);
  ORTHANT_UNROLL for (int a = 0; a < kC; ++a) {
    const T* ga = g + static_cast<std::ptrdiff_t>(a) * k;
    V(&sums)[1][kV] = *reinterpret_cast<V(*)[1][kV]>(&others[a]);
    accumulate<1, kV>(ga, k, o.f, c, c + a, sums);
    accumulate<1, kV>(ga, k, o.f, c + a + 1, c + kC, sums);
    const T curvature = ga[c + a] + static_cast<T>(o.penalty.l2);
    const V h = hn::Set(d, curvature);
    const V inverse = hn::Set(d, curvature > 0 ? 1 / curvature : T(0));
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(c + a) * kUpdateColumns;
    ORTHANT_UNROLL for (int v = 0; v < kV; ++v) {
      const V rv = hn::Load(d, o.r + at + v * n);
      const V fv = hn::Load(d, o.f + at + v * n);
      const V own = hn::Mul(h, fv);
      if constexpr (kKind == Kind::hals) {
        const V next = curvature > 0 ? hn::Max(zero, hn::Mul(hn::Sub(rv, others[a][v]), inverse))
                                     : keep_unless_empty(fv, o.r + v * n, k);
        hn::Store(next, d, o.f + at + v * n);
      } else if constexpr (kKind == Kind::multiplicative) {
        const V denominator = hn::MulAdd(h, fv, others[a][v]);  // fused whether or not `own` is used below
        const V ratio = hn::Div(rv, denominator);
        V scaled = hn::Mul(fv, ratio);
        // F / denominator is at most 1 / curvature; the ratio has no bound where the column is next to nothing.
        const auto beyond = hn::Gt(ratio, hn::Set(d, std::numeric_limits<T>::max()));
        if (HWY_UNLIKELY(!hn::AllFalse(d, beyond))) {
          scaled = hn::IfThenElse(beyond, hn::Mul(hn::Div(fv, denominator), rv), scaled);
        }
        // An infinite denominator makes NaN, not a component that seems to have died.
        const V next = hn::Add(scaled, hn::Sub(denominator, denominator));
        // Subnormal numbers are slow and carry no digits; 0/0 is 0.
        const V least = hn::Set(d, std::numeric_limits<T>::min());
        const auto subnormal = hn::Or(hn::Lt(next, least), hn::Lt(denominator, least));
        hn::Store(hn::IfThenZeroElse(subnormal, next), d, o.out + at + v * n);
      }
      if constexpr (kKkt) {
        const V gradient = hn::Sub(hn::Add(others[a][v], own), rv);
        steps.add(hn::Min(own, gradient));
        products.add(rv);
      }
    }
  }
}

// One sweep over kV vectors of columns.
template <Kind kKind, bool kKkt, int kV, class T>
HWY_INLINE void sweep_columns(const UpdateOperands<T>& o, SquareSum<T>& steps, SquareSum<T>& products) {
  int c = 0;
  for (; c + kComponents <= o.gram.rank; c += kComponents) {
    update_components<kKind, kKkt, kComponents, kV>(o, c, steps, products);
  }
  for (; c < o.gram.rank; ++c) update_components<kKind, kKkt, 1, kV>(o, c, steps, products);
}

template <Kind kKind, bool kKkt, class T>
core::KktSums update_block(UpdateOperands<T> o, std::int64_t columns, int sweeps) {
  constexpr int n = kLanes<T>;
  core::KktSums sums;
  for (std::int64_t j = 0; j < columns;) {
    const bool wide = columns - j > 2 * n;
    for (int sweep = 0; sweep < sweeps; ++sweep) {
      SquareSum<T> steps, products;
      if (wide) {
        sweep_columns<kKind, kKkt, kVectors>(o, steps, products);
      } else {
        sweep_columns<kKind, kKkt, 1>(o, steps, products);
      }
      if (kKkt && sweep == 0) sums += {steps.total(), products.total()};
    }
    const int done = (wide ? kVectors : 1) * n;
    j += done;
    o.f += done;
    o.r += done;
    o.out += done;
  }
  return sums;
}

struct UpdateScratch;

template <Kind kKind, class T, class Out>
void update(core::Factor<Out> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, int sweeps,
            core::KktSums* kkt) {
  const std::size_t size = static_cast<std::size_t>(f.rank) * kUpdateColumns;
  T* ft = scratch<UpdateScratch, T>(3 * size);
  T* rt = ft + size;
  T* out = kKind == Kind::multiplicative ? rt + size : ft;
  core::KktSums sums;
  for (std::int64_t j = 0; j < f.count; j += kUpdateColumns) {
    const std::int64_t columns = std::min<std::int64_t>(kUpdateColumns, f.count - j);
    if (columns < kUpdateColumns) std::fill(ft, ft + 2 * size, T(0));  // absent columns stay 0 and add 0 to the sums
    transpose<T>(f.column(j), f.ld, ft, kUpdateColumns, f.rank, columns);
    transpose<T>(terms.numerator.column(j), terms.numerator.ld, rt, kUpdateColumns, f.rank, columns);
    const UpdateOperands<T> operands{ft, rt, out, terms.gram, penalty};
    sums += kkt != nullptr ? update_block<kKind, true>(operands, columns, sweeps)
                           : update_block<kKind, false>(operands, columns, sweeps);
    if constexpr (kKind != Kind::probe) transpose<T>(out, kUpdateColumns, f.column(j), f.ld, columns, f.rank);
  }
  if (kkt != nullptr) *kkt = sums;
}

#define ORTHANT_UPDATES(T, name)                                                                                      \
  void hals_##name(core::Factor<T> f, const core::Terms<T>& t, core::ScaledPenalty p, int s, core::KktSums* kkt) {    \
    update<Kind::hals, T>(f, t, p, s, kkt);                                                                           \
  }                                                                                                                   \
  void multiplicative_##name(core::Factor<T> f, const core::Terms<T>& t, core::ScaledPenalty p, core::KktSums* kkt) { \
    update<Kind::multiplicative, T>(f, t, p, 1, kkt);                                                                 \
  }                                                                                                                   \
  void kkt_##name(core::Factor<const T> f, const core::Terms<T>& t, core::ScaledPenalty p, core::KktSums* kkt) {      \
    update<Kind::probe, T>(f, t, p, 1, kkt);                                                                          \
  }
ORTHANT_UPDATES(float, float)
ORTHANT_UPDATES(double, double)
#undef ORTHANT_UPDATES

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

#define ORTHANT_UPDATES(T, name)                                                                                      \
  HWY_EXPORT(hals_##name);                                                                                            \
  HWY_EXPORT(multiplicative_##name);                                                                                  \
  HWY_EXPORT(kkt_##name);                                                                                             \
  template <>                                                                                                         \
  void FactorUpdate<T>::hals(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, int sweeps, \
                             core::KktSums* kkt) {                                                                    \
    HWY_DYNAMIC_DISPATCH(hals_##name)(f, terms, penalty, sweeps, kkt);                                                \
  }                                                                                                                   \
  template <>                                                                                                         \
  void FactorUpdate<T>::multiplicative(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,   \
                                       core::KktSums* kkt) {                                                          \
    HWY_DYNAMIC_DISPATCH(multiplicative_##name)(f, terms, penalty, kkt);                                              \
  }                                                                                                                   \
  template <>                                                                                                         \
  void FactorUpdate<T>::kkt(core::Factor<const T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,        \
                            core::KktSums* kkt) {                                                                     \
    HWY_DYNAMIC_DISPATCH(kkt_##name)(f, terms, penalty, kkt);                                                         \
  }
ORTHANT_UPDATES(float, float)
ORTHANT_UPDATES(double, double)
#undef ORTHANT_UPDATES

}  // namespace orthant::cpu
#endif
