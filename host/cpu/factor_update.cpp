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

#include "host/cpu/transpose-inl.hpp"

// Columns are independent, so they run along the SIMD lanes: a block of 64 columns of F and R is transposed into scratch
// (component c of all of them contiguous), and each entry of G, broadcast, serves the block. Transposing in registers
// costs about what the arithmetic costs at k = 16 and little from k = 32 on; the other form, components along the lanes,
// needs a dependent chain through memory for each component.
HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

enum class Kind { hals, multiplicative, probe };

// sum over d in [begin, end) of g[d] f[d], added to acc; f has kUpdateColumns entries per component.
template <int kVectors, class D, class V, class T>
HWY_INLINE void accumulate(D d, const T* g, const T* f, int begin, int end, V (&acc)[kVectors]) {
  constexpr int n = kLanes<T>;
  for (int e = begin; e < end; ++e) {
    const V ge = hn::Set(d, g[e]);
    const T* column = f + static_cast<std::ptrdiff_t>(e) * kUpdateColumns;
    ORTHANT_UNROLL for (int v = 0; v < kVectors; ++v) acc[v] = hn::MulAdd(ge, hn::Load(d, column + v * n), acc[v]);
  }
}

// A sum of squares, lane by lane in double: squares of float would leave its range.
template <class T>
struct SquareSum {
  using D = hn::ScalableTag<double>;
  hn::Vec<D> sum;

  HWY_INLINE SquareSum() : sum(hn::Zero(D())) {}

  template <class V>
  HWY_INLINE void add(V v) {
    if constexpr (sizeof(T) == 8) {
      sum = hn::MulAdd(v, v, sum);
    } else {
#if HWY_TARGET == HWY_SCALAR
      add_double(hn::PromoteTo(D(), v));
#else
      const hn::Half<hn::ScalableTag<T>> half;
      add_double(hn::PromoteTo(D(), hn::LowerHalf(half, v)));
      add_double(hn::PromoteTo(D(), hn::UpperHalf(half, v)));
#endif
    }
  }
  HWY_INLINE void add_double(hn::Vec<D> v) { sum = hn::MulAdd(v, v, sum); }
  HWY_INLINE double total() const {
    double lanes[kLanes<double>];
    hn::StoreU(sum, D(), lanes);
    double result = 0;
    for (double lane : lanes) result += lane;
    return result;
  }
};

template <Kind kKind, bool kKkt, class T>
core::KktSums update_block(T* f, const T* r, T* out, core::Gram<const T> gram, core::ScaledPenalty penalty,
                           int sweeps) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int n = kLanes<T>;
  constexpr int kVectors = std::min(4, kUpdateColumns / n);
  const int k = gram.rank;
  const V zero = hn::Zero(d);
  const V l1 = hn::Set(d, static_cast<T>(penalty.l1));
  core::KktSums sums;
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    SquareSum<T> steps, products;
    for (int c = 0; c < k; ++c) {
      const T* g = gram.data + static_cast<std::ptrdiff_t>(c) * k;
      const T curvature = g[c] + static_cast<T>(penalty.l2);
      const V h = hn::Set(d, curvature);
      const V inverse = hn::Set(d, curvature > 0 ? 1 / curvature : T(0));
      for (int group = 0; group < kUpdateColumns; group += kVectors * n) {
        const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(c) * kUpdateColumns + group;
        V others[kVectors];
        ORTHANT_UNROLL for (int v = 0; v < kVectors; ++v) others[v] = l1;
        // Without the own term, so that a column whose products are 0 becomes exactly 0.
        accumulate(d, g, f + group, 0, c, others);
        accumulate(d, g, f + group, c + 1, k, others);
        ORTHANT_UNROLL for (int v = 0; v < kVectors; ++v) {
          const V rv = hn::Load(d, r + at + v * n);
          const V fv = hn::Load(d, f + at + v * n);
          const V own = hn::Mul(h, fv);
          if constexpr (kKind == Kind::hals) {
            const V numerator = hn::Sub(rv, others[v]);
            hn::Store(hn::Max(zero, hn::Mul(numerator, inverse)), d, f + at + v * n);
          } else if constexpr (kKind == Kind::multiplicative) {
            const V denominator = hn::Add(others[v], own);
            const V ratio = hn::Div(rv, denominator);
            const V next = hn::Mul(fv, ratio);
            // Subnormal numbers are slow and carry no digits; 0/0 (NaN fails the comparison) is 0.
            const auto normal = hn::Ge(next, hn::Set(d, std::numeric_limits<T>::min()));
            hn::Store(hn::IfThenElseZero(hn::And(normal, hn::Gt(denominator, zero)), next), d, out + at + v * n);
          }
          if constexpr (kKkt) {
            const V gradient = hn::Sub(hn::Add(others[v], own), rv);
            steps.add(hn::Min(own, gradient));
            products.add(rv);
          }
        }
      }
    }
    if (kKkt && sweep == 0) sums = {steps.total(), products.total()};
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
    sums += kkt != nullptr ? update_block<kKind, true>(ft, rt, out, terms.gram, penalty, sweeps)
                           : update_block<kKind, false>(ft, rt, out, terms.gram, penalty, sweeps);
    if constexpr (kKind != Kind::probe) transpose<T>(out, kUpdateColumns, f.column(j), f.ld, columns, f.rank);
  }
  if (kkt != nullptr) *kkt = sums;
}

#define ORTHANT_UPDATES(T, name)                                                                                    \
  void hals_##name(core::Factor<T> f, const core::Terms<T>& t, core::ScaledPenalty p, int s, core::KktSums* kkt) {  \
    update<Kind::hals, T>(f, t, p, s, kkt);                                                                         \
  }                                                                                                                 \
  void multiplicative_##name(core::Factor<T> f, const core::Terms<T>& t, core::ScaledPenalty p, core::KktSums* kkt) { \
    update<Kind::multiplicative, T>(f, t, p, 1, kkt);                                                               \
  }                                                                                                                 \
  void kkt_##name(core::Factor<const T> f, const core::Terms<T>& t, core::ScaledPenalty p, core::KktSums* kkt) {    \
    update<Kind::probe, T>(f, t, p, 1, kkt);                                                                        \
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
