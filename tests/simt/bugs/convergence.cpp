// Barriers and operations of warps that not all come to, or not in the same way.

#include "tests/simt/bugs/bugs.hpp"

namespace bugs {

__global__ void half_waits() {
  if (threadIdx.x < 16) sync_block();  // bug: barrier_for_half
}
SIMT_BUG(barrier_for_half) { run(half_waits, 2, 32, nullptr); }

__global__ void returns_early(int n) {
  if (static_cast<int>(threadIdx.x) >= n) return;
  sync_block();  // bug: return_before_barrier
}
SIMT_BUG(return_before_barrier) { run(returns_early, 2, 32, nullptr, 20); }

__global__ void ends_first() {
  if (threadIdx.x == 0) return;
  sync_block();  // bug: barrier_after_end
}
SIMT_BUG(barrier_after_end) { run(ends_first, 1, 32, nullptr); }

__global__ void two_barriers() {
  if (threadIdx.x % 2 == 0) {
    sync_block();
  } else {
    sync_block();  // bug: two_barriers
  }
}
SIMT_BUG(divergent_barriers) { run(two_barriers, 2, 32, nullptr); }

__global__ void mask_lacks_self(Global<int> out) {
  out[threadIdx.x] = shuffle(1, 0, 32, 0xFFFFFFFEU);  // bug: mask_without_own_lane
}
SIMT_BUG(mask_without_own_lane) { run(mask_lacks_self, 1, 32, nullptr, device_array<int>(32)); }

__global__ void partial_warp(Global<int> out) {
  out[threadIdx.x] = shuffle_down(1, 1);  // bug: mask_names_absent_lanes
}
SIMT_BUG(mask_names_absent_lanes) { run(partial_warp, 1, 40, nullptr, device_array<int>(40)); }

__global__ void reads_outside(Global<int> out) {
  if (threadIdx.x < 8) out[threadIdx.x] = shuffle(1, 9, 32, 0xFFU);  // bug: lane_outside_mask
}
SIMT_BUG(lane_outside_mask) { run(reads_outside, 1, 32, nullptr, device_array<int>(32)); }

__global__ void masks_differ(Global<int> out) {
  const unsigned mask = threadIdx.x == 5 ? 0xFFFFU : kAllLanes;
  out[threadIdx.x] = shuffle_xor(1, 1, 32, mask);  // bug: masks_differ
}
SIMT_BUG(masks_differ) { run(masks_differ, 1, 32, nullptr, device_array<int>(32)); }

__global__ void operations_differ(Global<int> out) {
  if (threadIdx.x == 7) {
    out[threadIdx.x] = any(true) ? 1 : 0;  // bug: operations_differ
  } else {
    out[threadIdx.x] = shuffle(1, 0);
  }
}
SIMT_BUG(operations_differ) { run(operations_differ, 1, 32, nullptr, device_array<int>(32)); }

__global__ void shuffles_differ(Global<int> out) {
  if (threadIdx.x == 7) {
    out[threadIdx.x] = shuffle_xor(1, 1);  // bug: shuffles_differ
  } else {
    out[threadIdx.x] = shuffle_down(1, 1);
  }
}
SIMT_BUG(shuffles_differ) { run(shuffles_differ, 1, 32, nullptr, device_array<int>(32)); }

__global__ void widths_differ(Global<int> out) {
  out[threadIdx.x] = shuffle(1, 0, threadIdx.x < 16 ? 32 : 16);  // bug: widths_differ
}
SIMT_BUG(widths_differ) { run(widths_differ, 1, 32, nullptr, device_array<int>(32)); }

__global__ void votes_differ(Global<int> out) {
  const bool vote = threadIdx.x == 31 ? ballot(true) != 0 : any(true);  // bug: votes_differ
  out[threadIdx.x] = vote ? 1 : 0;
}
SIMT_BUG(votes_differ) { run(votes_differ, 1, 32, nullptr, device_array<int>(32)); }

__global__ void one_lane_waits() {
  if (threadIdx.x == 3) sync_warp();  // bug: sync_warp_of_one
}
SIMT_BUG(sync_warp_of_one) { run(one_lane_waits, 1, 32, nullptr); }

__global__ void product_of_some(Global<float> out) {
  float c[4] = {};
  if (threadIdx.x < 24) multiply_add_tf32(c, {1, 2, 3, 4}, {1, 2});  // bug: product_of_some_lanes
  out[threadIdx.x] = c[0];
}
SIMT_BUG(product_of_some_lanes) { run(product_of_some, 1, 32, nullptr, device_array<float>(32)); }

__global__ void product_of_few(Global<float> out) {
  float c[4] = {};
  multiply_add_bf16(c, {1, 2, 3, 4}, {1, 2});  // bug: product_of_partial_warp
  out[threadIdx.x] = c[0];
}
SIMT_BUG(product_of_partial_warp) { run(product_of_few, 1, 40, nullptr, device_array<float>(40)); }

__global__ void formats_differ(Global<float> out) {
  float c[4] = {};
  if (threadIdx.x == 7) {
    multiply_add_bf16(c, {1, 2, 3, 4}, {1, 2});  // bug: formats_differ
  } else {
    multiply_add_tf32(c, {1, 2, 3, 4}, {1, 2});
  }
  out[threadIdx.x] = c[0];
}
SIMT_BUG(formats_differ) { run(formats_differ, 1, 32, nullptr, device_array<float>(32)); }

/// Half of the warp waits for the block, half for the warp.
__global__ void waits_for_each_other() {
  if (threadIdx.x < 16) {
    sync_block();
  } else {
    sync_warp();  // bug: deadlock
  }
}
SIMT_BUG(deadlock) { run(waits_for_each_other, 1, 32, nullptr); }

__global__ void odd_width(Global<int> out) {
  out[threadIdx.x] = shuffle(1, 0, 24);  // bug: width_not_power_of_two
}
SIMT_BUG(width_not_power_of_two) { run(odd_width, 1, 32, nullptr, device_array<int>(32)); }

__global__ void takes_too_much() {
  ORTHANT_SHARED(double, first, [4096]);
  ORTHANT_SHARED(double, second, [4096]);  // bug: too_much_shared
  first[threadIdx.x] = second[threadIdx.x] = 0;
}
SIMT_BUG(too_much_shared) { run(takes_too_much, 1, 1, nullptr); }

__global__ void takes_more_than_the_launch() {
  ORTHANT_DYNAMIC_SHARED(float, dynamic);
  ORTHANT_SHARED(float, few, [4]);  // bug: too_much_shared_together
  few[threadIdx.x] = dynamic[threadIdx.x] = 0;
}
SIMT_BUG(too_much_shared_together) {
  cudaLaunchConfig_t config{};
  config.gridDim = config.blockDim = 1;
  config.dynamicSmemBytes = 48 * 1024;
  say("launch", cudaLaunchKernelEx(&config, takes_more_than_the_launch));
}

__global__ void is_allowed_more_than_there_is() {
  ORTHANT_SHARED(float, few, [4]);  // bug: too_much_shared_allowed
  few[threadIdx.x] = 0;
}
SIMT_BUG(too_much_shared_allowed) {
  say("allow",
      cudaFuncSetAttribute(is_allowed_more_than_there_is, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024));
  run(is_allowed_more_than_there_is, 1, 1, nullptr);
}

}  // namespace bugs
