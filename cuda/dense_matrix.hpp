#pragma once

#include <memory>

#include "cuda/gpu.hpp"
#include "host/core/data_matrix.hpp"

namespace orthant::cuda {

/// A view in device memory is borrowed, one in host memory copied. Validates, and measures its statistics.
template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_dense_matrix(const Gpu&, DenseView<const T> x);

/// Bytes that divergence_terms() takes from the workspace, for either side.
std::int64_t dense_divergence_bytes(const Gpu&, const MatrixShape&, const core::Divergence&, int rank,
                                    int element_size);

}  // namespace orthant::cuda
