#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"
#include "cuda/kernels/element.hpp"
#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"
#include "host/core/observed.hpp"

namespace orthant::cuda {

/// Of X as it lies in memory, lines of contiguous places, as the weights do: numerator and denominator (which has no
/// memory if and only if the divergence has a closed one) for `own`, the factor of the lines or of the places.
/// `partial`: dense_partial_sums() numbers. Of float on tensor cores if the Gpu's math mode asks for them
/// (divergence_tensor.hpp).
template <class S, class T>
void dense_divergence_terms(const Gpu&, const S* x, std::int64_t ld, const core::Observed<T>&, bool own_is_lines,
                            core::Factor<const T> own, core::Factor<const T> other, const core::Divergence&,
                            core::Factor<T> numerator, core::Factor<T> denominator, T* partial);

/// Numbers of T that dense_divergence_terms() needs beside its results.
std::int64_t dense_partial_sums(const Gpu&, std::int64_t own_count, std::int64_t other_count, int rank,
                                const core::Divergence&, int element_size);

}  // namespace orthant::cuda
