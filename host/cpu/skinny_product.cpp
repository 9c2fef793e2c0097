#include "host/cpu/skinny_product.hpp"

#include <algorithm>

#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/skinny_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/columns-inl.hpp"
#include "host/cpu/partial-inl.hpp"
#include "host/cpu/transpose-inl.hpp"

// The tiles of columns() are those of columns-inl.hpp, with columns of X along the SIMD lanes. In rows() the lanes of
// such a sum must be added up in the end, and each tile of X is read again for the next few components; there whole
// vectors of components are faster with lanes along the components, each entry of X being broadcast to 12 rows x 2
// vectors of sums.
HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Components that pack() lays out component fastest, in groups of this many (the last may be half as large).
template <class T>
constexpr int kGroup = 2 * kLanes<T>;
template <class T>
constexpr int grouped(int rank) {
  return rank / kLanes<T> * kLanes<T>;
}

// Elements of f in one block of depth: half of a first-level cache of 32 to 48 KB.
template <class T>
constexpr std::int64_t kBlock = 24 * 1024 / static_cast<std::int64_t>(sizeof(T));

template <class T>
void pack_columns(core::Factor<const T> f, std::int64_t begin, std::int64_t length, T* packed) {
  const std::int64_t ld = padded<T>(f.count);
  const int broad = grouped<T>(f.rank);
  for (int c = 0; c < broad; c += kGroup<T>) {
    T* group = packed + c * ld;
    const int width = std::min(kGroup<T>, broad - c);
    for (std::int64_t j = begin; j < begin + length; ++j) std::copy_n(f.column(j) + c, width, group + j * width);
  }
  for (int c = broad; c < f.rank; ++c) {
    T* component = packed + c * ld;
    for (std::int64_t j = begin; j < begin + length; ++j) component[j] = f.column(j)[c];
    // The lanes beyond the last column must add nothing.
    if (begin + length == f.count) std::fill(component + f.count, component + ld, T(0));
  }
}

template <class T>
struct RowsOperand {
  const T* x;  // entry (a, b) at x[a * ld_x + b]
  std::int64_t ld_x;
  const T* f;
  std::int64_t ld_f;
  T* r;
  std::int64_t ld_r;
  std::int64_t depth;  // of b
};

// Lanes along b: f component by component.
template <int kTile, int kComponents, class T>
HWY_INLINE void rows_tile(const RowsOperand<T>& o) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr std::int64_t n = kLanes<T>;
  V sums[kTile][kComponents];
  ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) {
    ORTHANT_UNROLL for (int c = 0; c < kComponents; ++c) sums[a][c] = hn::Zero(d);
  }
  const auto step = [&](std::int64_t b, auto load) HWY_ATTR {
    V x[kTile];
    ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) x[a] = load(o.x + a * o.ld_x + b);
    ORTHANT_UNROLL for (int c = 0; c < kComponents; ++c) {
      const V f = hn::Load(d, o.f + c * o.ld_f + b);
      ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) sums[a][c] = hn::MulAdd(x[a], f, sums[a][c]);
    }
  };
  std::int64_t b = 0;
  for (; b + n <= o.depth; b += n) step(b, [&](const T* p) HWY_ATTR { return hn::LoadU(d, p); });
  if (b < o.depth) {
    const Partial<decltype(d)> rest(d, o.depth - b);
    step(b, [&](const T* p) HWY_ATTR { return rest.load(p); });
  }
  ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) {
    ORTHANT_UNROLL for (int c = 0; c < kComponents; ++c) {
      o.r[a * o.ld_r + c] += hn::GetLane(hn::SumOfLanes(d, sums[a][c]));
    }
  }
}

