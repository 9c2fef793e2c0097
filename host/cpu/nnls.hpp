#pragma once

#include "host/core/factor.hpp"
#include "orthant/factorize.hpp"

namespace orthant::cpu {

/// Backend::nnls on a panel, by one thread. `result` may be null.
template <class T>
struct Nnls {
  static void solve(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, NnlsResult* result);
};

}  // namespace orthant::cpu
