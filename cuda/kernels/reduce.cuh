#pragma once

#include <cstdint>

#include "cuda/device.hpp"

// Sums in double whose order depends on the launch alone: within a block by a tree, over the blocks in order, by the
// last block to finish, or by those of groups of blocks (one launch, no float atomics).
namespace orthant::cuda {

inline constexpr int kReduceThreads = 64;

/// Bytes of shared memory that sum_over_grid() takes, which a kernel cannot have for its own use beside it.
template <int kValues>
inline constexpr std::size_t kReduceSharedBytes = (kReduceThreads / 32 * kValues * sizeof(double) + sizeof(unsigned) +
                                                   15) /
                                                  16 * 16;

/// Sums over the kReduceThreads threads of the block; thread 0 has them afterwards.
template <int kValues>
__device__ void sum_over_block(double (&v)[kValues]) {
  constexpr int kWarps = kReduceThreads / 32;
  ORTHANT_SHARED(double, parts, [kWarps][kValues]);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  device::sync_block();  // of an earlier call's reads
  for (int i = 0; i < kValues; ++i) {
    for (int step = 16; step > 0; step /= 2) v[i] += device::shuffle_xor(v[i], step);
    if (lane == 0) parts[warp][i] = v[i];
  }
  device::sync_block();
  if (threadIdx.x == 0) {
    for (int i = 0; i < kValues; ++i) {
      double sum = 0;
      for (int w = 0; w < kWarps; ++w) sum += parts[w][i];
      v[i] = sum;
    }
  }
}

/// Whether this block is the last of `blocks` to arrive at the counter, which is 0 before and after. What other blocks
/// wrote before they arrived can be read afterwards.
__device__ inline bool is_last_block(unsigned* counter, unsigned blocks) {
  ORTHANT_SHARED(unsigned, arrived, [1]);
  device::fence();
  device::sync_block();
  if (threadIdx.x == 0) {
    arrived[0] = device::atomic_add(counter, 1u) + 1;
    if (arrived[0] == blocks) device::atomic_exchange(counter, 0u);
  }
  device::sync_block();
  device::fence();
  return arrived[0] == blocks;
}

/// Sums over all threads of a one-dimensional grid. True on the one thread that has them. `values`: kValues per block.
template <int kValues>
__device__ bool sum_over_grid(double (&v)[kValues], device::Global<double> values, unsigned* counter) {
  sum_over_block(v);
  if (threadIdx.x == 0) {
    for (int i = 0; i < kValues; ++i) values[blockIdx.x * kValues + i] = v[i];
  }
  if (!is_last_block(counter, gridDim.x)) return false;
  for (int i = 0; i < kValues; ++i) {
    v[i] = 0;
    for (unsigned b = threadIdx.x; b < gridDim.x; b += kReduceThreads) v[i] += values[b * kValues + i];
  }
  sum_over_block(v);
  return threadIdx.x == 0;
}

/// Blocks whose parts one block adds up: of hundreds, one alone would take longer than they to make them.
inline constexpr unsigned kGroup = 16;

/// Sums of v[i] over the threads of the same index in the `blocks` blocks (of kThreads) of a tile, of which this is
/// number `block`. True in the one block that has them. `values`: kValues * kThreads for each block of all tiles.
/// `counters`: for each tile one for each of its groups and one more; 0 before and after.
template <int kThreads = kReduceThreads, int kValues>
__device__ bool sum_over_blocks(double (&v)[kValues], double* values, unsigned* counters, unsigned tile, unsigned block,
                                unsigned blocks) {
  if (blocks == 1) return true;
  // Parts that are read at once, since each takes as long as memory does, and there are registers for so many.
  constexpr unsigned kAtOnce = kValues < 32 ? 32 / kValues : 1;
  const device::Global<double> parts = values + static_cast<std::int64_t>(tile) * blocks * kValues * kThreads;
  const auto place = [](unsigned of_block, unsigned i) { return (of_block * kValues + i) * kThreads + threadIdx.x; };
  const auto leave = [&](unsigned of_block) {
    ORTHANT_UNROLL_LOOP
    for (unsigned i = 0; i < kValues; ++i) parts[place(of_block, i)] = v[i];
  };
  const auto add_up = [&](unsigned first, unsigned end, unsigned step) {
    ORTHANT_UNROLL_LOOP
    for (unsigned i = 0; i < kValues; ++i) v[i] = 0;
    for (unsigned b = first; b < end; b += kAtOnce * step) {
      double some[kAtOnce][kValues];
      ORTHANT_UNROLL_LOOP
      for (unsigned p = 0; p < kAtOnce; ++p) {
        ORTHANT_UNROLL_LOOP
        for (unsigned i = 0; i < kValues; ++i) {
          some[p][i] = b + p * step < end ? static_cast<double>(parts[place(b + p * step, i)]) : 0;
        }
      }
      ORTHANT_UNROLL_LOOP
      for (unsigned p = 0; p < kAtOnce; ++p) {
        ORTHANT_UNROLL_LOOP
        for (unsigned i = 0; i < kValues; ++i) v[i] += some[p][i];
      }
    }
  };
  const unsigned group = block / kGroup, groups = (blocks - 1) / kGroup + 1, first = group * kGroup;
  const unsigned end = first + kGroup < blocks ? first + kGroup : blocks;
  counters += tile * (groups + 1);
  leave(block);
  if (!is_last_block(counters + group, end - first)) return false;
  add_up(first, end, 1);
  if (groups == 1) return true;
  leave(first);
  if (!is_last_block(counters + groups, groups)) return false;
  add_up(0, blocks, kGroup);
  return true;
}

}  // namespace orthant::cuda
