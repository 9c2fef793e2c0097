#include "host/cpu/sparse_divergence.hpp"

#include <algorithm>
#include <cmath>

#include "host/cpu/simd.hpp"
#include "host/cpu/subnormals.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/sparse_divergence.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/divergence-inl.hpp"
#include "host/cpu/partial-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Entries worked on together: their columns of f, gathered for the dot products, are still in the first-level cache
// when they are added up; and their element functions fill whole vectors.
constexpr int kEntries = 16;

template <class T>
struct EntryBlock {
  const std::int32_t* indices;
  const std::int32_t* last;  // of all entries
  int count;
  T fits[kEntries], numerators[kEntries], denominators[kEntries];
};

// fits[e] += the dot product over kVectors of components.
template <int kVectors, class T>
HWY_INLINE void add_dots(EntryBlock<T>& block, const T* local, const T* f, std::int64_t ld_f, int lanes_of_last) {
  const hn::ScalableTag<T> d;
  using D = decltype(d);
  constexpr int n = HWY_LANES(T);
  const Partial<D> partial(d, lanes_of_last);
  hn::Vec<D> own[kVectors];
  ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) own[v] = hn::LoadU(d, local + v * n);
  own[kVectors - 1] = partial.load(local + (kVectors - 1) * n);
  for (int e = 0; e < block.count; ++e) {
    const T* column = f + block.indices[e] * ld_f;
    auto sum = hn::Mul(own[kVectors - 1], partial.load(column + (kVectors - 1) * n));
    ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) sum = hn::MulAdd(own[v], hn::LoadU(d, column + v * n), sum);
    block.fits[e] += hn::GetLane(hn::SumOfLanes(d, sum));
    const T* ahead = f + *std::min(block.indices + e + kEntries, block.last) * ld_f;
    ORTHANT_UNROLL for (int v = 0; v < kVectors; ++v) hwy::Prefetch(ahead + v * n);
    hwy::Prefetch(ahead + (kVectors - 1) * n + lanes_of_last - 1);
  }
}

// r += sum over e of weights[e] times kVectors of components of its column.
template <int kVectors, class T>
HWY_INLINE void add_columns(const EntryBlock<T>& block, const T* weights, const T* f, std::int64_t ld_f, T* r,
                            int lanes_of_last) {
  const hn::ScalableTag<T> d;
  using D = decltype(d);
  constexpr int n = HWY_LANES(T);
  const Partial<D> partial(d, lanes_of_last);
  hn::Vec<D> sums[kVectors];
  ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) sums[v] = hn::LoadU(d, r + v * n);
  sums[kVectors - 1] = partial.load(r + (kVectors - 1) * n);
  for (int e = 0; e < block.count; ++e) {
    const T* column = f + block.indices[e] * ld_f;
    const auto weight = hn::Set(d, weights[e]);
    ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) {
      sums[v] = hn::MulAdd(weight, hn::LoadU(d, column + v * n), sums[v]);
    }
    sums[kVectors - 1] = hn::MulAdd(weight, partial.load(column + (kVectors - 1) * n), sums[kVectors - 1]);
  }
  ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) hn::StoreU(sums[v], d, r + v * n);
  partial.store(sums[kVectors - 1], r + (kVectors - 1) * n);
}

// function(first component, vectors as a constant, lanes of the last one) for all components, four vectors at a time.
template <class T, class Function>
HWY_INLINE void for_components(int rank, Function&& function) {
  constexpr int n = HWY_LANES(T);
  for (int c = 0; c < rank;) {
    const int vectors = std::min((rank - c + n - 1) / n, 4), last = std::min(rank - c - (vectors - 1) * n, n);
    switch (vectors) {
      case 1:
        function(c, std::integral_constant<int, 1>(), last);
        break;
      case 2:
        function(c, std::integral_constant<int, 2>(), last);
        break;
      case 3:
        function(c, std::integral_constant<int, 3>(), last);
        break;
      default:
        function(c, std::integral_constant<int, 4>(), last);
        break;
    }
    c += vectors * n;
  }
}

