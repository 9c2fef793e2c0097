#pragma once

#include "cuda/gpu.hpp"
#include "host/core/factor.hpp"

namespace orthant::cuda {

/// The largest rank whose block of columns fits in 48 KiB of shared memory.
inline constexpr int kMaxRank = 1024;

// Backend::hals, multiplicative and kkt.
template <class T>
void update_hals(const Gpu&, core::Factor<T> f, const core::Terms<T>&, core::ScaledPenalty, int sweeps, core::KktSums*);
template <class T>
void update_multiplicative(const Gpu&, core::Factor<T> f, const core::Terms<T>&, core::ScaledPenalty, core::KktSums*);
template <class T>
void probe_kkt(const Gpu&, core::Factor<const T> f, const core::Terms<T>&, core::ScaledPenalty, core::KktSums*);

}  // namespace orthant::cuda
