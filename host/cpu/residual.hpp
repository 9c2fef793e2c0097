#pragma once

#include "host/core/factor.hpp"
#include "host/cpu/skinny_product.hpp"

namespace orthant::cpu {

/// Sum of (x(i, j) - w_i . h_j)^2 over the block, w belonging to its rows and h to its columns. All in
/// double, since w_i . h_j may nearly cancel x. One thread; 2 rows columns k flops, nothing of the size of the block is
/// stored.
template <class T>
double residual_squares(Block<T> x, core::Factor<const T> w, core::Factor<const T> h);

}  // namespace orthant::cpu