template <class Kind, class T>
void accumulate(const Kind& kind, const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f,
                core::Factor<T> numerator, core::Factor<T> denominator) {
  const hn::ScalableTag<T> d;
  constexpr int n = HWY_LANES(T);
  EntryBlock<T> block{};
  block.last = x.indices + std::max<std::int64_t>(x.offsets[x.count], 1) - 1;
  for (std::int64_t i = 0; i < x.count; ++i) {
    for (std::int64_t p = x.offsets[i]; p < x.offsets[i + 1]; p += kEntries) {
      block.indices = x.indices + p;
      block.count = static_cast<int>(std::min<std::int64_t>(kEntries, x.offsets[i + 1] - p));
      std::fill_n(block.fits, kEntries, T(0));
      for_components<T>(f.rank, [&](int c, auto vectors, int last) HWY_ATTR {
        add_dots<decltype(vectors)::value>(block, local.column(i) + c, f.data + c, f.ld, last);
      });
      for (int e = 0; e < block.count; e += n) {
        const Partial<decltype(d)> part(d, std::min(n, block.count - e));
        auto c = kind.coefficients(d, part.load(x.values + p + e), hn::LoadU(d, block.fits + e));
        if (x.weights != nullptr) {
          const auto weight = part.load(x.weights + p + e);
          const auto counts = hn::Gt(weight, hn::Zero(d));
          c.numerator = hn::IfThenElseZero(counts, hn::Mul(weight, c.numerator));
          c.denominator = hn::IfThenElseZero(counts, hn::Mul(weight, c.denominator));
        }
        hn::StoreU(c.numerator, d, block.numerators + e);
        hn::StoreU(c.denominator, d, block.denominators + e);
      }
      for_components<T>(f.rank, [&](int c, auto vectors, int last) HWY_ATTR {
        add_columns<decltype(vectors)::value>(block, block.numerators, f.data + c, f.ld, numerator.column(i) + c, last);
        if (denominator.data == nullptr) return;
        add_columns<decltype(vectors)::value>(block, block.denominators, f.data + c, f.ld, denominator.column(i) + c,
                                              last);
      });
    }
  }
}

#define ORTHANT_ACCUMULATE(T)                                                                                       \
  void accumulate_##T(const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f,                   \
                      const core::Divergence& divergence, core::Factor<T> numerator, core::Factor<T> denominator) { \
    with_divergence(hn::ScalableTag<T>(), divergence,                                                               \
                    [&](const auto& kind) { accumulate(kind, x, local, f, numerator, denominator); });              \
  }
ORTHANT_ACCUMULATE(float)
ORTHANT_ACCUMULATE(double)
#undef ORTHANT_ACCUMULATE

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

#define ORTHANT_ACCUMULATE(T)                                                                            \
  HWY_EXPORT(accumulate_##T);                                                                            \
  template <>                                                                                            \
  void accumulate_divergence(const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f, \
                             const core::Divergence& divergence, core::Factor<T> numerator,              \
                             core::Factor<T> denominator) {                                              \
    const FlushSubnormals flush;                                                                         \
    HWY_DYNAMIC_DISPATCH(accumulate_##T)(x, local, f, divergence, numerator, denominator);               \
  }
ORTHANT_ACCUMULATE(float)
ORTHANT_ACCUMULATE(double)
#undef ORTHANT_ACCUMULATE

template <class T>
double sparse_divergence_sum(const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f,
                             const core::Divergence& divergence) {
  double sum = 0;
  for (std::int64_t i = 0; i < x.count; ++i) {
    const T* own = local.column(i);
    for (std::int64_t p = x.offsets[i]; p < x.offsets[i + 1]; ++p) {
      const T* column = f.column(x.indices[p]);
      double v = 0;
      for (int c = 0; c < f.rank; ++c) v += static_cast<double>(own[c]) * static_cast<double>(column[c]);
      const auto value = static_cast<double>(x.values[p]);
      const double weight = x.weights != nullptr ? static_cast<double>(x.weights[p]) : 1;
      if (weight == 0) continue;
      sum += weight * (divergence(value, v) - (divergence.complete ? v : 0));
    }
  }
  return sum;
}

template double sparse_divergence_sum(const Segments<float>&, core::Factor<const float>, core::Factor<const float>,
                                      const core::Divergence&);
template double sparse_divergence_sum(const Segments<double>&, core::Factor<const double>, core::Factor<const double>,
                                      const core::Divergence&);

}  // namespace orthant::cpu
#endif
