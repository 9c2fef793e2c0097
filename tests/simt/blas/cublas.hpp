#pragma once

// The substitute of cuBLAS: its handle, and what its entry points have in common.

#include <cublas_v2.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/simt/blas/handles.hpp"
#include "tests/simt/blas/operands.hpp"
#include "tests/simt/cudart/api.hpp"

struct cublasContext : simt::Handle {
  bool has_workspace = false;  // of the user's, instead of the default pool
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  cublasPointerMode_t pointers = CUBLAS_POINTER_MODE_HOST;
  cublasAtomicsMode_t atomics = CUBLAS_ATOMICS_NOT_ALLOWED;
};

namespace simt {

Registry<cublasContext>& cublas_handles();

/// An entry point that takes a handle.
template <class Body>
cublasStatus_t cublas(const char* name, cublasHandle_t handle, Body body) {
  if (refuse(name, cudaErrorUnknown) != cudaSuccess) return CUBLAS_STATUS_EXECUTION_FAILED;
  if (!cublas_handles().contains(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  const Use use(name, *handle);
  const std::lock_guard lock(api_mutex());
  return body();
}

/// Work of cuBLAS's on the stream of the handle: runs `work` if the operands, the scalars and the workspace are there.
struct Work {
  const char* name;
  std::vector<Dense> inputs, outputs;
  std::vector<Scalar> scalars;
  std::function<void(const Work&)> run;
  bool in_place = false;  // an input may begin where an output does: the caller has checked that it is stored alike
};
cublasStatus_t submit(const cublasContext& handle, Work work);

/// alpha and beta.
std::vector<Scalar> scalars(const cublasContext& handle, const std::string& call, const void* alpha, const void* beta,
                            cudaDataType type);

inline bool is_operation(cublasOperation_t op) { return op == CUBLAS_OP_N || op == CUBLAS_OP_T || op == CUBLAS_OP_C; }

inline std::int64_t least_ld(std::int64_t rows) { return std::max<std::int64_t>(1, rows); }

inline bool allows_tf32(cublasMath_t math) {
  return (static_cast<int>(math) & ~CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION) == CUBLAS_TF32_TENSOR_OP_MATH;
}

/// op(X) of rows x columns, where memory holds X by columns.
inline Dense operand(std::string name, const void* data, cudaDataType type, cublasOperation_t op, std::int64_t rows,
                     std::int64_t columns, std::int64_t ld) {
  const bool plain = op == CUBLAS_OP_N;
  return {std::move(name), data, type, rows, columns, plain ? 1 : ld, plain ? ld : 1};
}

}  // namespace simt
