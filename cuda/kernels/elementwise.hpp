#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"
#include "host/core/factor.hpp"
#include "host/core/momentum.hpp"

namespace orthant::cuda {

template <class T>
void fill_constant(const Gpu&, core::Factor<T> f, T value);
template <class T>
void fill_random(const Gpu&, core::Factor<T> f, std::uint64_t seed, core::Side side, T scale);

/// Backend::extrapolate.
template <class T>
void extrapolate_factor(const Gpu&, core::Factor<T> point, core::Factor<T> iterate, const core::Momentum* momentum);

/// to(c, j) = from(j, c): from is to.count x to.rank, component fastest.
template <class T>
void transpose(const Gpu&, core::Factor<const T> from, core::Factor<T> to);

/// Backend::take_parts, `scale` being in device memory.
template <class T>
void take_nonnegative_parts(const Gpu&, core::Factor<const T> f, const double* scale, T threshold, T fill,
                            bool random_fill, std::uint64_t seed, core::Side side, core::Factor<T> out);

}  // namespace orthant::cuda
