#pragma once

#include <cstdint>

#include "orthant/matrix.hpp"

namespace orthant::core {

/// Which entries of X count, and how much.
template <class T>
struct Observed {
  Missing missing = Missing::none;
  const T* weights = nullptr;  ///< null: 1 each. Of dense X laid out as X is, of sparse X one for each stored entry
  std::int64_t ld = 0;         ///< of the weights of dense X

  constexpr bool complete() const { return missing == Missing::none && weights == nullptr; }
  /// The same from line i and place j of dense X on.
  constexpr Observed at(std::int64_t i, std::int64_t j) const {
    return {missing, weights != nullptr ? weights + i * ld + j : nullptr, ld};
  }
};

/// Whether an entry of this value, and of this weight, counts. Read by the CUDA compiler too.
template <class T>
constexpr bool counts(Missing missing, T value, T weight) {
  return weight > 0 && (missing == Missing::none || (missing == Missing::nan ? value == value : value != 0));
}

}  // namespace orthant::core
