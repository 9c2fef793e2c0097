#include "host/cpu/sparse_divergence.hpp"

#include <algorithm>
#include <type_traits>

#include "host/cpu/simd.hpp"
#include "host/cpu/subnormals.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/sparse_divergence.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/divergence-inl.hpp"
#include "host/cpu/partial-inl.hpp"
#include "host/cpu/reader-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Entries worked on together: their columns of f, gathered for the dot products, are still in the first-level cache
// when they are added up; and their element functions fill whole vectors.
constexpr int kEntries = 16;

constexpr int kAhead = 16;  // entries ahead whose column of f is fetched

// Some of the entries of a segment.
struct Entries {
  const std::int32_t* indices;
  int count;
  const std::int32_t* last;  // of those of all segments
};

// fits[e] += the dot product over kVectors of components.
template <int kVectors, class D, class T>
HWY_INLINE void add_dots(D d, const Entries& entries, const T* local, const T* f, std::int64_t ld_f, int lanes_of_last,
                         hn::TFromD<D>* fits) {
  constexpr int n = HWY_LANES(hn::TFromD<D>), kLine = 64 / sizeof(T);
  const Reader<D, T> reader(lanes_of_last);
  hn::Vec<D> own[kVectors];
  ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) own[v] = reader.whole(local + v * n);
  own[kVectors - 1] = reader.last(local + (kVectors - 1) * n);
  for (int e = 0; e < entries.count; ++e) {
    const T* column = f + entries.indices[e] * ld_f;
    auto sum = hn::Mul(own[kVectors - 1], reader.last(column + (kVectors - 1) * n));
    ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) sum = hn::MulAdd(own[v], reader.whole(column + v * n), sum);
    fits[e] += hn::GetLane(hn::SumOfLanes(d, sum));
    const T* ahead = f + *std::min(entries.indices + e + kAhead, entries.last) * ld_f;
    ORTHANT_UNROLL for (int c = 0; c < kVectors * n; c += kLine) hwy::Prefetch(ahead + c);
    hwy::Prefetch(ahead + (kVectors - 1) * n + lanes_of_last - 1);
  }
}

// r += sum over e of weights[e] times kVectors of components of its column.
template <int kVectors, class T>
HWY_INLINE void add_columns(const Entries& entries, const T* weights, const T* f, std::int64_t ld_f, T* r,
                            int lanes_of_last) {
  const hn::ScalableTag<T> d;
  using D = decltype(d);
  constexpr int n = HWY_LANES(T);
  const Partial<D> partial(d, lanes_of_last);
  hn::Vec<D> sums[kVectors];
  ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) sums[v] = hn::LoadU(d, r + v * n);
  sums[kVectors - 1] = partial.load(r + (kVectors - 1) * n);
  for (int e = 0; e < entries.count; ++e) {
    const T* column = f + entries.indices[e] * ld_f;
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

// fits[e] = local . f(:, indices[e]), written up to kEntries.
template <class D, class T>
HWY_INLINE void fits_of(D d, const Entries& entries, const T* local, core::Factor<const T> f, hn::TFromD<D>* fits) {
  std::fill_n(fits, kEntries, hn::TFromD<D>(0));
  for_components<hn::TFromD<D>>(f.rank, [&](int c, auto vectors, int last) HWY_ATTR {
    add_dots<decltype(vectors)::value>(d, entries, local + c, f.data + c, f.ld, last, fits);
  });
}

template <class Kind, class T>
void accumulate(const Kind& kind, const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f,
                core::Factor<T> numerator, core::Factor<T> denominator) {
  const hn::ScalableTag<T> d;
  constexpr int n = HWY_LANES(T);
  const std::int32_t* last_entry = x.indices + std::max<std::int64_t>(x.offsets[x.count], 1) - 1;
  T fits[kEntries], numerators[kEntries], denominators[kEntries];
  for (std::int64_t i = 0; i < x.count; ++i) {
    for (std::int64_t p = x.offsets[i]; p < x.offsets[i + 1]; p += kEntries) {
      const Entries entries{x.indices + p, static_cast<int>(std::min<std::int64_t>(kEntries, x.offsets[i + 1] - p)),
                            last_entry};
      fits_of(d, entries, local.column(i), f, fits);
      for (int e = 0; e < entries.count; e += n) {
        const Partial<decltype(d)> part(d, std::min(n, entries.count - e));
        auto c = kind.coefficients(d, part.load(x.values + p + e), hn::LoadU(d, fits + e));
        if (x.weights != nullptr) {
          const auto weight = part.load(x.weights + p + e);
          const auto counts = hn::Gt(weight, hn::Zero(d));
          c.numerator = hn::IfThenElseZero(counts, hn::Mul(weight, c.numerator));
          c.denominator = hn::IfThenElseZero(counts, hn::Mul(weight, c.denominator));
        }
        hn::StoreU(c.numerator, d, numerators + e);
        hn::StoreU(c.denominator, d, denominators + e);
      }
      for_components<T>(f.rank, [&](int c, auto vectors, int last) HWY_ATTR {
        add_columns<decltype(vectors)::value>(entries, numerators, f.data + c, f.ld, numerator.column(i) + c, last);
        if (denominator.data == nullptr) return;
        add_columns<decltype(vectors)::value>(entries, denominators, f.data + c, f.ld, denominator.column(i) + c, last);
      });
    }
  }
}

// What an entry that is stored adds to the divergence beside what it would if it were 0.
template <class D>
struct SquaredBesideZero {
  using V = hn::Vec<D>;
  HWY_INLINE V value(D d, V x, V v) const { return hn::Mul(x, hn::MulSub(hn::Set(d, 0.5), x, v)); }
};
template <class D>
struct KullbackLeiblerBesideZero {
  using V = hn::Vec<D>;
  KullbackLeibler<D> kind;
  HWY_INLINE V value(D d, V x, V v) const { return hn::Sub(kind.value(d, x, v), v); }
};

template <class Kind, class T>
double sum_of(const Kind& kind, const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f) {
  const hn::ScalableTag<double> d;
  constexpr int n = HWY_LANES(double);
  constexpr int kFits = 128;  // of entries that follow each other, whatever their segments, so that vectors are full
  double fits[kFits + kEntries] = {};
  auto sums = hn::Zero(d);
  const auto add = [&](std::int64_t begin, std::int64_t end) HWY_ATTR {
    for (std::int64_t p = begin; p < end; p += n) {
      const std::int64_t count = std::min<std::int64_t>(n, end - p);
      const Reader<decltype(d), T> reader(count);
      auto value = kind.value(d, reader.last(x.values + p), hn::LoadU(d, fits + (p - begin)));
      if (x.weights != nullptr) {
        const auto weight = reader.last(x.weights + p);
        value = hn::IfThenElseZero(hn::Gt(weight, hn::Zero(d)), hn::Mul(weight, value));
      }
      sums = hn::Add(sums, hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(count)), value));
    }
  };
  const std::int64_t end = x.offsets[x.count];
  std::int64_t first = x.offsets[0];  // of the entries whose fits are kept
  for (std::int64_t i = 0; i < x.count; ++i) {
    for (std::int64_t p = x.offsets[i]; p < x.offsets[i + 1];) {
      const std::int64_t count = std::min<std::int64_t>(kEntries, x.offsets[i + 1] - p);
      fits_of(d, Entries{x.indices + p, static_cast<int>(count), x.indices + end - 1}, local.column(i), f,
              fits + (p - first));
      p += count;
      if (p - first < kFits) continue;
      add(first, p);
      first = p;
    }
  }
  add(first, end);
  return hn::GetLane(hn::SumOfLanes(d, sums));
}

