#pragma once

#include <utility>

#include "cuda/device.hpp"
#include "cuda/gpu.hpp"

namespace orthant::cuda {

/// Enqueues a kernel. All launches go through here.
template <class... Parameters, class... Arguments>
void launch(const Gpu& gpu, const char* name, void (*kernel)(Parameters...), dim3 grid, int threads,
            std::size_t shared_bytes, Arguments&&... arguments) {
  const Gpu::Current current(gpu);
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = shared_bytes;
  config.stream = gpu.stream();
  check(cudaLaunchKernelEx(&config, kernel, Parameters(std::forward<Arguments>(arguments))...), name);
}

/// Blocks for `items` at `per_block` each, but no more than `most`: kernels step over the grid.
inline unsigned grid_size(std::int64_t items, std::int64_t per_block, std::int64_t most) {
  const std::int64_t blocks = items / per_block + (items % per_block != 0);
  return static_cast<unsigned>(blocks < 1 ? 1 : blocks < most ? blocks : most);
}

}  // namespace orthant::cuda
