#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace orthant {

/// How far a computation in T may be from the oracle's: the only place of tolerances. All are relative; the comparison
/// (assertions.hpp) says to what. Copies and random numbers have none: they are compared bit by bit.
template <class T>
struct Tolerance {
  static constexpr double eps = std::numeric_limits<T>::epsilon();

  /// One operation, or a few, per entry.
  static double elementwise() { return 10 * eps; }

  /// A sum of `depth` products.
  static double sum(std::int64_t depth) {
    return 10 * eps * std::sqrt(static_cast<double>(std::max<std::int64_t>(depth, 1)));
  }

  /// One HALS sweep over `rank` components, each of which builds on those before it.
  static double hals_sweep(int rank) { return sum(rank); }

  /// One update of W and of H of an m x n matrix, products with X included.
  static double iteration(std::int64_t m, std::int64_t n) {
    return 1e3 * eps * std::sqrt(static_cast<double>(std::max(m, n)));
  }

  /// The objective after many iterations. The factors themselves may have drifted further.
  static double objective() { return std::is_same_v<T, float> ? 1e-3 : 1e-8; }

  /// Rounding up to which an objective may seem to rise in one iteration near a stationary point, relative to ||X||^2:
  /// of the update in T, and in double of the loss itself, made from products with X that are sums of depth `depth`.
  static double rise(std::int64_t depth) { return std::max(10 * eps, Tolerance<double>::sum(depth)); }

  /// KKT residual of an exact NNLS solution: of its storage in T, the solver itself working in double.
  static double nnls_kkt(int rank) { return 10 * eps * rank; }
  /// Where G is singular: of the ridge too, some eps * rank of the curvatures.
  static double nnls_kkt_singular(int rank) { return 100 * eps * rank; }
};

/// Memory used may differ from plan() by this much.
constexpr double kPlanTolerance = 0.05;

/// From the same start in double, N iterations agree with scikit-learn's (tests/sklearn).
constexpr double kPeerTolerance = 1e-9;

}  // namespace orthant
