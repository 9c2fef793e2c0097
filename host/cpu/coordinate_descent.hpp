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

/// Entries x[0, count) belong to one column f. Component c of the fixed factor is, there, h + c * ld_h; `v` is scratch
/// of `count`. `weights`, null if all entries count by 1, are 0 where x is not to count; if all are, f becomes 0. One
/// thread; about 10 k sweeps flops and for beta = 1 k sweeps divisions an entry.
template <class T>
void descend(const ColumnProblem<T>& problem, const T* x, const T* weights, std::int64_t count, const T* h,
             std::int64_t ld_h, T* v, T* f);

/// The same with the fixed factor gathered: entry e takes its column indices[e]. `h` is scratch of `count`.
template <class T>
void descend_gathered(const ColumnProblem<T>& problem, const T* x, const T* weights, std::int64_t count,
                      core::Factor<const T> fixed, const std::int32_t* indices, T* h, T* v, T* f);

}  // namespace orthant::cpu
