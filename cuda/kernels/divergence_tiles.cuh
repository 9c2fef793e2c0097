#pragma once

#include <cstdint>
#include <type_traits>

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

/// From one column of a tile of X in shared memory to the next.
template <class T>
inline constexpr int kDivergencePitch = kDivergenceTile<T> + 16 / sizeof(T);

inline constexpr int kDivergenceThreads = 64;

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

/// Blocks for so many components that a multiprocessor has room for, at least. A kernel's launch bound, which leaves
/// the registers that the sums need: without one compilers spill some of them for a higher occupancy.
constexpr int resident_blocks(int components) { return components > 64 ? 4 : components > 32 ? 6 : 8; }

/// The shape of a grid, and how it divides the walk: x is the tile, y the block of components, z the part.
struct DivergenceGrid {
  std::int64_t tiles, walk;
  int blocks, parts;
};

/// Begins to copy a tile of lines of X or of its weights, from own column a0 and other column b0, to [other][own]; 0
/// beyond X. What must be converted comes by way of registers, half of a thread's entries at a time before one is
/// waited for. A warp reads eight places of four lines: whole sectors of memory.
template <class S, class T>
__device__ void load_lines(const DivergenceArguments<T>& a, const S* lines, std::int64_t ld, std::int64_t a0,
                           std::int64_t b0, device::Shared<T> tile) {
  constexpr int kSide = kDivergenceTile<T>, kPitch = kDivergencePitch<T>;
  static_assert(kDivergenceThreads == 4 * 16 && kSide % 16 == 0);
  constexpr int kLines = kSide / 4, kPlaces = kSide / 16;  // of a thread
  const int thread = static_cast<int>(threadIdx.x), line0 = thread / 8 % 4, place0 = thread % 8 + thread / 32 * 8;
  const std::int64_t first_line = (a.own_is_lines ? a0 : b0) + line0, first_place = (a.own_is_lines ? b0 : a0) + place0;
  const std::int64_t most_lines = (a.own_is_lines ? a.own : a.other).count - first_line;
  const std::int64_t most_places = (a.own_is_lines ? a.other : a.own).count - first_place;
  const int line_pitch = a.own_is_lines ? 1 : kPitch, place_pitch = a.own_is_lines ? kPitch : 1;
  device::Shared<T> to = tile + (line0 * line_pitch + place0 * place_pitch);
  device::Global<const S> from = device::Global<const S>(lines) + (first_line * ld + first_place);
  if constexpr (std::is_same_v<S, T>) {
    ORTHANT_KEEP_LOOP
    for (int l = 0; l < kLines; ++l) {
      ORTHANT_UNROLL_LOOP
      for (int p = 0; p < kPlaces; ++p) {
        device::copy_async(to + 16 * p * place_pitch, from + 16 * p, 4 * l < most_lines && 16 * p < most_places);
      }
      to += 4 * line_pitch;
      from += 4 * ld;
    }
  } else {
    constexpr int kBatch = kLines / 2;
    ORTHANT_KEEP_LOOP
    for (int l0 = 0; l0 < kLines; l0 += kBatch) {
      S entries[kBatch][kPlaces];
      ORTHANT_UNROLL_LOOP
      for (int l = 0; l < kBatch; ++l) {
        ORTHANT_UNROLL_LOOP
        for (int p = 0; p < kPlaces; ++p) {
          entries[l][p] = 4 * (l0 + l) < most_lines && 16 * p < most_places ? static_cast<S>(from[16 * p]) : S{};
        }
        from += 4 * ld;
      }
      ORTHANT_UNROLL_LOOP
      for (int l = 0; l < kBatch; ++l) {
        ORTHANT_UNROLL_LOOP
        for (int p = 0; p < kPlaces; ++p) to[16 * p * place_pitch] = number<T>(entries[l][p]);
        to += 4 * line_pitch;
      }
    }
  }
}

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
