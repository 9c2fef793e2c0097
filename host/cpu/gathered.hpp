#pragma once

#include <cstddef>

#include "host/core/factor.hpp"

namespace orthant::cpu {

/// Whether columns of f that are gathered should be fetched ahead: not where f is small enough to stay in any
/// second-level cache, from which fetching takes longer than it saves.
template <class T>
bool is_far(const core::Factor<const T>& f) {
  constexpr std::size_t kNear = 192 << 10;
  return static_cast<std::size_t>(f.ld * f.count) * sizeof(T) > kNear;
}

}  // namespace orthant::cpu
