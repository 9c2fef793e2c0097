#pragma once

#include <cuda_runtime_api.h>

#include "orthant/cuda.hpp"
#include "tests/memory.hpp"

namespace orthant::test {

class CountedResource final : public DeviceMemoryResource {
 public:
  explicit CountedResource(CountingMemory& memory) : memory_(memory) {}
  void* allocate(std::size_t bytes, std::size_t, CUstream_st* stream) override {
    return memory_.allocated(bytes, [&] {
      void* pointer = nullptr;
      if (cudaMallocAsync(&pointer, bytes, stream) != cudaSuccess) throw std::bad_alloc();
      return pointer;
    });
  }
  void deallocate(void* pointer, std::size_t bytes, std::size_t, CUstream_st* stream) noexcept override {
    memory_.freed(bytes);
    cudaFreeAsync(pointer, stream);
  }

 private:
  CountingMemory& memory_;
};

}  // namespace orthant::test
