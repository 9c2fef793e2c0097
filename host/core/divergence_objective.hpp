#pragma once

#include "host/core/objective.hpp"

namespace orthant::core {

/// A beta-divergence, by multiplicative updates. The terms of a factor depend on both.
template <class T>
std::unique_ptr<Objective<T>> make_divergence_objective(const Backend<T>& backend, const DataMatrix<T>& x,
                                                        const Factors<T>& factors, const Options& options,
                                                        Workspace& workspace);

std::int64_t divergence_objective_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options);

/// `loss` on this X.
template <class T>
Divergence make_divergence(const Loss& loss, const DataMatrix<T>& x);

}  // namespace orthant::core
