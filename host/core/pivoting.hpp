#pragma once

#include <bit>
#include <cstdint>

namespace orthant::core {

/// A power of two near 1 / sqrt(curvature), or 0 where there is no curvature. NNLS problems are solved for x / scale:
/// the curvatures become numbers between 1 and 4, whatever the units of the components are, and no digit is lost.
constexpr double unit_scale(double curvature) {
  if (!(curvature > 0 && curvature - curvature == 0)) return 0;
  const auto exponent = static_cast<int>(std::bit_cast<std::uint64_t>(curvature) >> 52) - 1023;
  return std::bit_cast<double>(static_cast<std::uint64_t>(1023 - (exponent >> 1)) << 52);
}

/// What is as good as zero in problems of one rank, given in numbers of machine precision `epsilon` and solved in
/// double.
struct PivotingTolerance {
  /// Of a component or a slope that is negative, beside the largest product: what rounding leaves in double; with the
  /// ridge, the ridge. Without it a component that is 0 with slope 0 would be exchanged for ever.
  double noise = 0;
  /// Of a pivot of Cholesky's beside the curvature: what rounding of G leaves of 0.
  double singular = 0;
  /// Share of the curvatures that is added to them where a pivot is singular: more than rounding of G can have taken.
  double ridge = 0;

  constexpr PivotingTolerance(int rank, double epsilon)
      : noise(8 * 2.220446049250313e-16), singular(2 * epsilon * rank), ridge(8 * epsilon * rank) {}
};

/// One problem on its way from one passive set (the components that may be positive) to the next, by block principal
/// pivoting (Kim & Park 2011, algorithm 1): those whose sign is wrong change sides all at once as long as that makes
/// them fewer, with three failures in between; else the last of them alone, the backup rule. That ends for every
/// positive definite G, but not soon where G is nearly singular: after some rounds the problem is solved with the
/// ridge. The backup there is that negative components leave, and that others join once there are none, as in an active
/// set method: every few rounds the solution on a passive set has no negative components. Such a one is taken where the
/// rounds are over before the minimum is found. Read by the CUDA compiler too.
struct Pivoting {
  enum class Next { exchange_all, exchange_negative, exchange_last, solve_again, done };

  int rank = 0;
  int fewest = 0, failures_left = 0, rounds_left = 0;
  bool ridge = false;  ///< the problem is that of G with the ridge, on all passive sets alike

  constexpr explicit Pivoting(int k) : rank(k) { start(); }

  /// What follows the solution on a passive set, `negative` of whose components are among the infeasible ones.
  /// `singular`: it was not found, for lack of a ridge; solve_again: with one.
  constexpr Next next(int infeasible, int negative, bool singular) {
    if (!ridge && (singular || (infeasible > 0 && rounds_left == 0))) {
      ridge = true;
      start();
      return Next::solve_again;
    }
    if (infeasible == 0 || (rounds_left == 0 && negative == 0)) return Next::done;
    if (rounds_left == 0) return Next::exchange_negative;  // the passive sets are smaller and smaller
    --rounds_left;
    if (infeasible < fewest) {
      fewest = infeasible;
      failures_left = kFailures;
      return Next::exchange_all;
    }
    if (failures_left > 0) {
      --failures_left;
      return Next::exchange_all;
    }
    if (!ridge) return Next::exchange_last;
    return negative > 0 ? Next::exchange_negative : Next::exchange_all;
  }

 private:
  static constexpr int kFailures = 3;
  static constexpr int kRounds = 200;  // some ten are usual
  constexpr void start() {
    fewest = rank + 1;
    failures_left = kFailures;
    rounds_left = kRounds;
  }
};

}  // namespace orthant::core
