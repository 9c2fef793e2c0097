#pragma once

#include "host/core/objective.hpp"

namespace orthant::core {

/// A divergence by coordinate descent: each entry of a factor goes near its own minimum, which takes X itself and not
/// terms of it. X is visited once for each factor.
template <class T>
std::unique_ptr<Objective<T>> make_coordinate_objective(const Backend<T>& backend, const DataMatrix<T>& x,
                                                        const Factors<T>& factors, const Options& options,
                                                        Workspace& workspace);

std::int64_t coordinate_objective_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options);

}  // namespace orthant::core
