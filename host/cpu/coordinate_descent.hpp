#pragma once

#include <cstdint>

#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"

/// Coordinate descent on single columns of a factor: each entry goes near its own minimum while the fit is kept up to
/// date, entry by entry of X. For the Kullback-Leibler divergence the minimum over one entry f_c solves
///   sum over j of h_cj x_j / v_j = sum over j of h_cj,   v = V + f_c h_c;
/// as in the secular equations of eigenvalue problems, Newton's method is made on the reciprocals of both sides, which
/// is exact where all h_cj / v_j are equal, and never overshoots from below. (Newton's method on the sides themselves:
/// Hsieh & Dhillon 2011; Lin & Boutros 2020.) For beta = 2 the minimum has a closed form; the steps are then those of
/// HALS with a Gram matrix for each column (of the entries that count, times their weights), at 4 k flops an entry
/// instead of k^2.
///
/// What a component's step does to the fit and the sums for the next component are made in one visit of the entries.
/// Either those lie along the SIMD lanes, or, where they are few, columns of the factor do. All functions are for one
/// thread; about 8 k sweeps flops and for beta = 1 k sweeps divisions an entry.
namespace orthant::cpu {

/// What the columns have in common.
template <class T>
struct ColumnProblem {
  int rank = 0;
  core::Divergence divergence;  ///< beta 1 or 2
  const T* sums = nullptr;      ///< of each component of the fixed factor, over all entries, if they all count by 1
  core::ScaledPenalty penalty;
  int sweeps = 1;
};

/// Columns whose entries lie along: entry e of column j at [j * ld + e].
template <class T>
struct Lines {
  const T* x = nullptr;
  std::int64_t ld = 0;
  const T* weights = nullptr;  ///< null: 1 each; 0 where x is not to count
  std::int64_t ld_weights = 0;
  std::int64_t count = 0;  ///< of entries
};

/// Lines that descend() takes at once.
constexpr int kLines = 4;

/// Moves the columns of f, at most kLines. Component c of the fixed factor is, at the entries, h + c * ld_h, and 0
/// beyond the last, up to ld_h, which is whole cache lines as `h` and `v` are. v + j * ld_h is the fit of column j; it
/// is kept up to date but for the last step, and that too if `finish`. Where all weights are 0, f becomes 0.
template <class T>
void descend(const ColumnProblem<T>& problem, const Lines<T>& lines, const T* h, std::int64_t ld_h, T* v,
             core::Factor<T> f, bool finish);

/// As many columns as fill a cache line, of few entries each.
template <class T>
constexpr int kBatch = 64 / sizeof(T);

/// Entry e of column j at [e * kBatch<T> + j].
template <class T>
struct ColumnBatch {
  int columns = 0;
  std::int64_t count = 0;                 ///< entries of the longest column
  const T* x = nullptr;                   ///< beyond a column's last entry 0, as are the weights
  const T* weights = nullptr;             ///< as of Lines
  const std::int32_t* indices = nullptr;  ///< columns of the fixed factor; beyond the last entry -1
  T* const* f = nullptr;                  ///< the columns
};

/// The same for a batch. Scratch, on a cache line, has batch_scratch(rank, count) numbers. What becomes of a column
/// does not depend on its company.
template <class T>
void descend_batch(const ColumnProblem<T>& problem, const ColumnBatch<T>& batch, core::Factor<const T> fixed,
                   T* scratch);

/// The fixed factor, f and the fits, laid out anew, and a column of zeros.
template <class T>
constexpr std::int64_t batch_scratch(int rank, std::int64_t count) {
  return kBatch<T> * ((count | 1) * rank + count + rank) + rank;
}

/// out[c * ld_out + e] = fixed(first + c, indices[e]) for c < components, e < count.
template <class T>
void gather(core::Factor<const T> fixed, int first, int components, const std::int32_t* indices, std::int64_t count,
            T* out, std::int64_t ld_out);

}  // namespace orthant::cpu
