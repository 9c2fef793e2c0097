#pragma once

#include <cuda_runtime_api.h>

#include <cstdlib>
#include <new>
#include <string>

#include "orthant/cuda.hpp"
#include "tests/memory.hpp"

namespace orthant::test {

/// Whether device memory is to come from cudaMalloc, which does not depend on a stream: tests/cuda/compute_sanitizer.sh
/// says why.
inline bool wants_plain_memory() {
  const char* const wanted = std::getenv("ORTHANT_PLAIN_MEMORY");
  return wanted != nullptr && std::string(wanted) == "1";
}

class PlainResource final : public DeviceMemoryResource {
 public:
  void* allocate(std::size_t bytes, std::size_t, CUstream_st*) override {
    void* pointer = nullptr;
    if (cudaMalloc(&pointer, bytes) != cudaSuccess) throw std::bad_alloc();
    return pointer;
  }
  void deallocate(void* pointer, std::size_t, std::size_t, CUstream_st* stream) noexcept override {
    cudaStreamSynchronize(stream);  // what is enqueued may still use it
    cudaFree(pointer);
  }
};

class StreamResource final : public DeviceMemoryResource {
 public:
  void* allocate(std::size_t bytes, std::size_t, CUstream_st* stream) override {
    void* pointer = nullptr;
    if (cudaMallocAsync(&pointer, bytes, stream) != cudaSuccess) throw std::bad_alloc();
    return pointer;
  }
  void deallocate(void* pointer, std::size_t, std::size_t, CUstream_st* stream) noexcept override {
    cudaFreeAsync(pointer, stream);
  }
};

/// One of them, for all tests of a program.
inline DeviceMemoryResource& test_resource() {
  static PlainResource plain;
  static StreamResource ordered;
  static const bool is_plain = wants_plain_memory();
  return is_plain ? static_cast<DeviceMemoryResource&>(plain) : ordered;
}

class CountedResource final : public DeviceMemoryResource {
 public:
  explicit CountedResource(CountingMemory& memory) : memory_(memory) {}
  void* allocate(std::size_t bytes, std::size_t alignment, CUstream_st* stream) override {
    return memory_.allocated(bytes, [&] { return test_resource().allocate(bytes, alignment, stream); });
  }
  void deallocate(void* pointer, std::size_t bytes, std::size_t alignment, CUstream_st* stream) noexcept override {
    memory_.freed(bytes);
    test_resource().deallocate(pointer, bytes, alignment, stream);
  }

 private:
  CountingMemory& memory_;
};

}  // namespace orthant::test
