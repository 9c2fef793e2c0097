#pragma once

#include "cuda/gpu.hpp"
#include "cuda/kernels/compressed.hpp"
#include "cuda/kernels/sparse_product.hpp"
#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"

namespace orthant::cuda {

/// Numerator and denominator (unless it has no memory) for `own`, the factor of the segments, summed over the entries,
/// each times its weight. `partial`: rank numbers for each part, and as many again for the denominator.
template <class T>
void sparse_divergence_terms(const Gpu&, Compressed<T> x, LongSegments parts, core::Factor<const T> own,
                             core::Factor<const T> other, const core::Divergence&, core::Factor<T> numerator,
                             core::Factor<T> denominator, T* partial);

}  // namespace orthant::cuda
