#include "host/cpu/sparse_product.hpp"

#include <algorithm>

#include "host/cpu/gathered.hpp"
#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/sparse_product.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/partial-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Entries ahead whose column of f is fetched: enough to cover the latency of the last-level cache.
constexpr std::int64_t kAhead = 16;

template <class T>
struct Segments {
  const std::int64_t* offsets;
  std::int64_t count;
  const std::int32_t* indices;
  const T* values;
  bool fresh;            // r is written rather than added to
  bool fetch, straddle;  // columns of f, which may end in a line more than their size tells
};

// kWhole vectors of components and one of Last, of which it needs `lanes` only: what is read of a column crosses lines
// of the cache less often where Last is small. Even and odd entries go to different accumulators, so that two chains
// of multiply-adds overlap.
template <int kWhole, bool kFetch, class Last, class T>
HWY_INLINE void sum_segments(Last last_d, int lanes, const Segments<T>& x, const T* f, std::int64_t ld_f, T* r,
                             std::int64_t ld_r) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  using VLast = hn::Vec<Last>;
  constexpr int n = hn::MaxLanes(d), kLine = 64 / sizeof(T), kTail = kWhole * n, kArray = kWhole > 0 ? kWhole : 1;
  const Partial<Last> partial(last_d, lanes);
  const std::int64_t last_entry = x.offsets[x.count] - 1;
  const std::int32_t* const indices = x.indices;
  const T* const values = x.values;
  const bool straddle = x.straddle;
  // Called instead of inlined, it would keep the sums in memory.
  const auto add = [=](std::int64_t p, V(&sums)[kArray], VLast & sums_last) HWY_ATTR __attribute__((always_inline)) {
    const T* column = f + indices[p] * ld_f;
    ORTHANT_UNROLL for (int v = 0; v < kWhole; ++v) {
      sums[v] = hn::MulAdd(hn::Set(d, values[p]), hn::LoadU(d, column + v * n), sums[v]);
    }
    sums_last = hn::MulAdd(hn::Set(last_d, values[p]), partial.load(column + kTail), sums_last);
    if constexpr (kFetch) {
      const T* ahead = f + indices[std::min(p + kAhead, last_entry)] * ld_f;
      ORTHANT_UNROLL for (int c = 0; c <= kTail; c += kLine) hwy::Prefetch(ahead + c);
      if (straddle) hwy::Prefetch(ahead + kTail + lanes - 1);
    }
  };
  for (std::int64_t i = 0; i < x.count; ++i, r += ld_r) {
    const std::int64_t begin = x.offsets[i], end = x.offsets[i + 1];
    if (begin == end && !x.fresh) continue;
    V even[kArray], odd[kArray];
    ORTHANT_UNROLL for (int v = 0; v < kArray; ++v) even[v] = odd[v] = hn::Zero(d);
    VLast even_last = hn::Zero(last_d), odd_last = hn::Zero(last_d);
    std::int64_t p = begin;
    for (; p + 2 <= end; p += 2) {
      add(p, even, even_last);
      add(p + 1, odd, odd_last);
    }
    if (p < end) add(p, even, even_last);
    ORTHANT_UNROLL for (int v = 0; v < kWhole; ++v) {
      const V sum = hn::Add(even[v], odd[v]);
      hn::StoreU(x.fresh ? sum : hn::Add(hn::LoadU(d, r + v * n), sum), d, r + v * n);
    }
    const VLast sum = hn::Add(even_last, odd_last);
    partial.store(x.fresh ? sum : hn::Add(partial.load(r + kTail), sum), r + kTail);
  }
}

// The last vector is the smallest, of 128 bits or more, that has room for so many lanes.
template <int kWhole, class D, class T>
HWY_INLINE void with_last(D d, int lanes, const Segments<T>& x, const T* f, std::int64_t ld_f, T* r,
                          std::int64_t ld_r) {
  constexpr int kHalf = hn::MaxLanes(D()) / 2;
  if constexpr (kHalf * sizeof(T) >= 16) {
    if (lanes <= kHalf) return with_last<kWhole>(hn::Half<D>(), lanes, x, f, ld_f, r, ld_r);
  }
  if (x.fetch) {
    sum_segments<kWhole, true>(d, lanes, x, f, ld_f, r, ld_r);
  } else {
    sum_segments<kWhole, false>(d, lanes, x, f, ld_f, r, ld_r);
  }
}

template <class T>
void gathered(const std::int64_t* offsets, std::int64_t count, const std::int32_t* indices, const T* values,
              core::Factor<const T> f, core::Factor<T> r, bool fresh) {
  const hn::ScalableTag<T> d;
  constexpr int n = hn::MaxLanes(d);
  Segments<T> x{offsets, count, indices, values, fresh, is_far(f), false};
  for (int c = 0; c < r.rank;) {
    const int whole = std::min((r.rank - c - 1) / n, 3), lanes = std::min(r.rank - c - whole * n, n);
    const T* fc = f.data + c;
    T* rc = r.data + c;
    x.straddle = straddles(core::Factor<const T>{fc, whole * n + lanes, f.count, f.ld});
    switch (whole) {
      case 0:
        with_last<0>(d, lanes, x, fc, f.ld, rc, r.ld);
        break;
      case 1:
        with_last<1>(d, lanes, x, fc, f.ld, rc, r.ld);
        break;
      case 2:
        with_last<2>(d, lanes, x, fc, f.ld, rc, r.ld);
        break;
      default:
        with_last<3>(d, lanes, x, fc, f.ld, rc, r.ld);
        break;
    }
    c += whole * n + lanes;
  }
}

void gathered_float(const std::int64_t* offsets, std::int64_t count, const std::int32_t* indices, const float* values,
                    core::Factor<const float> f, core::Factor<float> r, bool fresh) {
  gathered(offsets, count, indices, values, f, r, fresh);
}
void gathered_double(const std::int64_t* offsets, std::int64_t count, const std::int32_t* indices, const double* values,
                     core::Factor<const double> f, core::Factor<double> r, bool fresh) {
  gathered(offsets, count, indices, values, f, r, fresh);
}

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

HWY_EXPORT(gathered_float);
HWY_EXPORT(gathered_double);

template <>
void gathered_product(const std::int64_t* offsets, std::int64_t count, const std::int32_t* indices, const float* values,
                      core::Factor<const float> f, core::Factor<float> r, bool fresh) {
  HWY_DYNAMIC_DISPATCH(gathered_float)(offsets, count, indices, values, f, r, fresh);
}
template <>
void gathered_product(const std::int64_t* offsets, std::int64_t count, const std::int32_t* indices,
                      const double* values, core::Factor<const double> f, core::Factor<double> r, bool fresh) {
  HWY_DYNAMIC_DISPATCH(gathered_double)(offsets, count, indices, values, f, r, fresh);
}

}  // namespace orthant::cpu
#endif
