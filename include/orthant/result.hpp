#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "orthant/options.hpp"

namespace orthant {

/// Why the iteration ended. Reaching max_iterations is not an error.
enum class StopReason { converged, max_iterations, stopped_by_caller };

/// What came out. W and H are in the caller's views.
struct Result {
  StopReason stop_reason = StopReason::max_iterations;
  int iterations = 0;
  double loss = 0;            ///< of the returned factors
  double objective = 0;       ///< loss and penalties
  double relative_error = 0;  ///< ||X - WH||_F / ||X||_F; 0 if X is all zero and WH too; NaN for other losses
  double held_out_loss = std::numeric_limits<double>::quiet_NaN();  ///< as Progress::held_out_loss
  /// Distance from a stationary point, 0 at one: the larger, over the factors that were updated, of ||P|| / ||R||,
  /// where R is the factor's product with X and P the step of each entry towards its own minimum, cut off at zero,
  /// in units of the gradient: P = min(F * curvature, gradient). Scaling W up and H down does not change it. Losses
  /// other than frobenius: R is the numerator of the multiplicative update, and P = min(D F / max F, gradient), D being
  /// its denominator and max F the largest entry of the row of W or column of H.
  double kkt_residual = 0;
  /// Components whose row of H or column of W is all zero, so that they add nothing to WH.
  int dead_components = 0;
  double seconds = 0;  ///< the whole call
  double initialization_seconds = 0;
  double seconds_per_iteration = 0;  ///< of the iterations alone, checks included
  std::vector<Progress> history;     ///< one entry a check, the first before any iteration
};

/// Bytes that Orthant will allocate, beside X, W and H in the caller's memory. Not in it is what making a Matrix takes
/// and releases again, which on a device can decide what fits. For sparse X, sorting its transpose takes 24 bytes for
/// each entry, in place of the 4 + sizeof(T) that are kept afterwards (16 + 2 sizeof(T) with weights, if that is more);
/// before that, rows whose entries are not in the order of columns take up to 36 + 2 sizeof(T) (3 sizeof(T) with
/// weights). Both come beside a few MiB, 4 bytes for each row and column, and copies of what is in host memory. For
/// dense X that is converted: at most 128 MiB. On the CPU, sorting the transpose takes 8 bytes for each entry or
/// column, whichever are more. Nor is in it what each thread of the CPU allocates by itself the first time, and keeps:
/// a few rank x rank blocks, at most 50 rank^2 bytes, with anls 90 rank^2.
struct MemoryPlan {
  std::int64_t matrix = 0;     ///< by Matrix, kept as long as it lives
  std::int64_t workspace = 0;  ///< at the peak of factorize, released when it returns
  std::int64_t peak() const noexcept { return matrix + workspace; }
};

}  // namespace orthant
