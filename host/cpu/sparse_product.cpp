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

// kVectors components of every segment. Even and odd entries go to different accumulators, so that two chains of
// multiply-adds overlap.
template <int kVectors, class D, class T>
HWY_INLINE void segments(D d, const std::int64_t* offsets, std::int64_t count, const std::int32_t* indices,
                         const T* values, const T* f, std::int64_t ld_f, T* r, std::int64_t ld_r, int lanes_of_last,
                         bool fresh, bool fetch) {
  using V = hn::Vec<D>;
  constexpr int n = hn::MaxLanes(D()), kLine = 64 / sizeof(T);
  const Partial<D> partial(d, lanes_of_last);
  const std::int64_t last_entry = offsets[count] - 1;
  for (std::int64_t i = 0; i < count; ++i, r += ld_r) {
    const std::int64_t begin = offsets[i], end = offsets[i + 1];
    if (begin == end && !fresh) continue;
    V even[kVectors], odd[kVectors];
    ORTHANT_UNROLL for (int v = 0; v < kVectors; ++v) even[v] = odd[v] = hn::Zero(d);
    const auto add = [&](std::int64_t p, V(&acc)[kVectors]) HWY_ATTR {
      const T* column = f + indices[p] * ld_f;
      const V x = hn::Set(d, values[p]);
      ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) {
        acc[v] = hn::MulAdd(x, hn::LoadU(d, column + v * n), acc[v]);
      }
      acc[kVectors - 1] = hn::MulAdd(x, partial.load(column + (kVectors - 1) * n), acc[kVectors - 1]);
      if (fetch) {
        const T* ahead = f + indices[std::min(p + kAhead, last_entry)] * ld_f;
        ORTHANT_UNROLL for (int c = 0; c < kVectors * n; c += kLine) hwy::Prefetch(ahead + c);
        hwy::Prefetch(ahead + (kVectors - 1) * n + lanes_of_last - 1);
      }
    };
    std::int64_t p = begin;
    for (; p + 2 <= end; p += 2) {
      add(p, even);
      add(p + 1, odd);
    }
    if (p < end) add(p, even);
    ORTHANT_UNROLL for (int v = 0; v < kVectors; ++v) even[v] = hn::Add(even[v], odd[v]);
    T* last = r + (kVectors - 1) * n;
    if (!fresh) {
      ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) even[v] = hn::Add(hn::LoadU(d, r + v * n), even[v]);
      even[kVectors - 1] = hn::Add(partial.load(last), even[kVectors - 1]);
    }
    ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) hn::StoreU(even[v], d, r + v * n);
    partial.store(even[kVectors - 1], last);
  }
}

template <class T>
void gathered(const std::int64_t* offsets, std::int64_t count, const std::int32_t* indices, const T* values,
              core::Factor<const T> f, core::Factor<T> r, bool fresh) {
  const hn::ScalableTag<T> d;
  constexpr int n = hn::MaxLanes(d);
  const bool fetch = is_far(f);
#if HWY_TARGET != HWY_SCALAR
  // Loads of half a vector cross the lines of the cache less often.
  if (r.rank <= n / 2) {
    const hn::Half<decltype(d)> half;
    return segments<1>(half, offsets, count, indices, values, f.data, f.ld, r.data, r.ld, r.rank, fresh, fetch);
  }
#endif
  for (int c = 0; c < r.rank;) {
    const int vectors = std::min((r.rank - c + n - 1) / n, 4);
    const int last = std::min(r.rank - c - (vectors - 1) * n, n);
    const T* fc = f.data + c;
    T* rc = r.data + c;
    switch (vectors) {
      case 1:
        segments<1>(d, offsets, count, indices, values, fc, f.ld, rc, r.ld, last, fresh, fetch);
        break;
      case 2:
        segments<2>(d, offsets, count, indices, values, fc, f.ld, rc, r.ld, last, fresh, fetch);
        break;
      case 3:
        segments<3>(d, offsets, count, indices, values, fc, f.ld, rc, r.ld, last, fresh, fetch);
        break;
      default:
        segments<4>(d, offsets, count, indices, values, fc, f.ld, rc, r.ld, last, fresh, fetch);
        break;
    }
    c += vectors * n;
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
