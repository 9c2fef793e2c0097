#pragma once

#include <cstdint>

namespace orthant::cuda {

/// Sparse X compressed along one side, in device memory: the entries of segment i are [offsets[i], offsets[i + 1]), and
/// their indices on the other side rise.
template <class T>
struct Compressed {
  std::int64_t count = 0;  ///< segments
  std::int64_t nonzeros = 0;
  const std::int64_t* offsets = nullptr;
  const std::int32_t* indices = nullptr;
  const T* values = nullptr;
  const T* weights = nullptr;  ///< null: 1 each; where 0, the value may be anything
};

}  // namespace orthant::cuda
