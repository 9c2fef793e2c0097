#pragma once

#include <memory>

#include "host/core/data_matrix.hpp"
#include "host/core/observed.hpp"
#include "host/cpu/cpu_runtime.hpp"

namespace orthant::cpu {

/// Dense X and its weights, borrowed as they lie.
template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_dense_matrix(const CpuRuntime& runtime, DenseView<const T> x,
                                                             const core::Observed<T>& observed);

/// Bytes of workspace of its products and passes.
std::int64_t dense_pass_bytes(const MatrixShape& shape, int rank, int element_size, int threads);
std::int64_t dense_product_bytes(const MatrixShape& shape, core::Side side, int rank, int element_size, int threads);

}  // namespace orthant::cpu