// Lanes along the components, one or two vectors of them: f component fastest. One vector has two sums, of even and odd
// b, so that the chains of multiply-adds are as many.
template <int kTile, int kVectors, class T>
HWY_INLINE void rows_broadcast_tile(const RowsOperand<T>& o) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr std::int64_t n = kLanes<T>;
  constexpr int kSplit = 2 / kVectors;
  V sums[kTile][2];
  ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) {
    sums[a][0] = hn::LoadU(d, o.r + a * o.ld_r);
    sums[a][1] = kVectors == 2 ? hn::LoadU(d, o.r + a * o.ld_r + n) : hn::Zero(d);
  }
  const T* f = o.f;
  const auto step = [&](std::int64_t b) HWY_ATTR {
    const V f0 = hn::Load(d, f), f1 = hn::Load(d, f + n);
    ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) {
      const T* x = o.x + a * o.ld_x + b;
      sums[a][0] = hn::MulAdd(hn::Set(d, x[0]), f0, sums[a][0]);
      sums[a][1] = hn::MulAdd(hn::Set(d, x[kSplit - 1]), f1, sums[a][1]);
    }
    f += 2 * n;
  };
  std::int64_t b = 0;
  for (; b + kSplit <= o.depth; b += kSplit) step(b);
  ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) {
    if constexpr (kVectors == 2) {
      hn::StoreU(sums[a][1], d, o.r + a * o.ld_r + n);
    } else {
      sums[a][0] = hn::Add(sums[a][0], sums[a][1]);
      if (b < o.depth) sums[a][0] = hn::MulAdd(hn::Set(d, o.x[a * o.ld_x + b]), hn::Load(d, f), sums[a][0]);
    }
    hn::StoreU(sums[a][0], d, o.r + a * o.ld_r);
  }
}

// All rows a in [0, count) with tiles of kTile and, for the rest, of half as many, down to one. Broadcasting,
// kWidth is the number of vectors of components, otherwise that of components.
template <int kTile, bool kBroadcast, int kWidth, class T>
HWY_INLINE void rows_tiles(RowsOperand<T> o, std::int64_t count) {
  std::int64_t a = 0;
  for (; a + kTile <= count; a += kTile) {
    if constexpr (kBroadcast) {
      rows_broadcast_tile<kTile, kWidth>(o);
    } else {
      rows_tile<kTile, kWidth>(o);
    }
    o.x += kTile * o.ld_x;
    o.r += kTile * o.ld_r;
  }
  if constexpr (kTile > 1) rows_tiles<kTile / 2, kBroadcast, kWidth>(o, count - a);
}

template <class T>
void rows_product(Block<T> x, const T* packed, core::Factor<T> r) {
  const std::int64_t ld = padded<T>(x.columns);
  const int broad = grouped<T>(r.rank);
  // Whole rows, so that few places of X are read at once and the processor's prefetchers follow them.
  for (int c = 0; c < broad; c += kGroup<T>) {
    const int width = std::min(kGroup<T>, broad - c);
    const RowsOperand<T> o{x.data, x.ld, packed + c * ld, width, r.data + c, r.ld, x.columns};
    if (width == kGroup<T>) {
      rows_tiles<kSums / 2, true, 2>(o, x.rows);
    } else {
      rows_tiles<kSums / 2, true, 1>(o, x.rows);
    }
  }
  for_portions<kMostOfRows>(r.rank - broad, [&](int first, auto components) HWY_ATTR {
    constexpr int kComponents = decltype(components)::value;
    const int c = broad + first;
    const std::int64_t step = padded<T>(kBlock<T> / kComponents);
    for (std::int64_t b = 0; b < x.columns; b += step) {
      rows_tiles<tile_of(kComponents), false, kComponents>(
          RowsOperand<T>{x.data + b, x.ld, packed + c * ld + b, ld, r.data + c, r.ld, std::min(step, x.columns - b)},
          x.rows);
    }
  });
}

