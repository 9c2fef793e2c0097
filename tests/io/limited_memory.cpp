#include "tests/io/limited_memory.hpp"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace orthant::io {
namespace {

std::atomic<std::ptrdiff_t> used{0}, most_used{0}, limit{std::numeric_limits<std::ptrdiff_t>::max()};

void* try_allocate(std::size_t bytes) noexcept {
  const std::ptrdiff_t room = limit.load() - used.load();
  void* p = room < 0 || bytes > static_cast<std::size_t>(room) ? nullptr : std::malloc(bytes == 0 ? 1 : bytes);
  if (p == nullptr) return nullptr;
  const std::ptrdiff_t now = used += static_cast<std::ptrdiff_t>(malloc_usable_size(p));
  std::ptrdiff_t most = most_used;
  while (now > most && !most_used.compare_exchange_weak(most, now)) {
  }
  return p;
}

void* allocate(std::size_t bytes) {
  void* p = try_allocate(bytes);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

void release(void* p) noexcept {
  if (p != nullptr) used -= static_cast<std::ptrdiff_t>(malloc_usable_size(p));
  std::free(p);
}

std::ptrdiff_t used_before = 0;

}  // namespace

LimitedMemory::LimitedMemory(std::size_t bytes) {
  used_before = used;
  most_used = used_before;
  limit = used_before + static_cast<std::ptrdiff_t>(bytes);
}
LimitedMemory::~LimitedMemory() { limit = std::numeric_limits<std::ptrdiff_t>::max(); }
std::size_t LimitedMemory::peak() const { return static_cast<std::size_t>(most_used - used_before); }

}  // namespace orthant::io

// The whole program allocates through these.
void* operator new(std::size_t bytes) { return orthant::io::allocate(bytes); }
void* operator new[](std::size_t bytes) { return orthant::io::allocate(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return orthant::io::try_allocate(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return orthant::io::try_allocate(bytes); }
void operator delete(void* p) noexcept { orthant::io::release(p); }
void operator delete[](void* p) noexcept { orthant::io::release(p); }
void operator delete(void* p, std::size_t) noexcept { orthant::io::release(p); }
void operator delete[](void* p, std::size_t) noexcept { orthant::io::release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { orthant::io::release(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { orthant::io::release(p); }
