#include "host/cpu/skinny_product.hpp"

#include <algorithm>

#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/skinny_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Both products of X with a factor are the same sum, r(:, a) += sum_b x(a, b) f(:, b), with X walked along its rows or
// along its columns. Components run along the SIMD lanes, so an entry of X is broadcast, X is never packed or
// transposed, and a tile of `kTile` columns of r stays in registers while b runs. Each broadcast feeds kVectors
// multiply-adds: with 12 x 2 accumulators of AVX-512, 14 loads for 24 multiply-adds, so the FMA units are the limit.
HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Accumulators that fit the register file beside the vectors of f and one broadcast.
constexpr int kAccumulators = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64 ? 24 : 12;
constexpr int kMaxVectors = kAccumulators / 6;

// Entries of X along b per block: f's block stays in L1 or L2 while all tiles use it. Walking down a column costs a page
// of address translation per row, and the first-level TLB holds 64 to 96.
constexpr std::int64_t kAlongRow = 256;
constexpr std::int64_t kDownColumn = 64;

template <class T>
struct Operand {
  const T* x;              // entry (a, b) at x[a*step_a + b*step_b]
  std::int64_t step_a, step_b;
  const T* f;
  std::int64_t ld_f;
  T* r;
  std::int64_t ld_r;
  std::int64_t depth;  // of b
};

template <int kTile, int kVectors, bool kAlongRows, class T>
HWY_INLINE void tile(const Operand<T>& o, int lanes_of_last) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const std::int64_t n = static_cast<std::int64_t>(hn::Lanes(d));
  const auto mask = hn::FirstN(d, static_cast<std::size_t>(lanes_of_last));
  V acc[kTile][kVectors];
  ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) {
    const T* r = o.r + a * o.ld_r;
    ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) acc[a][v] = hn::LoadU(d, r + v * n);
    acc[a][kVectors - 1] = hn::MaskedLoad(mask, d, r + (kVectors - 1) * n);
  }
  const T* f = o.f;
  const T* x = o.x;
  for (std::int64_t b = 0; b < o.depth; ++b) {
    V fv[kVectors];
    ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) fv[v] = hn::LoadU(d, f + v * n);
    fv[kVectors - 1] = hn::MaskedLoad(mask, d, f + (kVectors - 1) * n);
    ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) {
      const V xv = hn::Set(d, kAlongRows ? x[a * o.step_a] : x[a]);
      ORTHANT_UNROLL for (int v = 0; v < kVectors; ++v) acc[a][v] = hn::MulAdd(xv, fv[v], acc[a][v]);
    }
    f += o.ld_f;
    x += kAlongRows ? 1 : o.step_b;
  }
  ORTHANT_UNROLL for (int a = 0; a < kTile; ++a) {
    T* r = o.r + a * o.ld_r;
    ORTHANT_UNROLL for (int v = 0; v + 1 < kVectors; ++v) hn::StoreU(acc[a][v], d, r + v * n);
    hn::BlendedStore(acc[a][kVectors - 1], mask, d, r + (kVectors - 1) * n);
  }
}

// All columns a in [0, count) with tiles of kTile and, for the rest, of half as many, down to one.
template <int kTile, int kVectors, bool kAlongRows, class T>
HWY_INLINE void tiles(Operand<T> o, std::int64_t count, int lanes_of_last) {
  std::int64_t a = 0;
  for (; a + kTile <= count; a += kTile) {
    tile<kTile, kVectors, kAlongRows>(o, lanes_of_last);
    o.x += kTile * o.step_a;
    o.r += kTile * o.ld_r;
  }
  if constexpr (kTile > 1) tiles<kTile / 2, kVectors, kAlongRows>(o, count - a, lanes_of_last);
}

template <bool kAlongRows, class T>
void block(Operand<T> o, std::int64_t count, int rank) {
  const int n = static_cast<int>(hn::Lanes(hn::ScalableTag<T>()));
  for (int c = 0; c < rank;) {
    const int vectors_left = (rank - c + n - 1) / n;
    // Five vectors go as 3 + 2 rather than 4 + 1: a single vector has no reuse of the broadcast.
    const int vectors = vectors_left == kMaxVectors + 1 ? kMaxVectors - 1 : std::min(vectors_left, kMaxVectors);
    const int last = std::min(rank - c - (vectors - 1) * n, n);
    switch (vectors) {
      case 1: tiles<kAccumulators, 1, kAlongRows>(o, count, last); break;
      case 2: tiles<kAccumulators / 2, 2, kAlongRows>(o, count, last); break;
      case 3: if constexpr (kMaxVectors >= 3) tiles<kAccumulators / 3, 3, kAlongRows>(o, count, last); break;
      default: if constexpr (kMaxVectors >= 4) tiles<kAccumulators / 4, 4, kAlongRows>(o, count, last); break;
    }
    c += vectors * n;
    o.f += vectors * n;
    o.r += vectors * n;
  }
}

template <class T>
void rows(Block<T> x, core::Factor<const T> h, core::Factor<T> r) {
  for (std::int64_t b = 0; b < x.columns; b += kAlongRow) {
    block<true>(Operand<T>{x.data + b, x.ld, 1, h.column(b), h.ld, r.data, r.ld, std::min(kAlongRow, x.columns - b)},
                x.rows, r.rank);
  }
}

template <class T>
void columns(Block<T> x, core::Factor<const T> w, core::Factor<T> r) {
  for (std::int64_t b = 0; b < x.rows; b += kDownColumn) {
    block<false>(Operand<T>{x.data + b * x.ld, 1, x.ld, w.column(b), w.ld, r.data, r.ld,
                            std::min(kDownColumn, x.rows - b)},
                 x.columns, r.rank);
  }
}

void rows_float(Block<float> x, core::Factor<const float> h, core::Factor<float> r) { rows(x, h, r); }
void rows_double(Block<double> x, core::Factor<const double> h, core::Factor<double> r) { rows(x, h, r); }
void columns_float(Block<float> x, core::Factor<const float> w, core::Factor<float> r) { columns(x, w, r); }
void columns_double(Block<double> x, core::Factor<const double> w, core::Factor<double> r) { columns(x, w, r); }

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

HWY_EXPORT(rows_float);
HWY_EXPORT(rows_double);
HWY_EXPORT(columns_float);
HWY_EXPORT(columns_double);

template <>
void accumulate_rows(Block<float> x, core::Factor<const float> h, core::Factor<float> r) {
  HWY_DYNAMIC_DISPATCH(rows_float)(x, h, r);
}
template <>
void accumulate_rows(Block<double> x, core::Factor<const double> h, core::Factor<double> r) {
  HWY_DYNAMIC_DISPATCH(rows_double)(x, h, r);
}
template <>
void accumulate_columns(Block<float> x, core::Factor<const float> w, core::Factor<float> r) {
  HWY_DYNAMIC_DISPATCH(columns_float)(x, w, r);
}
template <>
void accumulate_columns(Block<double> x, core::Factor<const double> w, core::Factor<double> r) {
  HWY_DYNAMIC_DISPATCH(columns_double)(x, w, r);
}

}  // namespace orthant::cpu
#endif