// Rows of X per block: as many page translations as the first-level TLB holds.
constexpr std::int64_t kDepth = 96;
template <class T>
void columns_product(Block<T> x, core::Factor<const T> f, T* r, std::int64_t ld_r, Columns how) {
  constexpr std::int64_t kLine = padded<T>(1);
  for (std::int64_t i = 0; i < x.rows; i += kDepth) {
    const std::int64_t depth = std::min(kDepth, x.rows - i);
    const bool fetch = i + 2 * depth <= x.rows || (how.fetch_below && x.rows <= kDepth);
    for (std::int64_t j = 0; j < x.columns; j += kStrip<T>) {
      for_portions<kMostOfColumns>(f.rank, [&](int c, auto components) HWY_ATTR {
        constexpr int kComponents = decltype(components)::value;
        // Each portion fetches a share, so that the fetches are spread evenly.
        const std::int64_t fetch_begin = fetch ? depth * c / f.rank : depth;
        const std::int64_t fetch_end = fetch ? depth * (c + kComponents) / f.rank : depth;
        T* sums = r + c * ld_r;
        columns_tiles<tile_of(kComponents), kComponents>(
            ColumnsOperand<T>{x.data + i * x.ld, x.ld, f.column(i) + c, f.ld, sums, ld_r, depth, how.fresh && i == 0,
                              fetch_begin, fetch_end},
            how.upper ? std::max(j, c / kLine * kLine) : j, std::min(j + kStrip<T>, x.columns),
            [&](const auto&, int component, std::int64_t column, auto sum)
                HWY_ATTR { hn::Store(sum, hn::ScalableTag<T>(), sums + component * ld_r + column); });
      });
    }
  }
}

#define ORTHANT_SKINNY(T, name)                                                                    \
  void pack_##name(core::Factor<const T> f, std::int64_t begin, std::int64_t length, T* packed) {  \
    pack_columns(f, begin, length, packed);                                                        \
  }                                                                                                \
  void rows_##name(Block<T> x, const T* packed, core::Factor<T> r) { rows_product(x, packed, r); } \
  void columns_##name(Block<T> x, core::Factor<const T> f, T* r, std::int64_t ld_r, Columns how) { \
    columns_product(x, f, r, ld_r, how);                                                           \
  }                                                                                                \
  void unpack_##name(const T* r, std::int64_t ld_r, core::Factor<T> f) {                           \
    transpose<T>(r, ld_r, f.data, f.ld, f.count, f.rank);                                          \
  }
ORTHANT_SKINNY(float, float)
ORTHANT_SKINNY(double, double)
#undef ORTHANT_SKINNY

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

#define ORTHANT_SKINNY(T, name)                                                             \
  HWY_EXPORT(pack_##name);                                                                  \
  HWY_EXPORT(rows_##name);                                                                  \
  HWY_EXPORT(columns_##name);                                                               \
  HWY_EXPORT(unpack_##name);                                                                \
  template <>                                                                               \
  void pack(core::Factor<const T> f, std::int64_t begin, std::int64_t length, T* packed) {  \
    HWY_DYNAMIC_DISPATCH(pack_##name)(f, begin, length, packed);                            \
  }                                                                                         \
  template <>                                                                               \
  void rows(Block<T> x, const T* packed, core::Factor<T> r) {                               \
    HWY_DYNAMIC_DISPATCH(rows_##name)(x, packed, r);                                        \
  }                                                                                         \
  template <>                                                                               \
  void columns(Block<T> x, core::Factor<const T> f, T* r, std::int64_t ld_r, Columns how) { \
    HWY_DYNAMIC_DISPATCH(columns_##name)(x, f, r, ld_r, how);                               \
  }                                                                                         \
  template <>                                                                               \
  void unpack(const T* r, std::int64_t ld_r, core::Factor<T> f) {                           \
    HWY_DYNAMIC_DISPATCH(unpack_##name)(r, ld_r, f);                                        \
  }
ORTHANT_SKINNY(float, float)
ORTHANT_SKINNY(double, double)
#undef ORTHANT_SKINNY

}  // namespace orthant::cpu
#endif
