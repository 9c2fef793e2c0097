#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "cuda/device.hpp"
#include "cuda/gpu.hpp"

namespace orthant::cuda {

/// Bytes of shared memory that every device gives a block unasked.
inline constexpr std::size_t kUsualShared = 48 << 10;
/// The most that kernels which want more than that have of it in arrays of fixed size. It is the same for all, so that
/// threads which launch a kernel at once ask for the same.
inline constexpr std::size_t kMostFixedShared = 8 << 10;

/// Bytes of dynamic shared memory that a kernel may take beside `fixed` bytes of arrays (at most kMostFixedShared), so
/// that `blocks` blocks fit into a multiprocessor; or what it has unasked, if that is more.
inline std::size_t shared_budget(const Gpu& gpu, std::size_t fixed, int blocks = 1) {
  const std::size_t most = std::min(gpu.shared_memory() - kMostFixedShared, gpu.shared_memory(blocks) - fixed);
  return std::max(kUsualShared - fixed, most);
}

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
  const std::size_t most = gpu.shared_memory() - kMostFixedShared;
  if (shared_bytes > kUsualShared - kMostFixedShared && most > kUsualShared) {
    // No work of a stream: it takes effect at once where launches are captured, too.
    ORTHANT_CUDA(cudaFuncSetAttribute, kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(most));
  }
  check(cudaLaunchKernelEx(&config, kernel, Parameters(std::forward<Arguments>(arguments))...), name);
}

/// Blocks for `items` at `per_block` each, but no more than `most`: kernels step over the grid.
inline unsigned grid_size(std::int64_t items, std::int64_t per_block, std::int64_t most) {
  const std::int64_t blocks = items / per_block + (items % per_block != 0);
  return static_cast<unsigned>(blocks < 1 ? 1 : blocks < most ? blocks : most);
}

/// The same for as many blocks of 64 threads as the device can have at work at once.
inline unsigned grid_size(const Gpu& gpu, std::int64_t items, std::int64_t per_block) {
  constexpr std::int64_t kResident = 32;  // of a multiprocessor with 2048 threads, the most there are
  return grid_size(items, per_block, kResident * gpu.multiprocessors());
}

}  // namespace orthant::cuda
