#include "cuda/device.hpp"

namespace device = orthant::cuda::device;

// Rows of as many values, those from the `valid`-th on zeros; `from_apart` and `to_apart` values from one to the next.
template <int kCount>
__device__ void copy_rows(const float* x, float* y, int valid, int from_apart, int to_apart) {
  ORTHANT_DYNAMIC_SHARED(float, rows);
  const int thread = static_cast<int>(threadIdx.x);
  device::copy_async<kCount>(rows + thread * to_apart, x + thread * from_apart, thread < valid);
  device::commit_copies();
  device::wait_copies<0>();
  device::sync_block();
  const int other = static_cast<int>(blockDim.x) - 1 - thread;
  for (int i = 0; i < kCount; ++i) y[other * kCount + i] = rows[other * to_apart + i];
}
extern "C" __global__ void copy_1(const float* x, float* y, int valid, int from_apart, int to_apart) {
  copy_rows<1>(x, y, valid, from_apart, to_apart);
}
extern "C" __global__ void copy_2(const float* x, float* y, int valid, int from_apart, int to_apart) {
  copy_rows<2>(x, y, valid, from_apart, to_apart);
}
extern "C" __global__ void copy_4(const float* x, float* y, int valid, int from_apart, int to_apart) {
  copy_rows<4>(x, y, valid, from_apart, to_apart);
}

// What a thread finds of two groups after each wait.
extern "C" __global__ void wait_for_groups(const int* x, int* y) {
  ORTHANT_SHARED(int, found, [2]);
  volatile int* const now = found;
  for (int i = 0; i < 2; ++i) now[i] = -1;
  for (int i = 0; i < 2; ++i) {
    device::copy_async(found + i, x + i);
    device::commit_copies();
  }
  device::wait_copies<2>();
  for (int i = 0; i < 2; ++i) y[i] = now[i];
  device::wait_copies<1>();
  for (int i = 0; i < 2; ++i) y[2 + i] = now[i];
  device::wait_copies<0>();
  for (int i = 0; i < 2; ++i) y[4 + i] = now[i];
}

// Without a commit there is no group to be waited for.
extern "C" __global__ void never_commits(const int* x) {
  ORTHANT_SHARED(int, tile, [32]);
  device::copy_async(tile + threadIdx.x, x + threadIdx.x);
  device::wait_copies<0>();
}
