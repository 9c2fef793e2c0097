#pragma once

#include <memory>

#include "host/core/data_matrix.hpp"
#include "host/core/observed.hpp"
#include "host/cpu/cpu_runtime.hpp"

namespace orthant::cpu {

/// X in compressed rows and, beside it, in compressed columns. Sizes and pointers are checked already.
template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_csr_matrix(const CpuRuntime& runtime, const core::AnySparseView<T>& x,
                                                           const core::Observed<T>& observed);

/// Bytes that make_csr_matrix keeps if x has compressed rows with sorted 32-bit indices.
std::int64_t csr_matrix_bytes(const MatrixShape& shape, int element_size);

/// Bytes of workspace of its products and passes.
std::int64_t csr_pass_bytes(const MatrixShape& shape, int rank, int element_size, int threads);
std::int64_t csr_divergence_pass_bytes(const core::Divergence& divergence, int rank, int element_size, int threads);

}  // namespace orthant::cpu
