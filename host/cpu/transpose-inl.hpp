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
  constexpr int blocks = kLanes<hn::TFromD<D>> / kPerBlock;
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

// Transposes a square of Lanes x Lanes: out[i * ld_out + j] = row(j)[i].
template <class T, class Row>
HWY_INLINE void transpose_square_of(const Row& row, T* out, std::int64_t ld_out) {
  constexpr int n = kLanes<T>;
#if HWY_TARGET == HWY_SCALAR
  static_assert(n == 1);
  out[0] = row(0)[0];
  (void)ld_out;
#else
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
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

// The same of rows that are ld_in apart.
template <class T>
HWY_INLINE void transpose_square(const T* in, std::int64_t ld_in, T* out, std::int64_t ld_out) {
  transpose_square_of([&](int j) HWY_ATTR { return in + j * ld_in; }, out, ld_out);
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
    transpose_square_of([&](int j) HWY_ATTR { return row(j, begin); }, out + begin * ld_out, ld_out);
  }
}

// out(i, j) = in(j, i) for i < rows_out, j < columns_out: in whole squares, then entry by entry at the edges.
template <class T>
HWY_INLINE void transpose(const T* in, std::int64_t ld_in, T* out, std::int64_t ld_out, std::int64_t rows_out,
                          std::int64_t columns_out) {
  constexpr std::int64_t n = kLanes<T>;
  const std::int64_t whole_rows = rows_out / n * n, whole_columns = columns_out / n * n;
  for (std::int64_t j = 0; j < whole_columns; j += n) {
    for (std::int64_t i = 0; i < whole_rows; i += n) {
      transpose_square(in + j * ld_in + i, ld_in, out + i * ld_out + j, ld_out);
    }
  }
  for (std::int64_t j = 0; j < columns_out; ++j) {
    for (std::int64_t i = j < whole_columns ? whole_rows : 0; i < rows_out; ++i) {
      out[i * ld_out + j] = in[j * ld_in + i];
    }
  }
}

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
