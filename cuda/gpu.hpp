#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>

#include "cuda/check.hpp"
#include "host/core/buffer.hpp"
#include "orthant/cuda.hpp"

namespace orthant::cuda {

/// Where kernels leave what each block found, until the last block to finish adds it up.
struct Scratch {
  double* values = nullptr;
  unsigned* counters = nullptr;  ///< all 0 between kernels
};

/// Owns an object of CUDA's.
template <class Pointer, auto kDestroy>
struct Destroy {
  using pointer = Pointer;
  void operator()(Pointer object) const noexcept { kDestroy(object); }
};
using OwnedStream = std::unique_ptr<CUstream_st, Destroy<cudaStream_t, cudaStreamDestroy>>;
using OwnedEvent = std::unique_ptr<CUevent_st, Destroy<cudaEvent_t, cudaEventDestroy>>;
using OwnedGraph = std::unique_ptr<CUgraph_st, Destroy<cudaGraph_t, cudaGraphDestroy>>;
using OwnedExecutable = std::unique_ptr<CUgraphExec_st, Destroy<cudaGraphExec_t, cudaGraphExecDestroy>>;
using OwnedCusparse = std::unique_ptr<cusparseContext, Destroy<cusparseHandle_t, cusparseDestroy>>;
using OwnedCublas = std::unique_ptr<cublasContext, Destroy<cublasHandle_t, cublasDestroy>>;

/// A graph that can be launched, with what it was made from, to which the handles of its loops belong.
struct RecordedGraph {
  OwnedGraph graph;
  OwnedExecutable executable;
};

/// One device and the stream on it that a Context works on, with what calls need: memory, scratch, library handles.
/// Calls may come from several threads; their work is ordered by the stream.
class Gpu {
 public:
  static constexpr std::int64_t kScratchValues = 1 << 20;
  static constexpr int kScratchCounters = 2048;

  explicit Gpu(const CudaConfig& config);
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  int index() const { return index_; }
  std::string name() const { return properties_.name; }
  int multiprocessors() const { return properties_.multiProcessorCount; }
  std::int64_t cache_bytes() const { return properties_.l2CacheSize; }  ///< of the cache that all multiprocessors share
  /// Bytes of shared memory that a block can have where `blocks` of them fit into a multiprocessor.
  std::size_t shared_memory(int blocks = 1) const;
  MathMode math() const { return math_; }
  MemoryResource& memory() const { return *memory_; }
  std::int64_t free_memory() const;  ///< bytes, or -1
  Scratch scratch() const { return {scratch_values_.data(), counters_.data()}; }

  /// Where this thread enqueues: the Context's stream, or during capture() the stream that records.
  cudaStream_t stream() const;

  /// While it lives, the device is this thread's current one.
  class Current {
   public:
    explicit Current(const Gpu& gpu);
    /// For releases: where the device cannot become current, they fail as well.
    Current(const Gpu& gpu, std::nothrow_t) noexcept;
    ~Current();
    Current(const Current&) = delete;
    Current& operator=(const Current&) = delete;

   private:
    int before_ = -1;  // device to go back to
  };

  void copy(void* target, const void* source, std::int64_t bytes) const;  ///< between any memory
  void copy_lines(void* target, std::int64_t target_pitch, const void* source, std::int64_t source_pitch,
                  std::int64_t width, std::int64_t lines) const;  ///< in bytes
  /// The same from memory of the host's, which may be released as soon as they return or throw: they wait.
  void upload(void* target, const void* host, std::int64_t bytes) const;
  void upload_lines(void* target, std::int64_t target_pitch, const void* host, std::int64_t host_pitch,
                    std::int64_t width, std::int64_t lines) const;
  void set(void* target, int value, std::int64_t bytes) const;  ///< each byte of device memory
  void clear(void* target, std::int64_t bytes) const { set(target, 0, bytes); }
  void synchronize() const;

  /// Records what `calls` enqueues on this thread instead of running it.
  RecordedGraph capture(const std::function<void()>& calls) const;
  void launch(cudaGraphExec_t graph) const;
  bool is_capturing() const;  ///< on this thread
  /// Within capture(): a loop. `set_condition` enqueues what tells whether the body, `calls`, is run (again).
  void capture_while(const std::function<void(cudaGraphConditionalHandle)>& set_condition,
                     const std::function<void()>& calls) const;

  OwnedEvent record_event() const;
  bool is_reached(cudaEvent_t event) const;
  double seconds_between(cudaEvent_t start, cudaEvent_t end) const;  ///< waits for `end`
  /// Waits for the event, and copies to host memory aside from the Context's stream.
  void copy_after(cudaEvent_t event, void* host, const void* source, std::int64_t bytes) const;

  /// Calls `use` with a handle of cuSPARSE that works where this thread enqueues. The first call makes the handle,
  /// which cannot be captured.
  void with_cusparse(const std::function<void(cusparseHandle_t)>& use) const;
  SparseProduct sparse_product() const { return sparse_product_; }

  /// Makes what gemm() needs, which is done by its first call otherwise, and cannot be while that is captured.
  void prepare_gemm() const;
  /// C = op(A) op(B), column-major, of T. alpha = 1, beta = 0.
  template <class T>
  void gemm(cublasOperation_t op_a, cublasOperation_t op_b, std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
            std::int64_t lda, const T* b, std::int64_t ldb, T* c, std::int64_t ldc) const;

 private:
  class StreamMemory;
  void check_device(int device);
  void check_code() const;
  /// @param compiled_for the capability that kernels were compiled for: 75 for 7.5
  void check_math(int compiled_for) const;

  int index_ = 0;
  cudaDeviceProp properties_{};
  OwnedStream owned_stream_, capture_stream_, side_stream_;
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<MemoryResource> memory_;
  core::Buffer<double> scratch_values_;
  core::Buffer<unsigned> counters_;
  MathMode math_;
  SparseProduct sparse_product_;
  mutable std::mutex capture_mutex_, cublas_mutex_, cusparse_mutex_;
  mutable core::Buffer<std::byte> cublas_workspace_;
  mutable OwnedCublas owned_cublas_;
  mutable cublasHandle_t cublas_ = nullptr;
  mutable OwnedCusparse owned_cusparse_;
  mutable cusparseHandle_t cusparse_ = nullptr;
};

}  // namespace orthant::cuda
