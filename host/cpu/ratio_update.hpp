#pragma once

#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"

namespace orthant::cpu {

/// core::Backend::scale_by_ratio on a panel, by one thread. `kkt` may be null.
template <class T>
void ratio_update(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, core::RatioForm form,
                  core::KktSums* kkt);

}  // namespace orthant::cpu
