#include "host/core/objective.hpp"

#include "host/core/coordinate_objective.hpp"
#include "host/core/divergence_objective.hpp"
#include "host/core/extrapolated_objective.hpp"
#include "host/core/squared_objective.hpp"

namespace orthant::core {

template <class T>
std::unique_ptr<Objective<T>> make_objective(const Backend<T>& backend, const DataMatrix<T>& x,
                                             const Factors<T>& factors, const Options& options, Workspace& workspace) {
  if (is_extrapolated(options, x.shape())) {
    return make_extrapolated_objective(backend, x, factors, options, workspace);
  }
  if (is_squared(options.loss, x.shape())) return make_squared_objective(backend, x, factors, options, workspace);
  return options.solver == Solver::hals ? make_coordinate_objective(backend, x, factors, options, workspace)
                                        : make_divergence_objective(backend, x, factors, options, workspace);
}

std::int64_t objective_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options) {
  if (is_extrapolated(options, shape)) {
    return extrapolated_objective_bytes(shape, rank, element_size, options);
  }
  if (is_squared(options.loss, shape)) return squared_objective_bytes(shape, rank, element_size, options);
  return options.solver == Solver::hals ? coordinate_objective_bytes(shape, rank, element_size, options)
                                        : divergence_objective_bytes(shape, rank, element_size, options);
}

Penalties scale_penalties(const Options& options, const MatrixShape& shape) {
  const bool sklearn = options.penalty_scaling == PenaltyScaling::sklearn;
  const double w = sklearn ? static_cast<double>(shape.columns) : 1, h = sklearn ? static_cast<double>(shape.rows) : 1;
  return {{options.w_penalty.l1 * w, options.w_penalty.l2 * w}, {options.h_penalty.l1 * h, options.h_penalty.l2 * h}};
}

#define ORTHANT_INSTANTIATE(T)                                                                                      \
  template std::unique_ptr<Objective<T>> make_objective(const Backend<T>&, const DataMatrix<T>&, const Factors<T>&, \
                                                        const Options&, Workspace&);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::core
