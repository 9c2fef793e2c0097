#pragma once

#include "host/core/data_matrix.hpp"
#include "host/cpu/compressed.hpp"
#include "host/cpu/coordinate_descent.hpp"

namespace orthant::cpu {

/// Moves the columns of f by coordinate descent, each by the entries of its segment of x; `fixed` is the gathered
/// factor. What becomes of a column depends on its own entries, the rank and `shape`, which is that of X. Of the
/// workspace it takes what sparse_coordinate_descent_bytes() says.
template <class T>
void sparse_coordinate_descent(const ColumnProblem<T>& problem, const Compressed<T>& x, const MatrixShape& shape,
                               core::Factor<T> f, core::Factor<const T> fixed, int threads, core::Workspace& workspace);

std::int64_t sparse_coordinate_descent_bytes(const MatrixShape& shape, int rank, int element_size, int threads);

}  // namespace orthant::cpu
