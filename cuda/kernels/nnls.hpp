#pragma once

#include "cuda/gpu.hpp"
#include "host/core/factor.hpp"
#include "orthant/factorize.hpp"

namespace orthant::cuda {

// Backend::nnls, without `kkt`. Ranks up to kMaxRank.
template <class T>
void solve_nnls(const Gpu&, core::Factor<T> f, const core::Terms<T>&, core::ScaledPenalty, NnlsResult*);

}  // namespace orthant::cuda
