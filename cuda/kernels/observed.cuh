#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "cuda/kernels/compressed.hpp"
#include "host/core/observed.hpp"

namespace orthant::cuda {

/// The weight that the entry at a place of a line of dense X was given; 1 if none were. The branch is the same for all
/// threads.
template <class T>
__device__ T given_weight(const core::Observed<T>& observed, std::int64_t line, std::int64_t place) {
  if (observed.weights == nullptr) return 1;
  const device::Global<const T> weights = observed.weights;
  return weights[line * observed.ld + place];
}

/// The weight by which it counts: 0 if it does not, whatever x is.
template <class T>
__device__ T weight_of(const core::Observed<T>& observed, T x, std::int64_t line, std::int64_t place) {
  const T given = given_weight(observed, line, place);
  return core::counts(observed.missing, x, given) ? given : T(0);
}

/// The same of entry p of sparse X.
template <class T>
__device__ T weight_of(const Compressed<T>& x, std::int64_t p) {
  if (x.weights == nullptr) return 1;
  const device::Global<const T> weights = x.weights;
  return weights[p];
}

}  // namespace orthant::cuda
