#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "orthant/context.hpp"
#include "orthant/error.hpp"

namespace orthant::core {

/// Bytes of memory that the operating system says are free, or -1.
std::int64_t free_memory();

/// Owns uninitialised elements from a MemoryResource. Moves, never copies.
template <class T>
class Buffer {
 public:
  /// Elements start on a cache line, so that vector loads of the first ones do not straddle two.
  static constexpr std::size_t alignment = 64;

  Buffer() = default;
  Buffer(MemoryResource& memory, std::int64_t size, SourceLocation where = SourceLocation::current())
      : memory_(&memory), size_(size) {
    if (size == 0) return;
    try {
      data_ = static_cast<T*>(memory.allocate(bytes(), alignment));
    } catch (const std::bad_alloc&) {
      throw OutOfMemory(static_cast<std::int64_t>(bytes()), -1, where);
    } catch (const OutOfMemory& e) {  // of a resource that knows what is free
      throw OutOfMemory(e.requested(), e.free(), where);
    }
  }
  Buffer(Buffer&& b) noexcept
      : memory_(b.memory_), data_(std::exchange(b.data_, nullptr)), size_(std::exchange(b.size_, 0)) {}
  Buffer& operator=(Buffer&& b) noexcept {
    std::swap(memory_, b.memory_);
    std::swap(data_, b.data_);
    std::swap(size_, b.size_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() {
    if (data_ != nullptr) memory_->deallocate(data_, bytes(), alignment);
  }

  T* data() const { return data_; }
  std::int64_t size() const { return size_; }
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(T); }
  T* begin() const { return data_; }
  T* end() const { return data_ + size_; }
  T& operator[](std::int64_t i) const { return data_[i]; }

 private:
  MemoryResource* memory_ = nullptr;
  T* data_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace orthant::core
