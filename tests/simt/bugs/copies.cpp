// Asynchronous copies from global to shared memory that are used too early, or are of the wrong places.

#include "tests/simt/bugs/bugs.hpp"

namespace bugs {

/// Two groups, and the last of them is not waited for.
__global__ void waits_for_one_group(Global<const float> x, Global<int> out) {
  ORTHANT_SHARED(float, tiles, [2][64]);
  for (int tile = 0; tile < 2; ++tile) {
    copy_async(&tiles[tile][threadIdx.x], x + (tile * 64 + threadIdx.x));
    commit_copies();
  }
  wait_copies<1>();
  sync_block();
  if (tiles[1][63 - threadIdx.x] > 0) out[threadIdx.x] = 1;  // bug: missing_wait
  wait_copies<0>();
}
SIMT_BUG(missing_wait) { run(waits_for_one_group, 1, 64, nullptr, device_array<float>(128), device_array<int>(64)); }

__global__ void reads_what_others_copy(Global<const float> x, Global<float> out) {
  ORTHANT_SHARED(float, tile, [64]);
  copy_async(&tile[threadIdx.x], x + threadIdx.x);
  commit_copies();
  wait_copies<0>();
  out[threadIdx.x] = tile[63 - threadIdx.x];  // bug: missing_barrier_after_wait
}
SIMT_BUG(missing_barrier_after_wait) {
  run(reads_what_others_copy, 1, 64, nullptr, device_array<float>(64), device_array<float>(64));
}

/// The copy of the next step goes to where others still read.
__global__ void copies_too_early(Global<const float> x, Global<float> out) {
  ORTHANT_SHARED(float, tile, [64]);
  float sum = 0;
  for (int step = 0; step < 3; ++step) {
    copy_async(&tile[threadIdx.x], x + threadIdx.x);
    commit_copies();
    wait_copies<0>();  // bug: copy_before_barrier
    sync_block();
    sum += tile[63 - threadIdx.x];
  }
  out[threadIdx.x] = sum;
}
SIMT_BUG(copy_before_barrier) {
  run(copies_too_early, 1, 64, nullptr, device_array<float>(64), device_array<float>(64));
}

__global__ void copies_unwritten(Global<const float> x, Global<int> out) {
  ORTHANT_SHARED(float, tile, [32]);
  copy_async(&tile[threadIdx.x], x + threadIdx.x);
  commit_copies();
  wait_copies<0>();
  if (tile[threadIdx.x] > 0) out[threadIdx.x] = 1;  // bug: copied_memory_unwritten
}
SIMT_BUG(copied_memory_unwritten) {
  void* x = nullptr;
  cudaMalloc(&x, 32 * sizeof(float));
  cudaMemset(x, 0, 31 * sizeof(float));
  run(copies_unwritten, 1, 32, nullptr, static_cast<const float*>(x), device_array<int>(32));
}

__global__ void never_waits(Global<const float> x) {
  ORTHANT_SHARED(float, tile, [64]);
  for (int i = 0; i < 2; ++i) copy_async(&tile[32 * i + threadIdx.x], x + threadIdx.x);  // bug: copy_in_flight
  commit_copies();
}
SIMT_BUG(copy_in_flight) { run(never_waits, 1, 32, nullptr, device_array<float>(32)); }

__global__ void waits_without_commit(Global<const float> x) {
  ORTHANT_SHARED(float, tile, [32]);
  copy_async(&tile[threadIdx.x], x + threadIdx.x);  // bug: copy_of_no_group
  wait_copies<0>();
}
SIMT_BUG(copy_of_no_group) { run(waits_without_commit, 1, 32, nullptr, device_array<float>(32)); }

/// Pairs, from or to places that are one number apart.
__global__ void copies_pairs(Global<const float> x, int from_apart, int to_apart) {
  ORTHANT_DYNAMIC_SHARED(float, tile);
  const int thread = static_cast<int>(threadIdx.x);
  if (from_apart == 1) copy_async<2>(tile + 2 * thread, x + thread);  // bug: copy_misaligned
  if (to_apart == 1) copy_async<2>(tile + thread, x + 2 * thread);    // bug: copy_misaligned_to
  commit_copies();
  wait_copies<0>();
}
void run_pairs(int from_apart, int to_apart) {
  cudaLaunchConfig_t config{};
  config.gridDim = 1;
  config.blockDim = 4;
  config.dynamicSmemBytes = 8 * sizeof(float);
  cudaLaunchKernelEx(&config, copies_pairs, Global<const float>(device_array<float>(8)), from_apart, to_apart);
}
SIMT_BUG(copy_misaligned) { run_pairs(1, 2); }
SIMT_BUG(copy_misaligned_to) { run_pairs(2, 1); }

/// The last copy begins inside of the allocation.
__global__ void copies_vectors(Global<const float> x) {
  ORTHANT_SHARED(float4, tile, [32]);
  copy_async(&tile[threadIdx.x], reinterpret_cast<const float4*>(x) + threadIdx.x);  // bug: copy_from_past_end
  commit_copies();
  wait_copies<0>();
}
SIMT_BUG(copy_from_past_end) { run(copies_vectors, 1, 32, nullptr, device_array<float>(126)); }

__global__ void copies_to_next(Global<const float> x) {
  ORTHANT_SHARED(float, tile, [32]);
  const Shared<float> first = tile;
  copy_async(first + (threadIdx.x + 1), x + threadIdx.x);  // bug: copy_to_past_end
  commit_copies();
  wait_copies<0>();
}
SIMT_BUG(copy_to_past_end) { run(copies_to_next, 1, 32, nullptr, device_array<float>(32)); }

}  // namespace bugs
