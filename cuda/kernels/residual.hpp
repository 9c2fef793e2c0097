#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"
#include "cuda/kernels/compressed.hpp"
#include "cuda/kernels/element.hpp"
#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"
#include "host/core/observed.hpp"

namespace orthant::cuda {

// Losses in double.

/// *out = 1/2 sum of (x(i, j) - w_i . h_j)^2 for row-major x (lines of `length` entries).
template <class S, class T>
void dense_squared_loss(const Gpu&, const S* x, std::int64_t ld, core::Factor<const T> w, core::Factor<const T> h,
                        double* out);

/// The same for a divergence, over the entries that count, each times its weight.
template <class S, class T>
void dense_divergence(const Gpu&, const S* x, std::int64_t ld, const core::Observed<T>&, core::Factor<const T> w,
                      core::Factor<const T> h, const core::Divergence&, double* out);

/// *out = max(0, sum over the entries of x (x - 2 w . h), w of the segment and h of the index, + *squared_norm) / 2,
/// the latter being that of WH.
template <class T>
void sparse_squared_loss(const Gpu&, Compressed<T> x, core::Factor<const T> w, core::Factor<const T> h,
                         const double* squared_norm, double* out);

/// *out = sum over the entries of x log(x / w . h) - x, + *sum, that of WH.
template <class T>
void sparse_kullback_leibler(const Gpu&, Compressed<T> x, core::Factor<const T> w, core::Factor<const T> h,
                             double floor, const double* sum, double* out);

/// *out = the divergence of the stored entries alone, each times its weight.
template <class T>
void sparse_divergence(const Gpu&, Compressed<T> x, core::Factor<const T> w, core::Factor<const T> h,
                       const core::Divergence&, double* out);

}  // namespace orthant::cuda
