#pragma once

#include "host/core/data_matrix.hpp"
#include "host/core/runtime.hpp"

namespace orthant::core {

/// The factors of a fit, in the backend's memory.
template <class T>
struct Factors {
  Factor<T> w, h;
  Factor<T> of(Side side) const { return side == Side::w ? w : h; }
};

/// Penalties with PenaltyScaling applied.
struct Penalties {
  ScaledPenalty w, h;
  ScaledPenalty of(Side side) const { return side == Side::w ? w : h; }
};

Penalties scale_penalties(const Options& options, const MatrixShape& shape);

/// The loop, for every solver, storage and backend: from the start in `factors` to the end. Fills all of the result but
/// its times of the whole call.
template <class T>
Result alternate(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors, const Options& options,
                 Workspace& workspace);

/// Bytes that alternate() takes beside the workspace.
std::int64_t alternate_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options);

}  // namespace orthant::core