template <class T>
double sum(const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f,
           const core::Divergence& divergence) {
  const hn::ScalableTag<double> d;
  using D = decltype(d);
  double result = 0;
  if (divergence.complete && divergence.beta == 2) {
    result = sum_of(SquaredBesideZero<D>{}, x, local, f);
  } else if (divergence.complete) {
    result = sum_of(KullbackLeiblerBesideZero<D>{{hn::Set(d, divergence.floor)}}, x, local, f);
  } else {
    with_divergence(d, divergence, [&](const auto& kind) { result = sum_of(kind, x, local, f); });
  }
  return result;
}

#define ORTHANT_SPARSE(T)                                                                                           \
  void accumulate_##T(const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f,                   \
                      const core::Divergence& divergence, core::Factor<T> numerator, core::Factor<T> denominator) { \
    with_divergence(hn::ScalableTag<T>(), divergence,                                                               \
                    [&](const auto& kind) { accumulate(kind, x, local, f, numerator, denominator); });              \
  }                                                                                                                 \
  double sum_##T(const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f,                        \
                 const core::Divergence& divergence) {                                                              \
    return sum(x, local, f, divergence);                                                                            \
  }
ORTHANT_SPARSE(float)
ORTHANT_SPARSE(double)
#undef ORTHANT_SPARSE

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

#define ORTHANT_SPARSE(T)                                                                                  \
  HWY_EXPORT(accumulate_##T);                                                                              \
  HWY_EXPORT(sum_##T);                                                                                     \
  template <>                                                                                              \
  void accumulate_divergence(const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f,   \
                             const core::Divergence& divergence, core::Factor<T> numerator,                \
                             core::Factor<T> denominator) {                                                \
    const FlushSubnormals flush;                                                                           \
    HWY_DYNAMIC_DISPATCH(accumulate_##T)(x, local, f, divergence, numerator, denominator);                 \
  }                                                                                                        \
  template <>                                                                                              \
  double sparse_divergence_sum(const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f, \
                               const core::Divergence& divergence) {                                       \
    return HWY_DYNAMIC_DISPATCH(sum_##T)(x, local, f, divergence);                                         \
  }
ORTHANT_SPARSE(float)
ORTHANT_SPARSE(double)
#undef ORTHANT_SPARSE

}  // namespace orthant::cpu
#endif
