#pragma once

#include "orthant/context.hpp"

// Vendor types are forward-declared: this header needs no CUDA.
struct CUstream_st;
struct cublasContext;
struct cusparseContext;

namespace orthant {

/// Where a CUDA Context's buffers come from, in the order of a stream: memory may be used by what is enqueued after
/// allocate() and before deallocate(). rmm::device_async_resource_ref and cuda::mr resources fit behind it in two lines
/// (bench/examples/embed.cu shows how). Both calls may come from any thread.
class DeviceMemoryResource {
 public:
  virtual ~DeviceMemoryResource() = default;
  /// @returns device memory aligned to `alignment` (a power of two, at most 256); throws std::bad_alloc when there is
  ///   none
  virtual void* allocate(std::size_t bytes, std::size_t alignment, CUstream_st* stream) = 0;
  virtual void deallocate(void* pointer, std::size_t bytes, std::size_t alignment, CUstream_st* stream) noexcept = 0;
};

/// How products of float are made: those of dense X with a factor, and of the terms of a beta-divergence of dense X (in
/// any storage, weighted or not) those that make WH and those that multiply by it. Sums are in float always. Strict in
/// every mode: double, sparse X, products of X in a narrow storage with a factor, updates, coordinate descent, losses.
enum class MathMode {
  strict,  ///< in float
  tf32,    ///< factors of a product rounded to 10 bits after the point, on tensor cores. From compute capability 8.0;
           ///< on older devices, and where Orthant was built for older ones only, an InvalidArgument
  bf16,    ///< the same with 7 bits
};

/// What makes the products of sparse X. Either gives the same bits in every run.
enum class SparseProduct {
  row_gather,  ///< a kernel of Orthant's
  cusparse,    ///< cusparseSpMM, for X of fewer than 2^31 - 1 rows, columns and entries (any other is an
               ///< InvalidArgument); at rank 1 as row_gather
};

/// What a CUDA Context uses of the caller's. Null handles are made, and owned, by the Context. Stream, handles and
/// memory resource must outlive the Context, its copies, and everything made on it.
struct CudaConfig {
  int device = 0;
  /// All work is enqueued here. Null: a blocking stream of the Context's own, which waits for the legacy default stream
  /// as any such stream does. Pass cudaStreamLegacy or cudaStreamPerThread to have those; a Context on the per-thread
  /// stream must be used by one thread.
  CUstream_st* stream = nullptr;
  /// Its stream and modes are as before after every call; a workspace set by cublasSetWorkspace is not.
  cublasContext* cublas = nullptr;
  cusparseContext* cusparse = nullptr;  ///< its stream and pointer mode are as before after every call
  /// Null: a memory pool of the Context's own (cudaMallocFromPoolAsync). It keeps what is freed, up to the most that
  /// was in use at one time, until the last copy of the Context and everything made on it end.
  DeviceMemoryResource* memory = nullptr;
  MathMode math = MathMode::strict;
  SparseProduct sparse_product = SparseProduct::row_gather;
};

}  // namespace orthant
