#pragma once

#include <cstddef>
#include <cstdint>

#include "host/core/factor.hpp"

namespace orthant::cpu {

/// Whether columns of f that are gathered should be fetched ahead: not where f is small enough to stay in a
/// second-level cache of 1 MB, from which fetching takes longer than it saves.
template <class T>
bool is_far(const core::Factor<const T>& f) {
  constexpr std::size_t kNear = 640 << 10;
  return static_cast<std::size_t>(f.ld * f.count) * sizeof(T) > kNear;
}

/// Whether a column of f may end in another line of the cache than where the last of its pieces of 64 bytes begins.
template <class T>
bool straddles(const core::Factor<const T>& f) {
  constexpr std::uintptr_t kLine = 64;
  const std::uintptr_t begins =
      reinterpret_cast<std::uintptr_t>(f.data) | static_cast<std::uintptr_t>(f.ld) * sizeof(T);
  const std::uintptr_t alignment = begins & (~begins + 1);  // its lowest bit: of every column
  const std::uintptr_t last_piece = (static_cast<std::uintptr_t>(f.rank) * sizeof(T) - 1) % kLine + 1;
  return last_piece > alignment;
}

}  // namespace orthant::cpu
