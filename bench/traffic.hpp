#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orthant/factorize.hpp"

namespace orthant::bench {

/// Of one kernel, or of what a library is called for.
struct KernelTraffic {
  std::string name;
  std::int64_t launches = 0;
  /// Of global memory, in whole sectors; none: work of a library, copies and the like, which are not counted.
  std::optional<std::int64_t> bytes_read, bytes_written;
};

/// Whether the CUDA backend in use counts: that of the build `traffic` does, in the rig.
bool counts_traffic();

/// Of one iteration without a check: what a fit of two makes beyond a fit of one. Exact, not a measurement.
/// @throws InvalidArgument as factorize()
template <class T>
std::vector<KernelTraffic> traffic_of_iteration(const Matrix<T>& x, std::int64_t rank, const Options& options);

}  // namespace orthant::bench
