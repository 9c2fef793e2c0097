#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/simt/sanitizers.hpp"

namespace simt {

/// What memory holds before anything is written: a NaN as float and double, far out of range as an integer.
inline unsigned char poison_at(const volatile unsigned char* address) {
  constexpr unsigned char kBytes[4] = {0xAD, 0xDE, 0xFF, 0xFF};
  return kBytes[reinterpret_cast<std::uintptr_t>(address) % 4];
}

inline void poison(void* data, std::size_t bytes) {
  // Volatile: the compiler would make calls of memcpy or memset, at which the thread sanitizer takes part.
  volatile auto* next = static_cast<volatile unsigned char*>(data);
  volatile auto* const end = next + bytes;
  for (; next != end && reinterpret_cast<std::uintptr_t>(next) % 4 != 0; ++next) *next = poison_at(next);
  for (; end - next >= 4; next += 4) *reinterpret_cast<volatile std::uint32_t*>(next) = 0xFFFFDEADu;
  for (; next != end; ++next) *next = poison_at(next);
  sanitizer::mark_uninitialised(data, bytes);
}

/// Whether bytes that were poisoned are untouched.
inline bool is_poison(const void* data, std::size_t bytes) {
  const auto* next = static_cast<const volatile unsigned char*>(data);
  const auto* const end = next + bytes;
  sanitizer::mark_initialised(data, bytes);
  while (next != end && *next == poison_at(next)) ++next;
  return next == end;
}

}  // namespace simt
