#include "host/cpu/sparse_divergence.hpp"

#include <algorithm>

#include "host/cpu/gathered.hpp"
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

constexpr int kAhead = 24;  // entries ahead whose column of f is fetched

// Entries worked on together: as many as a block of 128 bits has numbers of T. Reducing their dot products together
// takes fewer instructions than one by one, and few enough are worked on for their columns of f to stay in registers
// between the dot products and the sums.
template <class T>
constexpr int kTogether = HWY_TARGET == HWY_SCALAR ? 1 : 16 / sizeof(T);
template <class T>
using Block = hn::FixedTag<T, kTogether<T>>;

// dots[e] += the products of the first `count` components of `local` and columns[e], not summed over the lanes.
template <int kCount, class D, class T>
HWY_INLINE void add_products(D, const T* local, const T* const (&columns)[kCount], int count,
                             hn::Vec<D> (&dots)[kCount]) {
  constexpr int n = HWY_LANES(hn::TFromD<D>);
  int c = 0;
  for (; c + n <= count; c += n) {
    const auto own = Reader<D, T>::whole(local + c);
    ORTHANT_UNROLL for (int e = 0; e < kCount; ++e) {
      dots[e] = hn::MulAdd(own, Reader<D, T>::whole(columns[e] + c), dots[e]);
    }
  }
  if (c == count) return;
  const Reader<D, T> reader(count - c);
  const auto own = reader.last(local + c);
  ORTHANT_UNROLL for (int e = 0; e < kCount; ++e) dots[e] = hn::MulAdd(own, reader.last(columns[e] + c), dots[e]);
}

// The first `count` components of r += the sum over e of weights[e] columns[e].
template <int kCount, class T>
HWY_INLINE void add_columns(const T* const (&columns)[kCount], const T* weights, int count, T* r) {
  const hn::ScalableTag<T> d;
  constexpr int n = HWY_LANES(T);
  int c = 0;
  for (; c + n <= count; c += n) {
    auto sum = hn::LoadU(d, r + c);
    ORTHANT_UNROLL for (int e = 0; e < kCount; ++e) {
      sum = hn::MulAdd(hn::Set(d, weights[e]), hn::LoadU(d, columns[e] + c), sum);
    }
    hn::StoreU(sum, d, r + c);
  }
  if (c == count) return;
  const Partial<decltype(d)> partial(d, count - c);
  auto sum = partial.load(r + c);
  ORTHANT_UNROLL for (int e = 0; e < kCount; ++e) {
    sum = hn::MulAdd(hn::Set(d, weights[e]), partial.load(columns[e] + c), sum);
  }
  partial.store(sum, r + c);
}

#if HWY_TARGET != HWY_SCALAR
// The sum of the blocks of v.
template <class D>
HWY_INLINE auto sum_of_blocks(D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(d) == kTogether<hn::TFromD<D>>) {
    return v;
  } else {
    const hn::Half<D> half;
    return sum_of_blocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}
#endif

// The sums of the lanes of each vector.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<Block<T>> sums_of_lanes(D d, const hn::Vec<D> (&v)[kTogether<T>]) {
#if HWY_TARGET == HWY_SCALAR
  (void)d;
  return v[0];
#else
  using V = hn::Vec<D>;
  const auto add = [d](V a, V b)
                       HWY_ATTR { return hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b)); };
  if constexpr (kTogether<T> == 2) {
    return sum_of_blocks(d, add(v[0], v[1]));
  } else {
    return sum_of_blocks(d, add(add(v[0], v[2]), add(v[1], v[3])));
  }
#endif
}

