#pragma once

#include <vector>

#include "host/core/data_matrix.hpp"

namespace orthant::core {

/// Components beyond the rank that the sketch carries (Halko, Martinsson & Tropp 2011).
constexpr int kOversampling = 10;

/// Columns of a sketch of X for a truncated SVD of this rank.
inline int sketch_rank(const MatrixShape& shape, int rank) {
  return static_cast<int>(std::min<std::int64_t>(rank + kOversampling, std::min(shape.rows, shape.columns)));
}

/// X ~ U diag(s) V', for the leading components. u (sketch_rank x m) and v (sketch_rank x n) receive the singular
/// vectors as rows, in the order of falling singular values (which are returned); rows of vanishing values are 0.
/// Randomized range finder with power iterations, orthonormalised through small Gram matrices in double.
/// Cost: 2 * (power iterations + 1) products with X.
template <class T>
std::vector<double> randomized_svd(const Backend<T>& backend, const DataMatrix<T>& x, std::uint64_t seed, Factor<T> u,
                                   Factor<T> v, Workspace& workspace);

}  // namespace orthant::core
