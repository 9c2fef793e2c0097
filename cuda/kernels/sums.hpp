#pragma once

#include "cuda/gpu.hpp"
#include "host/core/factor.hpp"

namespace orthant::cuda {

/// *out = sum of a(c, j) b(c, j).
template <class T>
void dot_product(const Gpu&, core::Factor<const T> a, core::Factor<const T> b, double* out);

/// *out = l1 * sum(f) + l2 / 2 ||f||^2.
template <class T>
void penalty_sum(const Gpu&, core::Factor<const T> f, core::ScaledPenalty, double* out);

/// What component_pairs() adds up.
enum class Pairs { sum_and_squares, squares_by_sign };

/// Two sums over the columns for each component, made in double, in device memory: first[c], second[c] (unless null).
template <class T, class Out>
void component_pairs(const Gpu&, Pairs, core::Factor<const T> f, Out* first, Out* second);

}  // namespace orthant::cuda
