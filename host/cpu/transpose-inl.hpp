// Included once for each instruction set, inside no namespace, by files of SIMD kernels.
#if defined(ORTHANT_TRANSPOSE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef ORTHANT_TRANSPOSE_INL_HPP
#undef ORTHANT_TRANSPOSE_INL_HPP
#else
#define ORTHANT_TRANSPOSE_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
constexpr int kLanes = static_cast<int>(HWY_LANES(T));

#if HWY_TARGET != HWY_SCALAR
// Interleaves the lower or upper halves of 128-bit blocks in units of 8 bytes.
template <class D, class V>
HWY_INLINE V interleave_pairs_lower(D d, V a, V b) {
  const hn::Repartition<double, D> pairs;
  return hn::BitCast(d, hn::InterleaveLower(pairs, hn::BitCast(pairs, a), hn::BitCast(pairs, b)));
}
template <class D, class V>
HWY_INLINE V interleave_pairs_upper(D d, V a, V b) {
  const hn::Repartition<double, D> pairs;
  return hn::BitCast(d, hn::InterleaveUpper(pairs, hn::BitCast(pairs, a), hn::BitCast(pairs, b)));
}

// u[q * L + i] holds, in its 128-bit block b, L lanes that belong to block q of vector out[b * L + i]: a transposition
// of blocks, for vectors of 1, 2 or 4 of them.
template <int kPerBlock, class D, class V>
HWY_INLINE void transpose_blocks(D d, const V* u, V* out) {
  constexpr int blocks = hn::MaxLanes(D()) / kPerBlock;
  ORTHANT_UNROLL for (int i = 0; i < kPerBlock; ++i) {
    if constexpr (blocks == 1) {
      out[i] = u[i];
    } else if constexpr (blocks == 2) {
      out[i] = hn::ConcatLowerLower(d, u[kPerBlock + i], u[i]);
      out[kPerBlock + i] = hn::ConcatUpperUpper(d, u[kPerBlock + i], u[i]);
    } else {
      const V a0 = u[i], a1 = u[kPerBlock + i], a2 = u[2 * kPerBlock + i], a3 = u[3 * kPerBlock + i];
      const V even_01 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(a1), a0);
      const V odd_01 = hn::OddEvenBlocks(a1, hn::SwapAdjacentBlocks(a0));
      const V even_23 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(a3), a2);
      const V odd_23 = hn::OddEvenBlocks(a3, hn::SwapAdjacentBlocks(a2));
      out[i] = hn::ConcatLowerLower(d, even_23, even_01);
      out[kPerBlock + i] = hn::ConcatLowerLower(d, odd_23, odd_01);
      out[2 * kPerBlock + i] = hn::ConcatUpperUpper(d, even_23, even_01);
      out[3 * kPerBlock + i] = hn::ConcatUpperUpper(d, odd_23, odd_01);
    }
  }
}
#endif

// Transposes a square of as many rows and columns as D has lanes: out[i * ld_out + j] = row(j)[i].
template <class D, class T, class Row>
HWY_INLINE void transpose_square_of(D d, const Row& row, T* out, std::int64_t ld_out) {
  constexpr int n = static_cast<int>(hn::MaxLanes(D()));
#if HWY_TARGET == HWY_SCALAR
  static_assert(n == 1);
  out[0] = row(0)[0];
  (void)d, (void)ld_out;
#else
  using V = hn::Vec<D>;
  V u[n], columns[n];
  if constexpr (sizeof(T) == 4) {
    ORTHANT_UNROLL for (int q = 0; q < n; q += 4) {
      const V r0 = hn::LoadU(d, row(q)), r1 = hn::LoadU(d, row(q + 1));
      const V r2 = hn::LoadU(d, row(q + 2)), r3 = hn::LoadU(d, row(q + 3));
      const V t0 = hn::InterleaveLower(d, r0, r1), t1 = hn::InterleaveLower(d, r2, r3);
      const V t2 = hn::InterleaveUpper(d, r0, r1), t3 = hn::InterleaveUpper(d, r2, r3);
      u[q] = interleave_pairs_lower(d, t0, t1);
      u[q + 1] = interleave_pairs_upper(d, t0, t1);
      u[q + 2] = interleave_pairs_lower(d, t2, t3);
      u[q + 3] = interleave_pairs_upper(d, t2, t3);
    }
    transpose_blocks<4>(d, u, columns);
  } else {
    ORTHANT_UNROLL for (int q = 0; q < n; q += 2) {
      const V r0 = hn::LoadU(d, row(q)), r1 = hn::LoadU(d, row(q + 1));
      u[q] = hn::InterleaveLower(d, r0, r1);
      u[q + 1] = hn::InterleaveUpper(d, r0, r1);
    }
    transpose_blocks<2>(d, u, columns);
  }
  ORTHANT_UNROLL for (int i = 0; i < n; ++i) hn::StoreU(columns[i], d, out + i * ld_out);
#endif
}

