#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <new>

#include "orthant/context.hpp"

namespace orthant::test {

/// Counts what is allocated through it, and can be told to fail.
class CountingMemory : public MemoryResource {
 public:
  void* allocate(std::size_t bytes, std::size_t alignment) override {
    const std::lock_guard lock(mutex_);
    if (allocations_ == fail_at_) throw std::bad_alloc();
    void* pointer = ::operator new(bytes, std::align_val_t(alignment));
    ++allocations_;
    live_ += static_cast<std::int64_t>(bytes);
    peak_ = std::max(peak_, live_);
    return pointer;
  }
  void deallocate(void* pointer, std::size_t bytes, std::size_t alignment) noexcept override {
    const std::lock_guard lock(mutex_);
    live_ -= static_cast<std::int64_t>(bytes);
    ::operator delete(pointer, std::align_val_t(alignment));
  }

  /// The allocation with this number (from 0) and every one after it fails.
  void fail_at(std::int64_t number) { fail_at_ = number; }
  std::int64_t allocations() const { return allocations_; }
  std::int64_t live() const { return live_; }  ///< bytes
  std::int64_t peak() const { return peak_; }  ///< bytes
  void reset() {
    allocations_ = 0;
    peak_ = live_;
    fail_at_ = -1;
  }

 private:
  std::mutex mutex_;
  std::int64_t allocations_ = 0, live_ = 0, peak_ = 0, fail_at_ = -1;
};

}  // namespace orthant::test
