#pragma once

#include <memory>

#include "cuda/gpu.hpp"
#include "host/core/any_view.hpp"
#include "host/core/data_matrix.hpp"
#include "host/core/observed.hpp"

namespace orthant::cuda {

/// A view in device memory is borrowed, one in host memory copied, and so are the weights, which are in the same memory
/// space. Validates, and measures its statistics.
template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_dense_matrix(const Gpu&, DenseView<const T> x,
                                                             const core::Observed<T>& observed);

/// The same of elements of any type, stored as T or narrower. What must be converted is converted on the device; only a
/// view in device memory whose elements are already as they shall be stored is borrowed.
template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_dense_matrix(const Gpu&, const core::AnyDenseView& x, Storage storage,
                                                             const core::Observed<T>& observed);

/// Bytes that coordinate_descent() takes from the workspace, and divergence_terms(), for either side.
std::int64_t dense_descent_bytes(const Gpu&, const MatrixShape&, int rank, int element_size);
std::int64_t dense_divergence_bytes(const Gpu&, const MatrixShape&, const core::Divergence&, int rank,
                                    int element_size);

}  // namespace orthant::cuda
