#pragma once

#include <cstdint>

#include "host/core/buffer.hpp"
#include "host/cpu/segments.hpp"

namespace orthant::cpu {

/// X compressed along one side: `count` segments per band, a band being the entries whose index lies in one range of
/// the gathered factor. A band's part of that factor stays in the second-level cache while all segments use it.
template <class T>
struct Compressed {
  std::int64_t count = 0;
  int bands = 1;
  const std::int64_t* offsets = nullptr;  ///< band b: offsets + b * (count + 1)
  const std::int32_t* indices = nullptr;
  const T* values = nullptr;
  const T* weights = nullptr;  ///< null: 1 each
  core::Buffer<std::int64_t> own_offsets;
  core::Buffer<std::int32_t> own_indices;
  core::Buffer<T> own_values, own_weights;

  std::int64_t bytes() const {
    return static_cast<std::int64_t>(own_offsets.bytes() + own_indices.bytes() + own_values.bytes() +
                                     own_weights.bytes());
  }
  /// Entries of a segment, of all bands.
  std::int64_t length(std::int64_t segment) const {
    std::int64_t sum = 0;
    for (int b = 0; b < bands; ++b) {
      sum += offsets[b * (count + 1) + segment + 1] - offsets[b * (count + 1) + segment];
    }
    return sum;
  }
  double weight(std::int64_t p) const { return weights != nullptr ? static_cast<double>(weights[p]) : 1; }
  Segments<T> band(int b, std::int64_t first, std::int64_t n) const {
    return {offsets + b * (count + 1) + first, n, indices, values, weights};
  }
  void allocate(MemoryResource& memory, std::int64_t segments, int n_bands, std::int64_t nonzeros, bool weighted) {
    count = segments;
    bands = n_bands;
    own_offsets = core::Buffer<std::int64_t>(memory, n_bands * (segments + 1));
    own_indices = core::Buffer<std::int32_t>(memory, nonzeros);
    own_values = core::Buffer<T>(memory, nonzeros);
    if (weighted) own_weights = core::Buffer<T>(memory, nonzeros);
    offsets = own_offsets.data();
    indices = own_indices.data();
    values = own_values.data();
    if (weighted) weights = own_weights.data();
  }
};

}  // namespace orthant::cpu
