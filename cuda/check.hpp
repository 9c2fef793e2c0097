#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cusparse.h>

#include "orthant/error.hpp"

namespace orthant::cuda {

/// Throws CudaError for anything but success. `call` is the name of the function that was called.
inline void check(cudaError_t code, const char* call, SourceLocation where = SourceLocation::current()) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // so that an error that does not stick is not seen again by the next caller
  throw CudaError(call, cudaGetErrorName(code), cudaGetErrorString(code), where);
}
inline void check(cublasStatus_t code, const char* call, SourceLocation where = SourceLocation::current()) {
  if (code != CUBLAS_STATUS_SUCCESS)
    throw CudaError(call, cublasGetStatusName(code), cublasGetStatusString(code), where);
}
inline void check(cusparseStatus_t code, const char* call, SourceLocation where = SourceLocation::current()) {
  if (code != CUSPARSE_STATUS_SUCCESS) {
    throw CudaError(call, cusparseGetErrorName(code), cusparseGetErrorString(code), where);
  }
}

/// Calls a function of CUDA's and throws unless it succeeds.
#define ORTHANT_CUDA(function, ...) ::orthant::cuda::check(function(__VA_ARGS__), #function)

}  // namespace orthant::cuda
