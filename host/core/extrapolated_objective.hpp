#pragma once

#include "host/core/objective.hpp"

namespace orthant::core {

/// 1/2 ||X - WH||^2, each iteration starting from extrapolated factors (Options::acceleration). `factors` always hold
/// the last iterate that was accepted.
template <class T>
std::unique_ptr<Objective<T>> make_extrapolated_objective(const Backend<T>& backend, const DataMatrix<T>& x,
                                                          const Factors<T>& factors, const Options& options,
                                                          Workspace& workspace);

std::int64_t extrapolated_objective_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options);

}  // namespace orthant::core
