// Included once for each instruction set, inside no namespace, by files of SIMD kernels.
#if defined(ORTHANT_COLUMNS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef ORTHANT_COLUMNS_INL_HPP
#undef ORTHANT_COLUMNS_INL_HPP
#else
#define ORTHANT_COLUMNS_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "host/cpu/partial-inl.hpp"
#include "host/cpu/transpose-inl.hpp"

// Tiles of a product of dense X, over its rows, with a factor: columns of X run along the SIMD lanes. A tile of kTile
// vectors of X and kComponents of the factor makes kTile x kComponents sums in registers from kTile + kComponents
// loads, so that the multiply-adds are the limit, and no rank wastes lanes.
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

constexpr int kSecondLevel = 2;  // locality of __builtin_prefetch: the first-level cache is for what is worked on

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
struct ColumnsOperand {
  const T* x;  // entry (i, j) at x[i * ld_x + j]
  std::int64_t ld_x;
  const T* f;
  std::int64_t ld_f;
  const T* r = nullptr;  // what sums begin with, unless they are fresh
  std::int64_t ld_r = 0;
  std::int64_t depth;  // of i
  bool fresh;
  // While rows i in [fetch_begin, fetch_end) are worked on, what lies `depth` rows below is fetched.
  std::int64_t fetch_begin = 0, fetch_end = 0;
};

// Columns [j, j + kTile vectors). load(p) reads a vector of X, finish(load, c, j, sum) gets the sums of component c for
// a vector of columns from j on.
template <int kTile, int kComponents, class T, class Load, class Finish>
HWY_INLINE void columns_tile(const ColumnsOperand<T>& o, std::int64_t j, const Load& load, const Finish& finish) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr std::int64_t n = kLanes<T>;
  V sums[kTile][kComponents];
  ORTHANT_UNROLL for (int c = 0; c < kComponents; ++c) {
    ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) {
      sums[a][c] = o.fresh ? hn::Zero(d) : hn::Load(d, o.r + c * o.ld_r + j + a * n);
    }
  }
  const T *x = o.x + j, *f = o.f;
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
    ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) finish(load, c, j + a * n, sums[a][c]);
  }
}

// Columns [j, end) in tiles of kTile vectors and, for the rest, of half as many, down to one that is cut off.
template <int kTile, int kComponents, class T, class Finish>
HWY_INLINE void columns_tiles(const ColumnsOperand<T>& o, std::int64_t j, std::int64_t end, const Finish& finish) {
  const hn::ScalableTag<T> d;
  constexpr std::int64_t n = kLanes<T>;
  for (; j + kTile * n <= end; j += kTile * n) {
    columns_tile<kTile, kComponents>(
        o, j, [&](const T* p) HWY_ATTR { return hn::LoadU(d, p); }, finish);
  }
  if constexpr (kTile > 1) {
    columns_tiles<kTile / 2, kComponents>(o, j, end, finish);
  } else if (j < end) {
    const Partial<decltype(d)> rest(d, end - j);
    columns_tile<1, kComponents>(
        o, j, [&](const T* p) HWY_ATTR { return rest.load(p); }, finish);
  }
}

// Columns that all components visit before the next: a multiple of every tile.
template <class T>
constexpr std::int64_t kStrip = 12 * kLanes<T>;

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
