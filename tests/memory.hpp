#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>

namespace orthant::test {

class CountingMemory;

/// The memory resource of the tested backend that counts in a CountingMemory.
class CountedResource;
std::shared_ptr<CountedResource> make_resource(CountingMemory& memory);

/// Counts what is allocated through its resource, and can be told to fail.
class CountingMemory {
 public:
  CountedResource& resource() { return *resource_; }

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

  /// For the resource: counts what allocate() returns, a pointer to so many bytes.
  template <class Allocate>
  void* allocated(std::size_t bytes, Allocate&& allocate) {
    const std::lock_guard lock(mutex_);
    if (fail_at_ >= 0 && allocations_ >= fail_at_) throw std::bad_alloc();
    void* pointer = allocate();
    ++allocations_;
    live_ += static_cast<std::int64_t>(bytes);
    peak_ = std::max(peak_, live_);
    return pointer;
  }
  void freed(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    live_ -= static_cast<std::int64_t>(bytes);
  }

 private:
  std::mutex mutex_;
  std::int64_t allocations_ = 0, live_ = 0, peak_ = 0, fail_at_ = -1, base_ = 0;
  const std::shared_ptr<CountedResource> resource_ = make_resource(*this);
};

}  // namespace orthant::test
