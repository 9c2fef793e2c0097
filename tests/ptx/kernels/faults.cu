#include "cuda/device.hpp"

namespace device = orthant::cuda::device;

extern "C" __global__ void write_past_end(float* x, int n) {
  if (static_cast<int>(threadIdx.x) <= n) x[threadIdx.x] = 1;
}

extern "C" __global__ void read_misaligned(const float* x, float* out, int shift) {
  const float4 value = *reinterpret_cast<const float4*>(x + shift);
  *out = value.x + value.y + value.z + value.w;
}

extern "C" __global__ void past_shared(int* out, int n) {
  ORTHANT_SHARED(int, buffer, [32]);
  buffer[threadIdx.x + n] = static_cast<int>(threadIdx.x);
  device::sync_block();
  out[threadIdx.x] = buffer[31 - threadIdx.x];
}

extern "C" __global__ void past_dynamic_shared(int* out, int n) {
  ORTHANT_DYNAMIC_SHARED(int, buffer);
  buffer[threadIdx.x + n] = static_cast<int>(threadIdx.x);
  device::sync_block();
  out[threadIdx.x] = buffer[31 - threadIdx.x];
}

extern "C" __global__ void past_local(int* out, int n) {
  int values[8];
  for (int i = 0; i < n; ++i) values[i] = out[i];
  out[0] = values[out[1]];
}

extern "C" __global__ void half_at_barrier(int* out) {
  if (threadIdx.x < 32) {
    out[threadIdx.x] = 1;
    device::sync_block();
    out[threadIdx.x] = 2;
  }
}

extern "C" __global__ void two_barriers(int* out) {
  if (threadIdx.x < 32) {
    out[threadIdx.x] = 1;
    device::sync_block();
    out[threadIdx.x] += 2;
  } else {
    out[threadIdx.x] = 3;
    device::sync_block();
    out[threadIdx.x] -= 4;
  }
}

extern "C" __global__ void missing_lane(int* out) {
  if (threadIdx.x != 3) out[threadIdx.x] = device::shuffle(out[threadIdx.x], 0);
  device::sync_block();
}

extern "C" __global__ void not_in_own_mask(int* out) {
  out[threadIdx.x] = device::shuffle(out[threadIdx.x], 0, 32, 0x0000FFFF);
}

extern "C" __global__ void reads_absent_lane(int* out) {
  if (threadIdx.x < 8) out[threadIdx.x] = device::shuffle(out[threadIdx.x], 9, 32, 0xFF);
}

extern "C" __global__ void different_masks(int* out) {
  out[threadIdx.x] = device::shuffle(out[threadIdx.x], 0, 32, threadIdx.x < 16 ? 0xFFFFFFFF : 0xFFFF0001);
}
