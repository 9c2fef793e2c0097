#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"
#include "cuda/kernels/element.hpp"
#include "host/core/factor.hpp"

namespace orthant::cuda {

/// A product of dense X, stored in lines of narrow elements, with a factor. `from_lines`: r(:, j) = sum over the lines
/// i of x(i, j) f(:, i), for each place j; otherwise r(:, i) = sum over the places j of x(i, j) f(:, j), for each line
/// i. In T, but for the order of sums as exact as if X were stored in T.
template <class S, class T>
void narrow_product(const Gpu&, bool from_lines, const S* x, std::int64_t ld, core::Factor<const T> f,
                    core::Factor<T> r);

}  // namespace orthant::cuda
