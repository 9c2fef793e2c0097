#include "cuda/kernels/control.hpp"

#include "cuda/launch.hpp"

// Kernels of one thread, by which a loop on the device goes on without the host.
namespace orthant::cuda {
namespace {

__global__ void __launch_bounds__(1) advance(core::StoppingRule rule, core::CheckStep step,
                                             const core::Measured* measured, int iterations, core::LoopState* state) {
  rule.advance(step, *measured, iterations, *state);
}

__global__ void __launch_bounds__(1)
    momentum(core::MomentumRule rule, core::MomentumStep step, core::Measured* measured, core::Momentum* state) {
  rule.advance(step, *measured, *state);
}

__global__ void __launch_bounds__(1) condition(cudaGraphConditionalHandle handle, const int* go_on) {
  device::set_conditional(handle, *go_on != 0 ? 1u : 0u);
}

}  // namespace

void advance_loop(const Gpu& gpu, const core::StoppingRule& rule, core::CheckStep step, const core::Measured* measured,
                  int iterations, core::LoopState* state) {
  launch(gpu, "stopping rule", advance, 1, 1, 0, rule, step, measured, iterations, state);
}

void advance_momentum(const Gpu& gpu, const core::MomentumRule& rule, core::MomentumStep step, core::Measured* measured,
                      core::Momentum* state) {
  launch(gpu, "momentum", momentum, 1, 1, 0, rule, step, measured, state);
}

cudaError_t find_code(int& capability) {
  cudaFuncAttributes attributes{};
  const cudaError_t code = cudaFuncGetAttributes(&attributes, condition);
  capability = attributes.ptxVersion;
  return code;
}

void set_condition(const Gpu& gpu, cudaGraphConditionalHandle handle, const int* go_on) {
  launch(gpu, "condition of a loop", condition, 1, 1, 0, handle, go_on);
}

}  // namespace orthant::cuda
