#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <new>

#include "orthant/context.hpp"
#include "orthant/cuda.hpp"

#ifdef ORTHANT_TEST_CUDA
#include <cuda_runtime_api.h>
#endif

namespace orthant::test {

/// Counts what is allocated through it, and can be told to fail. A memory resource of the backend that is tested.
#ifdef ORTHANT_TEST_CUDA
class CountingMemory : public DeviceMemoryResource {
 public:
  void* allocate(std::size_t bytes, std::size_t, CUstream_st* stream) override {
    return count(bytes, [&] {
      void* pointer = nullptr;
      if (cudaMallocAsync(&pointer, bytes, stream) != cudaSuccess) throw std::bad_alloc();
      return pointer;
    });
  }
  void deallocate(void* pointer, std::size_t bytes, std::size_t, CUstream_st* stream) noexcept override {
    const std::lock_guard lock(mutex_);
    live_ -= static_cast<std::int64_t>(bytes);
    cudaFreeAsync(pointer, stream);
  }
#else
class CountingMemory : public MemoryResource {
 public:
  void* allocate(std::size_t bytes, std::size_t alignment) override {
    return count(bytes, [&] { return ::operator new(bytes, std::align_val_t(alignment)); });
  }
  void deallocate(void* pointer, std::size_t bytes, std::size_t alignment) noexcept override {
    const std::lock_guard lock(mutex_);
    live_ -= static_cast<std::int64_t>(bytes);
    ::operator delete(pointer, std::align_val_t(alignment));
  }
#endif

  /// The allocation with this number (from 0) and every one after it fails.
  void fail_at(std::int64_t number) { fail_at_ = number; }
  std::int64_t allocations() const { return allocations_; }
  std::int64_t live() const { return live_ - base_; }  ///< bytes
  std::int64_t peak() const { return peak_ - base_; }  ///< bytes
  void reset() {
    allocations_ = 0;
    peak_ = live_;
    fail_at_ = -1;
  }
  /// What is live now, such as what a Context keeps, is not counted from here on.
  void rebase() {
    base_ = live_;
    reset();
  }

 private:
  template <class Allocate>
  void* count(std::size_t bytes, Allocate&& allocate) {
    const std::lock_guard lock(mutex_);
    if (fail_at_ >= 0 && allocations_ >= fail_at_) throw std::bad_alloc();
    void* pointer = allocate();
    ++allocations_;
    live_ += static_cast<std::int64_t>(bytes);
    peak_ = std::max(peak_, live_);
    return pointer;
  }

  std::mutex mutex_;
  std::int64_t allocations_ = 0, live_ = 0, peak_ = 0, fail_at_ = -1, base_ = 0;
};

}  // namespace orthant::test
