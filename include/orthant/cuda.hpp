#pragma once

#include "orthant/context.hpp"

// Vendor handles are forward-declared: this header needs no CUDA.
struct CUstream_st;
struct cublasContext;
struct cusparseContext;

namespace orthant {

/// What a CUDA Context uses of the caller's. Null handles are made, and owned, by the Context.
struct CudaConfig {
  int device = 0;
  CUstream_st* stream = nullptr;
  cublasContext* cublas = nullptr;
  cusparseContext* cusparse = nullptr;
  MemoryResource* memory = nullptr;
};

}  // namespace orthant
