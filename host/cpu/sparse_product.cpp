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

// f.rank components: kWhole vectors and one of Last, of which some lanes may be too many. What is read of a column
// crosses lines of the cache less often where Last is small. Even and odd entries go to different accumulators, so that
// two chains of multiply-adds overlap.
template <int kWhole, bool kFetch, class Last, class T>
HWY_INLINE void sum_segments(Last last_d, const Segments<T>& x, core::Factor<const T> f, core::Factor<T> r,
                             bool fresh) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  using VLast = hn::Vec<Last>;
  constexpr int n = hn::MaxLanes(d), kLine = 64 / sizeof(T), kTail = kWhole * n, kArray = kWhole > 0 ? kWhole : 1;
  const int lanes = f.rank - kTail;
  const Partial<Last> partial(last_d, lanes);
  const std::int64_t last_entry = x.offsets[x.count] - 1;
  const std::int32_t* const indices = x.indices;
  const T* const values = x.values;
  const bool straddle = straddles(f);
  // Called instead of inlined, it would keep the sums in memory.
  const auto add = [=](std::int64_t p, V(&sums)[kArray], VLast & sums_last) HWY_ATTR __attribute__((always_inline)) {
    const T* column = f.column(indices[p]);
    ORTHANT_UNROLL for (int v = 0; v < kWhole; ++v) {
      sums[v] = hn::MulAdd(hn::Set(d, values[p]), hn::LoadU(d, column + v * n), sums[v]);
    }
    sums_last = hn::MulAdd(hn::Set(last_d, values[p]), partial.load(column + kTail), sums_last);
    if constexpr (kFetch) {
      const T* ahead = f.column(indices[std::min(p + kAhead, last_entry)]);
      ORTHANT_UNROLL for (int c = 0; c <= kTail; c += kLine) hwy::Prefetch(ahead + c);
      if (straddle) hwy::Prefetch(ahead + kTail + lanes - 1);
    }
  };
  for (std::int64_t i = 0; i < x.count; ++i) {
    const std::int64_t begin = x.offsets[i], end = x.offsets[i + 1];
    if (begin == end && !fresh) continue;
    V even[kArray], odd[kArray];
    ORTHANT_UNROLL for (int v = 0; v < kArray; ++v) even[v] = odd[v] = hn::Zero(d);
    VLast even_last = hn::Zero(last_d), odd_last = hn::Zero(last_d);
    std::int64_t p = begin;
    for (; p + 2 <= end; p += 2) {
      add(p, even, even_last);
      add(p + 1, odd, odd_last);
    }
    if (p < end) add(p, even, even_last);
    T* out = r.column(i);
    ORTHANT_UNROLL for (int v = 0; v < kWhole; ++v) {
      const V sum = hn::Add(even[v], odd[v]);
      hn::StoreU(fresh ? sum : hn::Add(hn::LoadU(d, out + v * n), sum), d, out + v * n);
    }
    const VLast sum = hn::Add(even_last, odd_last);
    partial.store(fresh ? sum : hn::Add(partial.load(out + kTail), sum), out + kTail);
  }
}

// The last vector is the smallest, of 128 bits or more, that has room for the last components.
template <int kWhole, class Last, class T>
HWY_INLINE void with_last(Last last_d, const Segments<T>& x, core::Factor<const T> f, core::Factor<T> r, bool fresh,
                          bool fetch) {
  constexpr int kHalf = hn::MaxLanes(Last()) / 2, kTail = kWhole * hn::MaxLanes(hn::ScalableTag<T>());
  if constexpr (kHalf * sizeof(T) >= 16) {
    if (f.rank - kTail <= kHalf) return with_last<kWhole>(hn::Half<Last>(), x, f, r, fresh, fetch);
  }
  if (fetch) {
    sum_segments<kWhole, true>(last_d, x, f, r, fresh);
  } else {
    sum_segments<kWhole, false>(last_d, x, f, r, fresh);
  }
}

template <class T>
void gathered(const Segments<T>& x, core::Factor<const T> f, core::Factor<T> r, bool fresh) {
  const hn::ScalableTag<T> d;
  constexpr int kMost = 4 * hn::MaxLanes(d);  // components at once
  const bool fetch = is_far(f);
  for (int c = 0; c < r.rank; c += kMost) {
    const int components = std::min(r.rank - c, kMost);
    const core::Factor<const T> fc{f.data + c, components, f.count, f.ld};
    const core::Factor<T> rc{r.data + c, components, r.count, r.ld};
    switch ((components - 1) / hn::MaxLanes(d)) {
      case 0:
        with_last<0>(d, x, fc, rc, fresh, fetch);
        break;
      case 1:
        with_last<1>(d, x, fc, rc, fresh, fetch);
        break;
      case 2:
        with_last<2>(d, x, fc, rc, fresh, fetch);
        break;
      default:
        with_last<3>(d, x, fc, rc, fresh, fetch);
        break;
    }
  }
}

void gathered_float(const Segments<float>& x, core::Factor<const float> f, core::Factor<float> r, bool fresh) {
  gathered(x, f, r, fresh);
}
void gathered_double(const Segments<double>& x, core::Factor<const double> f, core::Factor<double> r, bool fresh) {
  gathered(x, f, r, fresh);
}

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

HWY_EXPORT(gathered_float);
HWY_EXPORT(gathered_double);

template <>
void gathered_product(const Segments<float>& x, core::Factor<const float> f, core::Factor<float> r, bool fresh) {
  HWY_DYNAMIC_DISPATCH(gathered_float)(x, f, r, fresh);
}
template <>
void gathered_product(const Segments<double>& x, core::Factor<const double> f, core::Factor<double> r, bool fresh) {
  HWY_DYNAMIC_DISPATCH(gathered_double)(x, f, r, fresh);
}

}  // namespace orthant::cpu
#endif