// out[c * ld_out + j] = row(j, c)[0] for j < Lanes, c < components, row(j, c) having what follows c behind it.
template <class T, class Row>
HWY_INLINE void transpose_rows(const Row& row, int components, T* out, std::int64_t ld_out) {
  constexpr int n = kLanes<T>;
  if (components < n) {
    for (int j = 0; j < n; ++j) {
      for (int c = 0; c < components; ++c) out[c * ld_out + j] = row(j, 0)[c];
    }
    return;
  }
  for (int c = 0; c < components; c += n) {
    const int begin = std::min(c, components - n);  // the last square overlaps the one before
    transpose_square_of(
        hn::ScalableTag<T>(), [&](int j) HWY_ATTR { return row(j, begin); }, out + begin * ld_out, ld_out);
  }
}

// out(i, j) = in(j, i) for i < rows_out, j < columns_out, both no less than D has lanes: in squares, of which the last
// overlap those before.
template <class D, class T>
HWY_INLINE void transpose_in_squares(D d, const T* in, std::int64_t ld_in, T* out, std::int64_t ld_out,
                                     std::int64_t rows_out, std::int64_t columns_out) {
  constexpr std::int64_t n = hn::MaxLanes(D());
  for (std::int64_t c = 0; c < columns_out; c += n) {
    const std::int64_t j = std::min(c, columns_out - n);
    for (std::int64_t r = 0; r < rows_out; r += n) {
      const std::int64_t i = std::min(r, rows_out - n);
      const auto row = [&](int q) HWY_ATTR { return in + (j + q) * ld_in + i; };
      transpose_square_of(d, row, out + i * ld_out + j, ld_out);
    }
  }
}

// The same of any size: in the largest squares that fit, of vectors, halves or quarters of them, or entry by entry.
template <class T>
HWY_INLINE void transpose(const T* in, std::int64_t ld_in, T* out, std::int64_t ld_out, std::int64_t rows_out,
                          std::int64_t columns_out) {
  const std::int64_t least = std::min(rows_out, columns_out);
  const hn::ScalableTag<T> d;
  if (least >= kLanes<T>) return transpose_in_squares(d, in, ld_in, out, ld_out, rows_out, columns_out);
#if HWY_TARGET != HWY_SCALAR
  constexpr int kBlock = 16 / sizeof(T), kHalf = kLanes<T> / 2;  // at least lanes of 128 bits can be transposed
  if constexpr (kHalf >= kBlock) {
    const hn::Half<decltype(d)> half;
    if (least >= kHalf) return transpose_in_squares(half, in, ld_in, out, ld_out, rows_out, columns_out);
    if constexpr (kHalf > kBlock) {
      const hn::Half<decltype(half)> quarter;
      if (least >= kBlock) return transpose_in_squares(quarter, in, ld_in, out, ld_out, rows_out, columns_out);
    }
  }
#endif
  for (std::int64_t j = 0; j < columns_out; ++j) {
    for (std::int64_t i = 0; i < rows_out; ++i) out[i * ld_out + j] = in[j * ld_in + i];
  }
}

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
