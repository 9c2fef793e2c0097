#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "cuda/kernels/divergence.cuh"
#include "cuda/kernels/entries.cuh"
#include "cuda/kernels/observed.cuh"
#include "host/core/factor.hpp"
#include "host/core/observed.hpp"

// What the kernels for the terms of dense X have in common, whichever units make their products. A block owns a tile of
// one factor's columns and walks along the other's.
namespace orthant::cuda {

/// Columns of either factor in a tile: 128 bytes of X.
template <class T>
inline constexpr int kDivergenceTile = 128 / sizeof(T);

template <class T>
struct DivergenceArguments {
  Entries<T> x;
  std::int64_t ld;
  core::Observed<T> observed;
  bool own_is_lines;
  core::Factor<const T> own, other;
  ElementCoefficients<T> coefficients;
  core::Factor<T> numerator, denominator;  // of the first part
  std::int64_t part_size;                  // from one part's terms to the next one's
  std::int64_t walk;                       // columns of `other` in a part, a multiple of the tile
};

/// The shape of a grid, and how it divides the walk: x is the tile, y the block of components, z the part.
struct DivergenceGrid {
  std::int64_t tiles, walk;
  int blocks, parts;
};

/// The coefficients of an entry x with its fit, 0 if it does not count. `inside`: whether it is an entry of X.
template <class T>
__device__ typename ElementCoefficients<T>::Coefficients coefficients_of(const DivergenceArguments<T>& a, T x, T fit,
                                                                         T weight, bool inside) {
  auto of_entry = a.coefficients(x, fit);
  bool counts = inside;
  if (!a.observed.complete()) {
    counts = counts && core::counts(a.observed.missing, x, weight);
    of_entry.numerator *= weight;
    of_entry.denominator *= weight;
  }
  return {counts ? of_entry.numerator : T(0), counts ? of_entry.denominator : T(0)};
}

}  // namespace orthant::cuda
