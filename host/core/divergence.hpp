#pragma once

#include <algorithm>
#include <cmath>

namespace orthant::core {

/// The beta-divergence between x >= 0 and its fit v, as kernels compute it:
///   beta 2: 1/2 (x - v)^2;   beta 1: x log(x / v) - x + v;   beta 0: x / v - log(x / v) - 1;
///   else:   (x^beta + (beta - 1) v^beta - beta x v^(beta - 1)) / (beta (beta - 1))      (Fevotte & Idier 2011).
/// The terms of an update are sums, over the entries of X, of columns of the other factor, times x v^(beta - 2) in the
/// numerator and v^(beta - 1) in the denominator.
struct Divergence {
  double beta = 2;
  /// Where v is smaller, it counts as this: far below what matters beside the mean of X, so that no power overflows.
  double floor = 0;
  /// Whether all entries of X count, each by 1; otherwise each sum is over those that count, times their weights.
  bool complete = true;

  /// The exponent of the ratio of the terms with which the loss cannot rise.
  constexpr double exponent() const { return beta < 1 ? 1 / (2 - beta) : beta > 2 ? 1 / (beta - 1) : 1; }
  /// Whether the denominator is the same for all columns: the component sums of the other factor.
  constexpr bool has_closed_denominator() const { return beta == 1 && complete; }

  /// The divergence of one entry.
  double operator()(double x, double v) const {
    if (beta == 2) return (x - v) * (x - v) / 2;
    const double fit = std::max(v, floor);
    if (beta == 1) return (x > 0 ? x * std::log(x / fit) : 0.0) - x + v;
    if (beta == 0) return x / fit - std::log(x / fit) - 1;
    const double of_x = x > 0 ? std::pow(x, beta) : 0.0;
    return (of_x + std::pow(fit, beta - 1) * ((beta - 1) * fit - beta * x)) / (beta * (beta - 1));
  }
};

}  // namespace orthant::core
