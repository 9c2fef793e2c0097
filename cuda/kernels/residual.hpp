#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"
#include "cuda/kernels/compressed.hpp"
#include "cuda/kernels/element.hpp"
#include "host/core/factor.hpp"

namespace orthant::cuda {

/// *out = 1/2 sum of (x(i, j) - w_i . h_j)^2 for row-major x (lines of `length` entries), in double.
template <class S, class T>
void dense_residual(const Gpu&, const S* x, std::int64_t ld, core::Factor<const T> w, core::Factor<const T> h,
                    double* out);

/// *out = sum over the entries of x (x - 2 w . h), w of the segment and h of the index, in double.
template <class T>
void sparse_residual(const Gpu&, Compressed<T> x, core::Factor<const T> w, core::Factor<const T> h, double* out);

/// *loss = max(0, entries + product) / 2.
void combine_loss(const Gpu&, const double* entries, const double* product, double* loss);

}  // namespace orthant::cuda
