#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "orthant/factorize.hpp"

namespace orthant::bench {

/// How long an iteration takes, without what the start and the checks of a fit take.
struct Timing {
  int iterations = 0;           ///< that were timed in each fit
  std::vector<double> seconds;  ///< of an iteration, in each fit

  double least() const;
  double median() const;
};

struct TimingPlan {
  static constexpr int kMostIterations = 1'000'000'000;  ///< a fit goes through 2 (iterations + 1) + 1, an int

  int iterations = 10;  ///< that are timed in a fit
  int repeats = 5;      ///< fits
  double seconds = 10;  ///< for all of them, about: fewer iterations where they are slow
};

/// Seconds of an iteration from those of `n + 1` of them and a check, by what they take longer than `one` and its
/// check.
std::vector<double> without_checks(std::vector<double> stretches, double one, int n);

/// Times each fit from check to check, by markers of the backend (on a device: events). After n + 1 iterations, in
/// which memory is touched and graphs are recorded, come two stretches, of n + 1 iterations and of one: what the first
/// takes longer than the second are n iterations without a check. Of the second the least counts, that of a first fit
/// of 3 iterations, which tells how many can be afforded, among them. `between` is called before each other fit; then
/// the caches of a device are flushed.
/// @throws InvalidArgument as factorize()
template <class T>
Timing time_iterations(const Matrix<T>& x, std::int64_t rank, Options options, const TimingPlan& plan,
                       const std::function<void()>& between);

/// From the same random start, with one check, at its end.
template <class T>
Result fit_of(const Matrix<T>& x, std::int64_t rank, const Options& options, int iterations);

/// The loss after 0, 1, ... `iterations` iterations.
template <class T>
std::vector<double> losses(const Matrix<T>& x, std::int64_t rank, Options options, int iterations);

/// Iterations after which the loss was at most `target`.
std::optional<int> iterations_to(const std::vector<double>& losses, double target);

}  // namespace orthant::bench
