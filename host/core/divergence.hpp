#pragma once

#include <algorithm>
#include <cmath>

namespace orthant::core {

/// How a multiplicative update makes f' from f and the terms n, d + l1 and l2:
///   f' = f (n / (d + l1 + l2 f))^exponent;   with `root` the positive root of l2 f'^2 + (d + l1) f' = n f.
/// Exponent 0 leaves f as it is.
struct RatioForm {
  double exponent = 0;
  bool root = false;
};

/// The beta-divergence between x >= 0 and its fit v, as kernels compute it:
///   beta 2: 1/2 (x - v)^2;   beta 1: x log(x / v) - x + v;   beta 0: x / v - log(x / v) - 1;
///   else:   (x^beta + (beta - 1) v^beta - beta x v^(beta - 1)) / (beta (beta - 1))      (Fevotte & Idier 2011).
/// The terms of an update are sums, over the entries of X, of columns of the other factor, times (s x) (s v)^(beta - 2)
/// in the numerator and (s v)^(beta - 1) in the denominator, s being the unit.
struct Divergence {
  double beta = 2;
  /// Where v is smaller, it counts as this: far below what matters beside the mean of X, so that no power overflows.
  double floor = 0;
  /// Whether all entries of X count, each by 1; otherwise each sum is over those that count, times their weights.
  bool complete = true;
  /// A power of two near 1 / mean(X), so that powers are of numbers near 1 whatever X is measured in; 1 for beta = 1
  /// and 2, which take none.
  double unit = 1;

  /// The form with which loss and penalty cannot rise: f' is the minimum of a bound, a sum of powers of t = f' / f,
  /// that meets them at t = 1 (Fevotte & Idier 2011). There d has degree max(1, beta), l1 at most that, and l2
  /// degree 2. For beta = 1 the minimum is a root. Otherwise terms of lower degree a are raised to the greatest b, by
  /// t^a / a <= t^b / b + 1/a - 1/b, and the exponent follows; it is less than that for l2 = 0, which overshoots where
  /// l2 f outweighs d.
  constexpr RatioForm form(double l2) const {
    if (beta > 2) return {1 / (beta - 1)};
    if (l2 > 0) return beta == 1 ? RatioForm{1, true} : RatioForm{1 / (3 - beta)};
    return {beta < 1 ? 1 / (2 - beta) : 1};
  }
  /// The terms are derivatives of the loss times this; penalties that are added to them must be, too.
  double term_scale() const { return std::pow(unit, beta - 1); }
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
