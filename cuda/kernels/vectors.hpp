#pragma once

#include <cstdint>

namespace orthant::cuda {

/// Components of a factor's columns that can be read at once: as many as 16 bytes hold, two, or one.
template <class AnyFactor>
int components_at_once(const AnyFactor& f) {
  constexpr int kMost = 16 / sizeof(*f.data);
  const auto fits = [&](int vector) {
    return f.rank % vector == 0 && f.ld % vector == 0 &&
           reinterpret_cast<std::uintptr_t>(f.data) % (vector * sizeof(*f.data)) == 0;
  };
  return fits(kMost) ? kMost : fits(2) ? 2 : 1;
}

}  // namespace orthant::cuda
