#pragma once

#include <cmath>

#include "cuda/device.hpp"
#include "host/core/divergence.hpp"

namespace orthant::cuda {

/// What an entry x with its fit v puts into the terms of an update: the coefficients with which a column of the other
/// factor is added to numerator and denominator. The kind is the same for all threads, so that the branches cost little
/// beside the products that make v.
template <class T>
class ElementCoefficients {
 public:
  explicit ElementCoefficients(const core::Divergence& divergence)
      : kind_(divergence.beta == 2   ? Kind::squared
              : divergence.beta == 1 ? Kind::kullback_leibler
              : divergence.beta == 0 ? Kind::itakura_saito
                                     : Kind::any_beta),
        exponent_(static_cast<T>(divergence.beta - 2)),
        floor_(static_cast<T>(divergence.floor)),
        unit_(static_cast<T>(divergence.unit)),
        of_unit_(static_cast<T>(1 / divergence.unit)) {}

  struct Coefficients {
    T numerator, denominator;  ///< (s x) (s v)^(beta - 2), (s v)^(beta - 1), s being the unit
  };

  /// The numerator of Kullback-Leibler.
  __device__ T quotient(T x, T v) const { return device::fast_quotient(x, at_least_floor(v)); }

  __device__ Coefficients operator()(T x, T v) const {
    if (kind_ == Kind::squared) return {x, v};
    if (kind_ == Kind::kullback_leibler) return {quotient(x, v), T(1)};
    const T fit = at_least_floor(v);
    if (kind_ == Kind::itakura_saito) {
      // x / fit comes first: the square of 1 / fit may be out of range.
      const T inverse = T(1) / fit, denominator = inverse * of_unit_;
      return {x * inverse * denominator, denominator};
    }
    const T scaled = unit_ * fit, power = std::pow(scaled, exponent_);
    return {unit_ * x * power, scaled * power};
  }

 private:
  __device__ T at_least_floor(T v) const { return v < floor_ ? floor_ : v; }  // NaN stays

  enum class Kind { squared, kullback_leibler, itakura_saito, any_beta };
  Kind kind_;
  T exponent_, floor_, unit_, of_unit_;  // exponent: beta - 2; of_unit: 1 / unit
};

/// The divergence of one entry, as core::Divergence has it. In double: it decides when to stop.
struct DivergenceLoss {
  core::Divergence divergence;

  __device__ double operator()(double x, double v) const {
    const double beta = divergence.beta;
    if (beta == 2) return (x - v) * (x - v) / 2;
    const double fit = v < divergence.floor ? divergence.floor : v;
    if (beta == 1) return (x > 0 ? x * std::log(x / fit) : 0.0) - x + v;
    if (beta == 0) return x / fit - std::log(x / fit) - 1;
    const double of_x = x > 0 ? std::pow(x, beta) : 0.0;
    return (of_x + std::pow(fit, beta - 1) * ((beta - 1) * fit - beta * x)) / (beta * (beta - 1));
  }
};

}  // namespace orthant::cuda
