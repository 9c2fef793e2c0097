#pragma once

#include "cuda/device.hpp"

namespace orthant::cuda {

/// The segment whose range [offsets[i], offsets[i + 1]) has p.
__device__ inline std::int64_t segment_of(device::Global<const std::int64_t> offsets, std::int64_t count,
                                          std::int64_t p) {
  std::int64_t low = 0, high = count;  // offsets[low] <= p < offsets[high]
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (static_cast<std::int64_t>(offsets[middle]) <= p ? low : high) = middle;
  }
  return low;
}

}  // namespace orthant::cuda
