#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace orthant {

namespace core {
class Runtime;
}

/// Where Orthant's own buffers come from. Implement it to use a pool or to count. Both calls may come from any thread.
class MemoryResource {
 public:
  virtual ~MemoryResource() = default;
  /// @returns memory aligned to `alignment` (a power of two); throws std::bad_alloc when there is none
  virtual void* allocate(std::size_t bytes, std::size_t alignment) = 0;
  virtual void deallocate(void* pointer, std::size_t bytes, std::size_t alignment) noexcept = 0;
};

struct CpuConfig {
  static constexpr int kMostThreads = 1024;
  /// 0: OpenMP's default (OMP_NUM_THREADS, or the cores this process may use); at most kMostThreads
  int threads = 0;
  MemoryResource* memory = nullptr;  ///< null: aligned operator new. Must outlive everything made on the Context.
};

struct CudaConfig;  // cuda.hpp

/// Where to run. Cheap to copy; copies share the same threads and memory resource. Usable from several threads at once.
class Context {
 public:
  /// @throws InvalidArgument if threads is negative or more than CpuConfig::kMostThreads
  static Context cpu(const CpuConfig& config = {});

  /// @throws BackendUnavailable in a build without the CUDA backend, or where no device can be used
  static Context cuda();
  static Context cuda(const CudaConfig& config);

  /// What runs: "cpu" or "cuda". Orthant never switches by itself.
  std::string backend() const;
  /// The instruction set ("AVX3" is AVX-512) or the device that is used.
  std::string device() const;
  /// Threads that the CPU backend uses.
  int threads() const;

  /// Internal.
  const std::shared_ptr<core::Runtime>& runtime() const noexcept { return runtime_; }

 private:
  explicit Context(std::shared_ptr<core::Runtime> runtime) : runtime_(std::move(runtime)) {}
  std::shared_ptr<core::Runtime> runtime_;
};

}  // namespace orthant
