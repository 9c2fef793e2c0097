// What the memory sanitizer sees: decisions by values that nobody wrote.

#include "tests/simt/bugs/bugs.hpp"

namespace bugs {

__global__ void reads_unwritten_shared(Global<int> out) {
  ORTHANT_SHARED(float, values, [64]);
  if (threadIdx.x < 63) values[threadIdx.x] = 1;
  sync_block();
  if (values[threadIdx.x] > 0) out[threadIdx.x] = 1;  // bug: uninitialised_shared
}
SIMT_BUG(uninitialised_shared) { run(reads_unwritten_shared, 1, 64, nullptr, device_array<int>(64)); }

__global__ void reads_unwritten_local(Global<int> out, unsigned n) {
  float values[8];
  for (unsigned i = 0; i < n; ++i) values[i] = 1;
  if (values[threadIdx.x] > 0) out[threadIdx.x] = 1;  // bug: uninitialised_local
}
SIMT_BUG(uninitialised_local) { run(reads_unwritten_local, 1, 8, nullptr, device_array<int>(8), 7U); }

__global__ void counts_positive(Global<const float> x, Global<int> count) {
  if (x[threadIdx.x] > 0) atomic_add(&count[0], 1);  // bug: uninitialised_memory
}
SIMT_BUG(uninitialised_memory) {
  void* x = nullptr;
  cudaMalloc(&x, 32 * sizeof(float));
  cudaMemset(x, 0, 31 * sizeof(float));
  run(counts_positive, 1, 32, nullptr, static_cast<const float*>(x), device_array<int>(1));
}

__global__ void fill(Global<float> x) { x[threadIdx.x] = 1; }
__global__ void consume(Global<const float> x, Global<float> y) {
  if (x[threadIdx.x] > 0) y[threadIdx.x] = 2;  // bug: missing_event_wait
}
SIMT_BUG(missing_event_wait) {
  const cudaStream_t producer = new_stream();
  const cudaStream_t consumer = new_stream();
  void* x = nullptr;
  cudaMalloc(&x, 32 * sizeof(float));
  const auto y = device_array<float>(32);
  cudaStreamSynchronize(nullptr);
  run(fill, 1, 32, producer, static_cast<float*>(x));
  run(consume, 1, 32, consumer, static_cast<const float*>(x), y);  // no event between the two
  cudaStreamSynchronize(consumer);
}

}  // namespace bugs
