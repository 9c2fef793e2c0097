#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "orthant/factorize.hpp"

namespace orthant::bench {

/// How long an iteration takes: fits of a few iterations each, from the same random start.
struct Timing {
  int iterations = 0;           ///< of each fit
  std::vector<double> seconds;  ///< of an iteration, in each fit; its one check, at the end, is counted

  double least() const;
  double median() const;
};

struct TimingPlan {
  int iterations = 10;  ///< of a fit
  int repeats = 5;      ///< fits
  double seconds = 10;  ///< for all of them, about: fewer iterations where they are slow
};

/// A first fit of one iteration is not counted. `between` is called before each of the others. Caches of a device are
/// flushed before each.
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
