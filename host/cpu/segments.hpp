#pragma once

#include <cstdint>

namespace orthant::cpu {

/// Stored entries of X by rows or columns: segment i has entries [offsets[i], offsets[i + 1]).
template <class T>
struct Segments {
  const std::int64_t* offsets = nullptr;
  std::int64_t count = 0;
  const std::int32_t* indices = nullptr;
  const T* values = nullptr;
  const T* weights = nullptr;  ///< null: 1 each; where 0, the value may be anything
};

}  // namespace orthant::cpu
