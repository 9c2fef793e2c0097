#pragma once

#include <cstdint>
#include <limits>

#include "cuda/device.hpp"
#include "cuda/gpu.hpp"
#include "cuda/kernels/reduce.cuh"
#include "host/core/factor.hpp"

// What the kernels that update factors share: their arguments, and what becomes of one component of one column.
namespace orthant::cuda {

enum class Kind { hals, multiplicative, probe };

template <class T>
inline constexpr T kLeastNormal = std::numeric_limits<T>::min();

template <class T>
struct UpdateArguments {
  T* f;
  const T* r;
  const T* gram;
  std::int64_t f_ld, r_ld, count;
  int rank, sweeps;
  T l1, l2;
  core::KktSums* kkt;
  Scratch scratch;
};

/// Of component c: its value, l1 and what the other components make of the gradient's part that F makes, R, and G(c, c)
/// + l2.
template <class T>
struct Component {
  T f, others, product, curvature;

  /// By itself, so that a column whose products are 0 becomes exactly 0; the same bits with sums for the KKT residual.
  __device__ T own_term() const { return device::rounded_product(curvature, f); }

  /// Adds what the KKT residual is made of.
  __device__ void measure(double (&sums)[2]) const {
    const T own = own_term(), gradient = others + own - product;
    const auto step = static_cast<double>(own < gradient ? own : gradient);
    sums[0] += step * step;
    sums[1] += static_cast<double>(product) * static_cast<double>(product);
  }

  /// The value after HALS. `inverse`: of usual_inverse(). `products_are_0`: whether all of the column's are; asked
  /// where F does not matter to X.
  template <class ProductsAre0>
  __device__ T by_hals(T inverse, ProductsAre0&& products_are_0) const {
    const T remainder = product - others;
    T next;
    if (inverse > 0) {
      next = remainder * inverse;
      next += (remainder - next * curvature) * inverse;  // as good as a quotient
    } else if (curvature > 0) {
      next = remainder / curvature;
    } else {
      return products_are_0() ? T(0) : f;
    }
    return remainder <= 0 ? remainder - remainder : next;  // 0, but what is not finite stays so
  }

  /// The value after a multiplicative update. Subnormal numbers carry no digits; 0/0 is 0. An infinite denominator
  /// makes NaN, not a component that seems to have died.
  __device__ T by_ratio() const {
    const T denominator = others + own_term(), ratio = product / denominator;
    // F / denominator is at most 1 / curvature; the ratio has no bound where the column is next to nothing.
    const T scaled = ratio > std::numeric_limits<T>::max() ? f / denominator * product : f * ratio;
    const T next = scaled + (denominator - denominator);
    return denominator < kLeastNormal<T> || next < kLeastNormal<T> ? T(0) : next;
  }
};

/// 1 / curvature, if it has all its digits, or else 0. A quotient would be waited for between one component and the
/// next, and this is not.
template <class T>
__device__ T usual_inverse(T curvature) {
  return curvature >= kLeastNormal<T> && curvature <= 1 / kLeastNormal<T> ? 1 / curvature : T(0);
}

}  // namespace orthant::cuda