// The last kVectors of components, and their sums for the numerator, stay in registers; those before and the
// denominator, which Kullback-Leibler without missing entries does not ask for, are read and written in memory.
template <int kVectors, class D, class Kind, class T>
HWY_INLINE void accumulate(D d, const Kind& kind, const Segments<T>& x, core::Factor<const T> local,
                           core::Factor<const T> f, core::Factor<T> numerator, core::Factor<T> denominator,
                           int before) {
  const Block<T> block;
  using V = hn::Vec<D>;
  constexpr int n = hn::MaxLanes(D()), kCount = kTogether<T>, kLine = 64 / sizeof(T);
  const Partial<D> partial(d, f.rank - before - (kVectors - 1) * n);
  const auto load = [&](const T* column, int v) HWY_ATTR {
    const T* p = column + before + v * n;
    return v + 1 < kVectors ? hn::LoadU(d, p) : partial.load(p);
  };
  const std::int64_t last_entry = x.offsets[x.count] - 1;
  const bool fetch = is_far(f);
  const bool straddle = straddles(core::Factor<const T>{f.data + before, f.rank - before, f.count, f.ld});
  for (std::int64_t i = 0; i < x.count; ++i) {
    const std::int64_t end = x.offsets[i + 1];
    if (x.offsets[i] == end) continue;
    const T* own_column = local.column(i);
    V own[kVectors], sums[kVectors];
    ORTHANT_UNROLL for (int v = 0; v < kVectors; ++v) {
      own[v] = load(own_column, v);
      sums[v] = hn::Zero(d);
    }
    for (std::int64_t p = x.offsets[i]; p < end; p += kCount) {
      const T* columns[kCount];
      V kept[kCount][kVectors], dots[kCount];
      ORTHANT_UNROLL for (int e = 0; e < kCount; ++e) {
        columns[e] = f.column(x.indices[std::min(p + e, end - 1)]);  // beyond the segment its last one
        ORTHANT_UNROLL for (int v = 0; v < kVectors; ++v) kept[e][v] = load(columns[e], v);
        dots[e] = hn::Mul(own[0], kept[e][0]);
        ORTHANT_UNROLL for (int v = 1; v < kVectors; ++v) dots[e] = hn::MulAdd(own[v], kept[e][v], dots[e]);
        if (fetch) {
          const T* ahead = f.column(x.indices[std::min(p + e + kAhead, last_entry)]);
          ORTHANT_UNROLL for (int c = 0; c < kVectors * n; c += kLine) hwy::Prefetch(ahead + before + c);
          for (int c = 0; c < before; c += kLine) hwy::Prefetch(ahead + c);
          if (straddle) hwy::Prefetch(ahead + f.rank - 1);
        }
      }
      if (before > 0) add_products(d, own_column, columns, before, dots);
      const std::int64_t count = std::min<std::int64_t>(kCount, end - p);
      const Partial<Block<T>> part(block, count);
      auto c = kind.coefficients(block, part.load(x.values + p), sums_of_lanes(d, dots));
      auto counts = hn::FirstN(block, static_cast<std::size_t>(count));
      if (x.weights != nullptr) {
        const auto weight = part.load(x.weights + p);
        counts = hn::Gt(weight, hn::Zero(block));
        c.numerator = hn::Mul(weight, c.numerator);
        c.denominator = hn::Mul(weight, c.denominator);
      }
      T weights[kCount];
      hn::StoreU(hn::IfThenElseZero(counts, c.numerator), block, weights);
      ORTHANT_UNROLL for (int e = 0; e < kCount; ++e) {
        const V weight = hn::Set(d, weights[e]);
        ORTHANT_UNROLL for (int v = 0; v < kVectors; ++v) sums[v] = hn::MulAdd(weight, kept[e][v], sums[v]);
      }
      if (before > 0) add_columns(columns, weights, before, numerator.column(i));
      if (denominator.data == nullptr) continue;
      hn::StoreU(hn::IfThenElseZero(counts, c.denominator), block, weights);
      add_columns(columns, weights, f.rank, denominator.column(i));
    }
    T* r = numerator.column(i) + before;
    ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) {
      hn::StoreU(hn::Add(hn::LoadU(d, r + v * n), sums[v]), d, r + v * n);
    }
    r += (kVectors - 1) * n;
    partial.store(hn::Add(partial.load(r), sums[kVectors - 1]), r);
  }
}

template <class Kind, class T>
void accumulate(const Kind& kind, const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f,
                core::Factor<T> numerator, core::Factor<T> denominator) {
  const hn::ScalableTag<T> d;
  constexpr int n = hn::MaxLanes(d);
#if HWY_TARGET != HWY_SCALAR
  // Loads of half a vector cross the lines of the cache less often.
  if constexpr (n > kTogether<T>) {
    if (f.rank <= n / 2) {
      return accumulate<1>(hn::Half<decltype(d)>(), kind, x, local, f, numerator, denominator, 0);
    }
  }
#endif
  const int vectors = (f.rank + n - 1) / n, kept = std::min(vectors, 4), before = (vectors - kept) * n;
  switch (kept) {
    case 1:
      accumulate<1>(d, kind, x, local, f, numerator, denominator, before);
      break;
    case 2:
      accumulate<2>(d, kind, x, local, f, numerator, denominator, before);
      break;
    case 3:
      accumulate<3>(d, kind, x, local, f, numerator, denominator, before);
      break;
    default:
      accumulate<4>(d, kind, x, local, f, numerator, denominator, before);
      break;
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
  constexpr int n = HWY_LANES(double), kLine = 64 / sizeof(T);
  constexpr int kFits = 128;  // of entries that follow each other, whatever their segments, so that vectors are full
  constexpr int kCount = kTogether<double>;
  double fits[kFits + n] = {};
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
    const std::int64_t segment_end = x.offsets[i + 1];
    for (std::int64_t p = x.offsets[i]; p < segment_end;) {
      const T* columns[kCount];
      hn::Vec<decltype(d)> dots[kCount];
      ORTHANT_UNROLL for (int e = 0; e < kCount; ++e) {
        columns[e] = f.column(x.indices[std::min(p + e, segment_end - 1)]);
        dots[e] = hn::Zero(d);
        const T* ahead = f.column(x.indices[std::min(p + e + kAhead, end - 1)]);
        for (int c = 0; c < f.rank; c += kLine) hwy::Prefetch(ahead + c);
      }
      add_products(d, local.column(i), columns, f.rank, dots);
      hn::StoreU(sums_of_lanes(d, dots), Block<double>(), fits + (p - first));
      p = std::min(p + kCount, segment_end);
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
    with_divergence(Block<T>(), divergence,                                                                         \
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
