#pragma once

// The lines of the table, and the parts of it that the files of this folder hold.

#include <functional>
#include <string>
#include <vector>

#include "tests/cuda/traffic/device.hpp"

namespace orthant::cuda::traffic {

/// A kernel, a call that launches it once, and what it may move: bytes of global memory, as sectors of 32 bytes.
struct Bound {
  std::string kernel;                ///< as tests/ptx/resources.tsv names it
  double read, written;              ///< what must be, each byte once
  double again = 0;                  ///< what is read beyond that, by design
  double again_to = 0;               ///< what is written beyond that, likewise
  const char* reason = "";           ///< for both
  double barriers = 0;               ///< of all blocks
  double atomics = -1, fences = -1;  ///< of lanes; -1: any number
  int ways = 2;                      ///< words that an access to shared memory may want of one bank
  MathMode math = MathMode::strict;
  std::function<void(Device&)> call = {};
};

inline constexpr double kSector = 32;

constexpr double ceil_divide(double a, double b) {
  const auto quotient = static_cast<double>(static_cast<std::int64_t>(a / b));
  return quotient + (quotient * b < a);
}

/// Bytes that a group of `lanes`, four components to a lane, moves beyond a column of floats: it takes four loads or
/// stores of single numbers, or two of pairs, each of which may begin within a sector and end within another. None of
/// vectors of four, whose columns begin where sectors do or between.
constexpr double beyond_column(int lanes, int vector) {
  const double of_access = 4.0 * lanes * vector;
  return vector == 4 ? 0 : 4.0 / vector * (kSector + (of_access < kSector ? kSector - of_access : 0));
}
/// Bytes read beyond n numbers that such a group reads so many at a time.
constexpr double beyond_entries(int at_once, double n) { return at_once < 8 ? n * (kSector / at_once - 4) : 0; }

/// Barriers of a sum over a grid: four, and two more of the last block.
constexpr double of_sums(double blocks) { return 4 * blocks + 2; }

std::vector<Bound> gram_bounds();
std::vector<Bound> update_bounds();
std::vector<Bound> ratio_bounds();
std::vector<Bound> nnls_bounds();
std::vector<Bound> sparse_product_bounds();
std::vector<Bound> narrow_product_bounds();
std::vector<Bound> divergence_bounds();
std::vector<Bound> descent_bounds();
std::vector<Bound> loss_bounds();
std::vector<Bound> factor_bounds();
std::vector<Bound> convert_bounds();
std::vector<Bound> storage_bounds();
std::vector<Bound> survey_bounds();

}  // namespace orthant::cuda::traffic
