#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "orthant/error.hpp"

namespace orthant::io {

/// Leaves new elements uninitialised, so that the threads that fill an array are the first to touch its pages, and
/// starts every array on a cache line. Throws OutOfMemory.
template <class T>
struct UninitializedAllocator {
  using value_type = T;
  static constexpr std::align_val_t alignment{64};

  UninitializedAllocator() = default;
  template <class U>
  UninitializedAllocator(const UninitializedAllocator<U>&) noexcept {}

  T* allocate(std::size_t size) {
    try {
      if (size > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T)) throw std::bad_array_new_length();
      return static_cast<T*>(::operator new(size * sizeof(T), alignment));
    } catch (const std::bad_alloc&) {
      throw OutOfMemory(static_cast<std::int64_t>(size * sizeof(T)), -1);
    }
  }
  void deallocate(T* pointer, std::size_t) noexcept { ::operator delete(pointer, alignment); }

  template <class U>
  void construct(U* pointer) {
    ::new (static_cast<void*>(pointer)) U;
  }
  template <class U, class... Arguments>
  void construct(U* pointer, Arguments&&... arguments) {
    ::new (static_cast<void*>(pointer)) U(std::forward<Arguments>(arguments)...);
  }

  friend bool operator==(UninitializedAllocator, UninitializedAllocator) noexcept { return true; }
};

/// A vector whose `resize` and sized constructor leave numbers uninitialised.
template <class T>
using Array = std::vector<T, UninitializedAllocator<T>>;

using Bytes = Array<char>;

}  // namespace orthant::io
