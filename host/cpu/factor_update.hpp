#pragma once

#include "host/core/factor.hpp"

namespace orthant::cpu {

/// Columns that an update works on at once: a multiple of this is the best size of a panel.
constexpr int kUpdateColumns = 48;

/// The updates of core::Backend on a panel, by one thread. `kkt` may be null.
template <class T>
struct FactorUpdate {
  static void hals(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, int sweeps,
                   core::KktSums* kkt);
  static void multiplicative(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,
                             core::KktSums* kkt);
  static void kkt(core::Factor<const T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,
                  core::KktSums* kkt);
};

}  // namespace orthant::cpu
