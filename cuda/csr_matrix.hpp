#pragma once

#include <memory>

#include "cuda/gpu.hpp"
#include "host/core/any_view.hpp"
#include "host/core/data_matrix.hpp"
#include "host/core/observed.hpp"

namespace orthant::cuda {

/// A view of compressed rows in device memory with sorted 32-bit indices is borrowed, with its weights, any other
/// copied; beside it the transpose is made. Validates but for sizes and pointers, and measures its statistics.
template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_csr_matrix(const Gpu&, const core::AnySparseView<T>& x,
                                                           const core::Observed<T>& observed);

/// Bytes kept for a borrowed X.
std::int64_t csr_matrix_bytes(const Gpu&, const MatrixShape& shape, int element_size);

/// Numbers that the parts of long segments take from the workspace where each makes so many sums.
std::int64_t csr_partial_sums(const MatrixShape&, int sums);

/// Bytes that loss() and divergence() take from the workspace.
std::int64_t csr_loss_bytes(int rank);
std::int64_t csr_divergence_bytes(int rank);

}  // namespace orthant::cuda
