#pragma once

#include <cstdint>

namespace orthant::cpu {

/// What a look at numbers of X tells.
struct Survey {
  double sum = 0, squared = 0;  ///< added up lane by lane, in double
  bool valid = true;            ///< all are finite, and none is negative
};

/// Looks at x[0] to x[count - 1], at the speed of reading them. Unless null, largest[i] becomes x[i] where that is
/// larger.
template <class T>
Survey survey(const T* x, std::int64_t count, T* largest = nullptr);

}  // namespace orthant::cpu
