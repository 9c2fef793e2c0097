#pragma once

// The substitute of cuSPARSE: its handle, its descriptors, and what its entry points have in common.

#include <cusparse.h>

#include <string>

#include "tests/simt/blas/handles.hpp"
#include "tests/simt/blas/operands.hpp"
#include "tests/simt/cudart/api.hpp"

struct cusparseContext : simt::Handle {
  cusparsePointerMode_t pointers = CUSPARSE_POINTER_MODE_HOST;
};

/// A matrix in CSR.
struct cusparseSpMatDescr {
  std::int64_t rows, columns, nonzeros;
  const void* offsets;
  const void* indices;
  const void* values;
  cusparseIndexType_t index_type;  // of offsets and indices
  cusparseIndexBase_t base;
  cudaDataType type;

  /// What cusparseSpMM_preprocess has left: the buffer that is active, and the values that calls with it must repeat.
  struct Preprocessed {
    const void* buffer = nullptr;
    cusparseOperation_t op_a, op_b;
    cudaDataType compute;
    cusparseSpMMAlg_t algorithm;
  };
  mutable Preprocessed preprocessed;
};

struct cusparseDnMatDescr {
  std::int64_t rows, columns, ld;
  const void* values;
  cudaDataType type;
  cusparseOrder_t order;

  simt::Dense operand(const std::string& name) const {
    const bool by_rows = order == CUSPARSE_ORDER_ROW;
    return {name, values, type, rows, columns, by_rows ? ld : 1, by_rows ? 1 : ld};
  }
  bool is_packed() const { return ld == (order == CUSPARSE_ORDER_ROW ? columns : rows); }
};

namespace simt {

Registry<cusparseContext>& cusparse_handles();
Registry<cusparseSpMatDescr>& sparse_matrices();
Registry<cusparseDnMatDescr>& dense_matrices();

/// An entry point that takes a handle.
template <class Body>
cusparseStatus_t cusparse(const char* name, cusparseHandle_t handle, Body body) {
  if (refuse(name, cudaErrorUnknown) != cudaSuccess) return CUSPARSE_STATUS_EXECUTION_FAILED;
  if (!cusparse_handles().contains(handle)) return CUSPARSE_STATUS_INVALID_VALUE;
  const Use use(name, *handle);
  const std::lock_guard lock(api_mutex());
  return body();
}

}  // namespace simt
