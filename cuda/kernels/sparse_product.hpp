#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "cuda/gpu.hpp"
#include "cuda/kernels/compressed.hpp"
#include "host/core/factor.hpp"

namespace orthant::cuda {

/// Segments of more entries than this are long: they are shared among groups of lanes, in parts of this many. Few,
/// since a group has eight entries or so on their way at a time, and the others wait for the last one (bench/NOTES.md);
/// not so few that the sums of the parts would take much memory.
inline std::int64_t part_length(std::int64_t nonzeros) {
  return std::max<std::int64_t>(128, (nonzeros + 65535) / 65536);
}

/// The most parts that `count` segments with indices below `length` may have, however the entries lie.
inline std::int64_t most_parts(std::int64_t nonzeros, std::int64_t count, std::int64_t length) {
  const std::int64_t in_part = part_length(nonzeros);
  return length > in_part ? nonzeros / in_part + std::min(count, nonzeros / (in_part + 1)) : 0;
}

/// The parts of the long segments, in the order of segments.
struct LongSegments {
  std::int64_t parts = 0;
  std::int64_t length = std::numeric_limits<std::int64_t>::max();  ///< entries of a part, but for the last of a segment
  const std::int32_t* segment = nullptr;                           ///< of each part
  const std::int32_t* first = nullptr;                             ///< the first part of the same segment
  unsigned* arrived = nullptr;  ///< per part, all 0; that of the first part counts for its segment
};

/// r(:, i) = sum over the entries of segment i of value * f(:, index). `partial`: rank numbers for each part.
template <class T>
void gather_rows(const Gpu&, Compressed<T> x, LongSegments parts, core::Factor<const T> f, core::Factor<T> r,
                 T* partial);

}  // namespace orthant::cuda
