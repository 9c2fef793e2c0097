#pragma once

#include "cuda/gpu.hpp"
#include "host/core/factor.hpp"
#include "orthant/factorize.hpp"

namespace orthant::cuda {

// Backend::nnls_scratch, and Backend::nnls without `kkt`. Ranks up to kMaxRank.
std::int64_t nnls_scratch(const Gpu&, int rank, std::int64_t count);
template <class T>
void solve_nnls(const Gpu&, core::Factor<T> f, const core::Terms<T>&, core::ScaledPenalty, NnlsResult*,
                double* scratch);

}  // namespace orthant::cuda
