#include "host/cpu/skinny_product.hpp"

#include <algorithm>

#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/skinny_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/partial-inl.hpp"
#include "host/cpu/transpose-inl.hpp"

// Columns of X run along the SIMD lanes: a tile of kTile vectors of X and kComponents of the factor makes kTile x
// kComponents sums in registers from kTile + kComponents loads, so that the multiply-adds are the limit, and no rank
// wastes lanes. In rows() the lanes of a sum must be added up in the end, and each tile of X is read again for the next
// few components; there whole vectors of components are faster with lanes along the components, each entry of X being
// broadcast to 12 rows x 2 vectors of sums.
HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr bool kManyRegisters = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64;
constexpr int kSums = kManyRegisters ? 24 : 12;      // beside the operands
constexpr int kMostOfRows = kManyRegisters ? 6 : 4;  // components at once
constexpr int kMostOfColumns = kManyRegisters ? 8 : 4;

// Vectors of X per tile for so many components: divisors of 12, so that strips of X divide evenly.
constexpr int tile_of(int components) {
  switch (components) {
    case 1:
      return kSums / 2;
    case 2:
      return kManyRegisters ? 6 : 4;
    case 3:
      return kManyRegisters ? 6 : 3;
    case 4:
      return kSums / 4;
    case 5:
    case 6:
      return 4;
    default:
      return 3;
  }
}

// Components that pack() lays out component fastest, in groups of this many (the last may be half as large).
template <class T>
constexpr int kGroup = 2 * kLanes<T>;
template <class T>
constexpr int grouped(int rank) {
  return rank / kLanes<T> * kLanes<T>;
}

constexpr int kSecondLevel = 2;  // locality of __builtin_prefetch: the first-level cache is for what is worked on

// Elements of f in one block of depth: half of a first-level cache of 32 to 48 KB.
template <class T>
constexpr std::int64_t kBlock = 24 * 1024 / static_cast<std::int64_t>(sizeof(T));

// function(first component, how many as a constant) for [0, count), in even portions.
template <int kMost, class Function>
HWY_INLINE void for_portions(int count, Function&& function) {
  const int portions = (count + kMost - 1) / kMost;
  int c = 0;
  for (int left = portions; left > 0; --left) {
    const int n = (count - c + left - 1) / left;
    switch (n) {
      case 1:
        function(c, std::integral_constant<int, 1>());
        break;
      case 2:
        function(c, std::integral_constant<int, 2>());
        break;
      case 3:
        function(c, std::integral_constant<int, 3>());
        break;
      case 4:
        function(c, std::integral_constant<int, 4>());
        break;
      case 5:
        if constexpr (kMost >= 5) function(c, std::integral_constant<int, 5>());
        break;
      case 6:
        if constexpr (kMost >= 6) function(c, std::integral_constant<int, 6>());
        break;
      case 7:
        if constexpr (kMost >= 7) function(c, std::integral_constant<int, 7>());
        break;
      default:
        if constexpr (kMost >= 8) function(c, std::integral_constant<int, 8>());
        break;
    }
    c += n;
  }
}

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

template <class T>
struct ColumnsOperand {
  const T* x;  // entry (i, j) at x[i * ld_x + j]
  std::int64_t ld_x;
  const T* f;
  std::int64_t ld_f;
  T* r;
  std::int64_t ld_r;
  std::int64_t depth;  // of i
  bool fresh;          // r is to be written, not added to
  // While rows i in [fetch_begin, fetch_end) are worked on, what lies `depth` rows below is fetched.
  std::int64_t fetch_begin, fetch_end;
};

template <int kTile, int kComponents, class T, class Load>
HWY_INLINE void columns_tile(const ColumnsOperand<T>& o, Load&& load) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr std::int64_t n = kLanes<T>;
  V sums[kTile][kComponents];
  ORTHANT_UNROLL for (int c = 0; c < kComponents; ++c) {
    ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) {
      sums[a][c] = o.fresh ? hn::Zero(d) : hn::Load(d, o.r + c * o.ld_r + a * n);
    }
  }
  const T *x = o.x, *f = o.f;
  for (std::int64_t i = 0; i < o.depth; ++i, x += o.ld_x, f += o.ld_f) {
    V xi[kTile];
    ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) xi[a] = load(x + a * n);
    if (i >= o.fetch_begin && i < o.fetch_end) {
      ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) __builtin_prefetch(x + o.depth * o.ld_x + a * n, 0, kSecondLevel);
    }
    ORTHANT_UNROLL for (int c = 0; c < kComponents; ++c) {
      const V fc = hn::Set(d, f[c]);
      ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) sums[a][c] = hn::MulAdd(xi[a], fc, sums[a][c]);
    }
  }
  ORTHANT_UNROLL for (int c = 0; c < kComponents; ++c) {
    ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) hn::Store(sums[a][c], d, o.r + c * o.ld_r + a * n);
  }
}

// Columns [0, count) in tiles of kTile vectors and, for the rest, of half as many, down to one that is cut off.
template <int kTile, int kComponents, class T>
HWY_INLINE void columns_tiles(ColumnsOperand<T> o, std::int64_t count) {
  const hn::ScalableTag<T> d;
  constexpr std::int64_t n = kLanes<T>;
  std::int64_t j = 0;
  for (; j + kTile * n <= count; j += kTile * n) {
    columns_tile<kTile, kComponents>(o, [&](const T* p) HWY_ATTR { return hn::LoadU(d, p); });
    o.x += kTile * n;
    o.r += kTile * n;
  }
  if constexpr (kTile > 1) {
    columns_tiles<kTile / 2, kComponents>(o, count - j);
  } else if (j < count) {
    const Partial<decltype(d)> rest(d, count - j);
    columns_tile<1, kComponents>(o, [&](const T* p) HWY_ATTR { return rest.load(p); });
  }
}

// Rows of X per block: as many page translations as the first-level TLB holds.
constexpr std::int64_t kDepth = 96;
// Columns that all components visit before the next: a multiple of every tile.
template <class T>
constexpr std::int64_t kStrip = 12 * kLanes<T>;

template <class T>
void columns_product(Block<T> x, core::Factor<const T> f, T* r, std::int64_t ld_r, Columns how) {
  for (std::int64_t i = 0; i < x.rows; i += kDepth) {
    const std::int64_t depth = std::min(kDepth, x.rows - i);
    const bool fetch = i + 2 * depth <= x.rows || (how.fetch_below && x.rows <= kDepth);
    for (std::int64_t j = 0; j < x.columns; j += kStrip<T>) {
      for_portions<kMostOfColumns>(f.rank, [&](int c, auto components) HWY_ATTR {
        constexpr int kComponents = decltype(components)::value;
        // Each portion fetches a share, so that the fetches are spread evenly.
        const std::int64_t fetch_begin = fetch ? depth * c / f.rank : depth;
        const std::int64_t fetch_end = fetch ? depth * (c + kComponents) / f.rank : depth;
        columns_tiles<tile_of(kComponents), kComponents>(
            ColumnsOperand<T>{x.data + i * x.ld + j, x.ld, f.column(i) + c, f.ld, r + c * ld_r + j, ld_r, depth,
                              how.fresh && i == 0, fetch_begin, fetch_end},
            std::min(kStrip<T>, x.columns - j));
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
