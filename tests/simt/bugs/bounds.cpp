// Accesses outside of arrays.

#include <cstdint>

#include "tests/simt/bugs/bugs.hpp"

namespace bugs {

__global__ void writes_ramp(Global<float> out, unsigned n) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= n) out[i] = static_cast<float>(i);  // bug: global_write_past_end
}
SIMT_BUG(global_write_past_end) { run(writes_ramp, 3, 32, nullptr, device_array<float>(68), 68U); }

__global__ void writes_one(Global<float> x, unsigned i) {
  x[i] = 1;  // bug: global_write_past_large_end
}
SIMT_BUG(global_write_past_large_end) {
  run(writes_one, 1, 1, nullptr, device_array<float>(std::size_t{2} << 20), 2U << 20);
}

__global__ void copies_next(Global<const float> x, Global<float> y) {
  y[threadIdx.x] = x[threadIdx.x + 1];  // bug: global_read_past_end
}
SIMT_BUG(global_read_past_end) { run(copies_next, 1, 32, nullptr, device_array<float>(32), device_array<float>(32)); }

__global__ void writes_before(Global<float> x, std::int64_t first) {
  x[static_cast<std::int64_t>(threadIdx.x) + first] = 0;  // bug: global_write_before_start
}
SIMT_BUG(global_write_before_start) { run(writes_before, 1, 8, nullptr, device_array<float>(1024), std::int64_t{-1}); }

__global__ void fills_one_more(int n) {
  ORTHANT_SHARED(int, tile, [16]);  // bug: static_shared_canary
  Shared<int> row = tile;
  row[static_cast<int>(threadIdx.x) + n] = 1;  // bug: static_shared_past_end
}
SIMT_BUG(static_shared_past_end) { run(fills_one_more, 2, 16, nullptr, 1); }
SIMT_BUG(static_shared_canary) { run(fills_one_more, 2, 16, nullptr, 1); }

__global__ void past_dynamic(int n) {
  ORTHANT_DYNAMIC_SHARED(int, row);
  row[static_cast<int>(threadIdx.x) + n] = 1;  // bug: dynamic_shared_past_end
}
SIMT_BUG(dynamic_shared_past_end) {
  cudaLaunchConfig_t config{};
  config.gridDim = 2;
  config.blockDim = 16;
  config.dynamicSmemBytes = 16 * sizeof(int);
  cudaLaunchKernelEx(&config, past_dynamic, 1);
}

__global__ void reads_null(Global<const float> x, Global<float> y) {
  y[threadIdx.x] = x[threadIdx.x];  // bug: missing_error_check
}
SIMT_BUG(missing_error_check) {
  const auto out = device_array<float>(4);
  simt::fail_at(1);
  void* data = nullptr;
  cudaMalloc(&data, 4 * sizeof(float));  // refused, and nobody looks
  run(reads_null, 1, 4, nullptr, static_cast<const float*>(data), out);
}

__global__ void recurses(Global<int> depth) {
  struct Recursion {
    static int down(volatile int* level) {
      volatile int room[4096];
      room[*level % 4096] = *level;  // bug: stack_overflow
      *level = *level + 1;
      return *level > 100000 ? room[0] : down(level) + room[1];
    }
  };
  volatile int level = 0;
  depth[0] = Recursion::down(&level);
}
SIMT_BUG(stack_overflow) { run(recurses, 1, 1, nullptr, device_array<int>(1)); }

__global__ void multiplies(Global<std::int64_t> out, int rows, int columns) {
  out[threadIdx.x] = rows * columns;  // bug: index_overflow
}
SIMT_BUG(index_overflow) { run(multiplies, 1, 1, nullptr, device_array<std::int64_t>(1), 70000, 70000); }

__global__ void loads_pairs(Global<const float> x, Global<float> y) {
  const auto* pair = reinterpret_cast<const float2*>(&x[threadIdx.x + 1]);
  y[threadIdx.x] = pair->x;  // bug: misaligned_load
}
SIMT_BUG(misaligned_load) { run(loads_pairs, 1, 1, nullptr, device_array<float>(4), device_array<float>(1)); }

__global__ void moves_pairs(Global<const float> x, Global<float> y) {
  float pair[2];
  load(x + threadIdx.x, pair);       // bug: vector_load_misaligned
  store(y + 1 - threadIdx.x, pair);  // bug: vector_store_misaligned
}
SIMT_BUG(vector_load_misaligned) {
  run(moves_pairs, 1, 2, nullptr, device_array<float>(4), device_array<float>(4) + 1);
}
SIMT_BUG(vector_store_misaligned) { run(moves_pairs, 1, 1, nullptr, device_array<float>(4), device_array<float>(4)); }

}  // namespace bugs
