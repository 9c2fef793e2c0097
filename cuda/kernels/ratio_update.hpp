#pragma once

#include "cuda/gpu.hpp"
#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"

namespace orthant::cuda {

/// Backend::scale_by_ratio.
template <class T>
void update_by_ratio(const Gpu&, core::Factor<T> f, const core::Terms<T>&, core::ScaledPenalty, core::RatioForm form,
                     core::KktSums*);

}  // namespace orthant::cuda
