#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "host/core/buffer.hpp"

namespace orthant::cpu {

/// A thread's own scratch for one kernel (`Tag` tells kernels apart): grows on first use and stays with the thread, so
/// that iterations allocate nothing. Kernels ask for a few k x 64 or k x k blocks, which plan() does not count.
/// @throws OutOfMemory
template <class Tag, class T>
T* scratch(std::size_t size) {
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  thread_local std::unique_ptr<std::byte[], Free> memory;
  thread_local std::size_t capacity = 0;
  const std::size_t bytes = size * sizeof(T);
  if (capacity < bytes) {
    memory.reset();
    capacity = 0;
    memory.reset(static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{64}, std::nothrow)));
    if (!memory) throw OutOfMemory(static_cast<std::int64_t>(bytes), core::free_memory());
    capacity = bytes;
  }
  return reinterpret_cast<T*>(memory.get());
}

}  // namespace orthant::cpu
