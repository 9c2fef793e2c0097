#pragma once

#include "cuda/gpu.hpp"
#include "host/core/momentum.hpp"
#include "host/core/stopping.hpp"

namespace orthant::cuda {

/// rule.advance() on the device.
void advance_loop(const Gpu&, const core::StoppingRule& rule, core::CheckStep step, const core::Measured* measured,
                  int iterations, core::LoopState* state);

/// Likewise.
void advance_momentum(const Gpu&, const core::MomentumRule& rule, core::MomentumStep step, core::Measured* measured,
                      core::Momentum* state);

/// cudaSuccess where the module has code for the current device: of one kernel, as all are built for the same ones.
/// `capability` becomes that which it was compiled for (75 for 7.5), older than the device's if it is PTX of another.
cudaError_t find_code(int& capability);

/// Whether the conditional node of a graph goes on: as *go_on says.
void set_condition(const Gpu&, cudaGraphConditionalHandle condition, const int* go_on);

}  // namespace orthant::cuda
