#include <cstdint>

#include "cuda/device.hpp"

namespace device = orthant::cuda::device;

template <class T>
__global__ void __launch_bounds__(256) sum(const T* x, std::int64_t n, double* total) {
  ORTHANT_SHARED(double, parts, [8]);
  double mine = 0;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step)
    mine += x[i];
  for (int delta = 16; delta > 0; delta /= 2) mine += device::shuffle_down(mine, delta);
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = mine;
  device::sync_block();
  if (threadIdx.x < 32) {
    double all = threadIdx.x < blockDim.x / 32 ? parts[threadIdx.x] : 0;
    for (int delta = 16; delta > 0; delta /= 2) all += device::shuffle_xor(all, delta);
    if (threadIdx.x == 0) device::atomic_add(total, all);
  }
}
template __global__ void sum(const float*, std::int64_t, double*);
template __global__ void sum(const double*, std::int64_t, double*);

extern "C" __global__ void shuffles(const int* x, int* out) {
  const int value = x[threadIdx.x], lane = static_cast<int>(threadIdx.x) % 32;
  int* o = out + threadIdx.x * 6;
  o[0] = device::shuffle(value, (lane + 5) % 32);
  o[1] = device::shuffle(value, lane + 3, 8);
  o[2] = device::shuffle_xor(value, 9);
  o[3] = device::shuffle_down(value, 3, 16);
  o[4] = __shfl_up_sync(device::kAllLanes, value, 2, 8);
  o[5] = lane < 7 ? device::shuffle(value, 6 - lane, 32, 0x7F) : device::shuffle(value, 38 - lane, 32, 0xFFFFFF80);
}

extern "C" __global__ void votes(const int* x, unsigned* out) {
  const int value = x[threadIdx.x];
  unsigned* o = out + threadIdx.x * 4;
  o[0] = device::ballot(value > 10);
  o[1] = device::any(value == 77);
  o[2] = device::all(value < 1000);
  o[3] = value % 2 == 0 ? device::ballot(value > 50, 0x55555555) : device::ballot(value > 20, 0xAAAAAAAA);
}

// Every lane hands its value on through shared memory, with nothing but the barrier of the warp between.
extern "C" __global__ void rotate_in_warp(const float* x, float* out) {
  ORTHANT_SHARED(float, buffer, [64]);
  buffer[threadIdx.x] = x[threadIdx.x];
  device::sync_warp();
  out[threadIdx.x] = buffer[(threadIdx.x & ~31U) | ((threadIdx.x + 1) & 31)];
}

extern "C" __global__ void atomics(float* f, double* d, unsigned* u, int* s, unsigned long long* w) {
  ORTHANT_SHARED(unsigned, local_sum, [1]);
  if (threadIdx.x == 0) local_sum[0] = 0;
  device::sync_block();
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  device::atomic_add(local_sum, i);
  device::sync_block();
  if (threadIdx.x == 0) device::atomic_add(u, local_sum[0]);
  device::atomic_add(f, 0.5F);
  device::atomic_add(d, 0.25);
  device::atomic_min(s, 5 - static_cast<int>(i));
  device::atomic_max(s + 1, static_cast<int>(i) - 5);
  device::atomic_or(u + 1, 1U << (i % 32));
  device::atomic_add(w, 1ULL << 33);
  device::atomic_max(w + 1, 3ULL * i);
  device::atomic_min(w + 2, ~0ULL - i);
  s[2 + i] = device::atomic_exchange(s + 200, static_cast<int>(i));
  atomicCAS(u + 2, i, i + 1);
  atomicAnd(u + 3, ~(1U << (i % 8)));
  atomicXor(u + 4, i);
  atomicInc(u + 5, 9);
  atomicDec(u + 6, 9);
}

// The last block to come adds up what the others left.
extern "C" __global__ void last_block(const double* x, double* parts, unsigned* arrived, double* total) {
  ORTHANT_SHARED(bool, is_last, [1]);
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = x[blockIdx.x] * 2;
    device::fence();
    is_last[0] = device::atomic_add(arrived, 1U) == gridDim.x - 1;
  }
  device::sync_block();
  if (!is_last[0] || threadIdx.x != 0) return;
  device::fence();
  double all = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) all += parts[i];
  *total = all;
}
