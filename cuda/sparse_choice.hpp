#pragma once

#include <cstdint>
#include <limits>

#include "orthant/cuda.hpp"
#include "orthant/error.hpp"

namespace orthant::cuda {

/// Which product is made of segments (rows, or columns) that have fewer entries than this on average; the first line
/// that fits.
struct SparseChoice {
  double fewer_than;
  SparseProduct product;
  const char* reason;
};

inline constexpr SparseChoice kSparseChoices[] = {
    {10, SparseProduct::cusparse,
     "Of short segments a group of lanes waits for offsets and writes results more than it multiplies, and groups of "
     "one warp wait for the longest; cuSPARSE's algorithm 3 gives all threads equally many entries. The bound is a "
     "rule of thumb, after the idea of Yang, Buluc and Owens (Euro-Par 2018); it has not been measured on a device."},
    {std::numeric_limits<double>::infinity(), SparseProduct::row_gather,
     "Of long segments nearly all that is moved is the gathered columns of the factor, each contiguous, and sums stay "
     "in registers; long segments are shared, so that none holds up the others."},
};

/// Of one orientation of X, `asked` being the Context's wish. cuSPARSE's 32-bit indices and offsets must suffice; X
/// without entries has nothing to choose.
inline SparseProduct choose_sparse_product(SparseProduct asked, std::int64_t count, std::int64_t length,
                                           std::int64_t nonzeros) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (nonzeros == 0) return SparseProduct::row_gather;
  const bool fits = count < kMost && length < kMost && nonzeros < kMost;
  if (asked == SparseProduct::cusparse && !fits) {
    throw InvalidArgument("CudaConfig::sparse_product", "cusparse",
                          "row_gather or automatic for X of 2^31 - 1 rows, columns or entries, or more");
  }
  if (asked != SparseProduct::automatic) return asked;
  const double mean = static_cast<double>(nonzeros) / static_cast<double>(count);
  const SparseChoice* choice = kSparseChoices;
  while (mean >= choice->fewer_than) ++choice;
  return fits ? choice->product : SparseProduct::row_gather;
}

}  // namespace orthant::cuda
