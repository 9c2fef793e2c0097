#pragma once

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

  /// The exponent of the ratio of the terms with which the loss cannot rise.
  constexpr double exponent() const { return beta < 1 ? 1 / (2 - beta) : beta > 2 ? 1 / (beta - 1) : 1; }
  /// Whether the denominator is the same for all columns: the component sums of the other factor.
  constexpr bool has_closed_denominator() const { return beta == 1; }
};

}  // namespace orthant::core
