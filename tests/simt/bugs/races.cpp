// What the thread sanitizer sees: accesses that nothing orders. Blocks have 64 threads, which is what it can follow.

#include "tests/simt/bugs/bugs.hpp"

namespace bugs {

__global__ void reads_too_early(Global<float> out) {
  ORTHANT_SHARED(float, values, [64]);
  values[threadIdx.x] = static_cast<float>(threadIdx.x);
  out[threadIdx.x] = values[63 - threadIdx.x];  // bug: missing_barrier_before_read
}
SIMT_BUG(missing_barrier_before_read) { run(reads_too_early, 1, 64, nullptr, device_array<float>(64)); }

__global__ void overwrites_too_early(Global<float> out) {
  ORTHANT_SHARED(float, values, [64]);
  values[threadIdx.x] = static_cast<float>(threadIdx.x);
  sync_block();
  const float other = values[63 - threadIdx.x];
  values[threadIdx.x] = other;  // bug: missing_barrier_before_write
  out[threadIdx.x] = other;
}
SIMT_BUG(missing_barrier_before_write) { run(overwrites_too_early, 1, 64, nullptr, device_array<float>(64)); }

__global__ void trusts_lock_step(Global<float> out) {
  ORTHANT_SHARED(float, values, [32]);
  values[threadIdx.x] = static_cast<float>(threadIdx.x);
  const float sum = shuffle_xor(1.0F, 1);            // an exchange of registers orders no memory
  out[threadIdx.x] = sum + values[threadIdx.x ^ 1];  // bug: missing_sync_warp
}
SIMT_BUG(missing_sync_warp) { run(trusts_lock_step, 1, 32, nullptr, device_array<float>(32)); }

__global__ void adds_without_fence(Global<float> partial, Global<unsigned> finished, Global<float> sum) {
  if (threadIdx.x != 0) return;
  partial[blockIdx.x] = 1;
  if (atomic_add(&finished[0], 1U) != gridDim.x - 1) return;
  float total = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) total += partial[i];  // bug: missing_fence
  sum[0] = total;
}
SIMT_BUG(missing_fence) {
  run(adds_without_fence, 6, 64, nullptr, device_array<float>(6), device_array<unsigned>(1), device_array<float>(1));
}

__global__ void adds_without_atomic(Global<float> sum) {
  if (threadIdx.x == 0) sum[0] = sum[0] + 1;  // bug: blocks_accumulate
}
SIMT_BUG(blocks_accumulate) { run(adds_without_atomic, 6, 64, nullptr, device_array<float>(1)); }

__global__ void all_write_one(Global<int> flag) {
  flag[0] = 1;  // bug: threads_write_one_place
}
SIMT_BUG(threads_write_one_place) { run(all_write_one, 1, 64, nullptr, device_array<int>(1)); }

/// The array is used once more while some threads have not read it yet.
__global__ void loop_lacks_second_barrier(Global<float> out) {
  ORTHANT_SHARED(float, values, [64]);
  float sum = 0;
  for (int step = 0; step < 3; ++step) {
    values[threadIdx.x] = static_cast<float>(step);  // bug: missing_barrier_in_loop
    sync_block();
    sum += values[63 - threadIdx.x];
  }
  out[threadIdx.x] = sum;
}
SIMT_BUG(missing_barrier_in_loop) { run(loop_lacks_second_barrier, 1, 64, nullptr, device_array<float>(64)); }

}  // namespace bugs
