#pragma once

#include "cuda/gpu.hpp"
#include "host/core/factor.hpp"

namespace orthant::cuda {

/// f = M f in place, M being rank x rank, column-major, in device memory; sums in double.
template <class T>
void multiply_in_place(const Gpu&, const double* m, core::Factor<T> f);

}  // namespace orthant::cuda
