#pragma once

#include "host/core/objective.hpp"

namespace orthant::core {

/// The objective of the Frobenius norm, whose factors may be moved between iterations.
template <class T>
class SquaredObjective : public Objective<T> {
 public:
  /// The factors that are updated have been moved.
  virtual void refresh() const = 0;
};

/// 1/2 ||X - WH||^2, all entries of X being known. The terms of a factor are the Gram of the other one and its product
/// with X, which does not depend on the factor itself.
template <class T>
std::unique_ptr<SquaredObjective<T>> make_squared_objective(const Backend<T>& backend, const DataMatrix<T>& x,
                                                            const Factors<T>& factors, const Options& options,
                                                            Workspace& workspace);

std::int64_t squared_objective_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options);

/// Whether X is visited by two products, which keep to no panels, and not by passes.
bool visits_by_products(const Options& options, const MatrixShape& shape);

}  // namespace orthant::core
