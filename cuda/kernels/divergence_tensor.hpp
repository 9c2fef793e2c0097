#pragma once

#include "cuda/gpu.hpp"
#include "cuda/kernels/divergence_tiles.cuh"

namespace orthant::cuda {

/// The terms of dense X with products on tensor cores, whose factors are rounded as `mode`, tf32 or bf16, says: what
/// dense_divergence_terms() launches in these modes.
void launch_tensor_terms(const Gpu&, const DivergenceGrid&, const DivergenceArguments<float>&, MathMode mode);

}  // namespace orthant::cuda
