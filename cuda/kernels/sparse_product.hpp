#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"
#include "cuda/kernels/compressed.hpp"
#include "host/core/factor.hpp"

namespace orthant::cuda {

/// Segments of more entries than this are shared among groups of lanes, in parts of this many.
inline constexpr std::int64_t kLongSegment = 2048;

/// The parts of the long segments, in the order of segments.
struct LongSegments {
  std::int64_t parts = 0;
  const std::int32_t* segment = nullptr;  ///< of each part
  const std::int32_t* first = nullptr;    ///< the first part of the same segment
  unsigned* arrived = nullptr;            ///< per part, all 0; that of the first part counts for its segment
};

/// r(:, i) = sum over the entries of segment i of value * f(:, index). `partial`: rank numbers for each part.
template <class T>
void gather_rows(const Gpu&, Compressed<T> x, LongSegments parts, core::Factor<const T> f, core::Factor<T> r,
                 T* partial);

}  // namespace orthant::cuda
