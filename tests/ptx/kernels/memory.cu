#include <cstdint>

#include "cuda/device.hpp"
#include "host/core/philox.hpp"

namespace device = orthant::cuda::device;

// Parameters of several sizes in one structure.
struct Matrix {
  const float* data;
  std::int64_t rows, cols, ld;
  char transposed;
};

extern "C" __global__ void add(const float* a, const float* b, float* sum, std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) sum[i] = a[i] + b[i];
}

extern "C" __global__ void add_vectors(const float4* a, const double2* b, float4* sum) {
  const float4 x = a[threadIdx.x];
  const double2 y = b[threadIdx.x];
  sum[threadIdx.x] = make_float4(x.x + x.w, x.y, x.z, static_cast<float>(y.x + y.y));
}

extern "C" __global__ void read_submatrix(Matrix matrix, float* out) {
  const std::int64_t i = blockIdx.y, j = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (j < matrix.cols)
    out[i * matrix.cols + j] = matrix.data[matrix.transposed ? j * matrix.ld + i : i * matrix.ld + j];
}

extern "C" __global__ void transpose(const double* in, double* out, int rows, int cols) {
  ORTHANT_SHARED(double, tile, [16][17]);
  const int i = static_cast<int>(blockIdx.y * 16 + threadIdx.y), j = static_cast<int>(blockIdx.x * 16 + threadIdx.x);
  if (i < rows && j < cols) tile[threadIdx.y][threadIdx.x] = in[i * cols + j];
  device::sync_block();
  const int to_i = static_cast<int>(blockIdx.x * 16 + threadIdx.y),
            to_j = static_cast<int>(blockIdx.y * 16 + threadIdx.x);
  if (to_i < cols && to_j < rows) out[to_i * rows + to_j] = tile[threadIdx.x][threadIdx.y];
}

extern "C" __global__ void reverse_dynamic(int* data) {
  ORTHANT_DYNAMIC_SHARED(int, buffer);
  buffer[threadIdx.x] = data[threadIdx.x];
  device::sync_block();
  data[threadIdx.x] = buffer[blockDim.x - 1 - threadIdx.x];
}

// An array that cannot be in registers.
extern "C" __global__ void sort_each(const int* in, int* out, int n) {
  int values[12];
  for (int i = 0; i < n; ++i) values[i] = in[threadIdx.x * n + i];
  for (int i = 1; i < n; ++i) {
    for (int j = i; j > 0 && values[j] < values[j - 1]; --j) {
      const int swap = values[j];
      values[j] = values[j - 1];
      values[j - 1] = swap;
    }
  }
  for (int i = 0; i < n; ++i) out[threadIdx.x * n + i] = values[i];
}

__constant__ float table[5] = {1.5F, -2, 3, 0, 7};
__constant__ unsigned char small_table[3] = {9, 8, 7};
__device__ int launches = 40;
__device__ double sums[4];
extern "C" __global__ void variables(float* out, int* counts) {
  out[threadIdx.x] = table[threadIdx.x % 5] + small_table[threadIdx.x % 3];
  if (threadIdx.x == 0) {
    *counts = ++launches;
    sums[1] += 0.5;
    counts[1] = static_cast<int>(sums[1] * 2);
  }
}

__noinline__ __device__ int gcd(int a, int b) {
  while (b != 0) {
    const int rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}
struct Fraction {
  int above, below;
};
__noinline__ __device__ Fraction reduced(Fraction f, int* steps) {
  const int divisor = gcd(f.above, f.below);
  *steps += divisor;
  return {f.above / divisor, f.below / divisor};
}
extern "C" __global__ void calls(const int* above, const int* below, int* out) {
  int steps = 5;
  const Fraction f = reduced({above[threadIdx.x], below[threadIdx.x]}, &steps);
  out[3 * threadIdx.x] = f.above;
  out[3 * threadIdx.x + 1] = f.below;
  out[3 * threadIdx.x + 2] = steps;
}

extern "C" __global__ void branch_table(const int* which, int* out) {
  int x = which[threadIdx.x];
  switch (which[threadIdx.x]) {
    case 0:
      x = gcd(12, 18);
      break;
    case 1:
      x = which[threadIdx.x + 1] * 3;
      break;
    case 2:
      x = which[0] - 7;
      break;
    case 3:
      out[0] = 5;
      break;
    case 4:
      x ^= which[1];
      break;
    case 5:
      x = which[2] / 3;
      break;
    case 6:
      out[1] = gcd(9, 6);
      break;
    case 7:
      x = static_cast<int>(blockDim.x);
      break;
    default:
      x = -1;
  }
  out[threadIdx.x + 2] = x;
}

extern "C" __global__ void philox(std::uint64_t seed, float* out, double* out_double, unsigned* out_bits) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  const auto bits = orthant::core::random_bits(seed, orthant::core::Side::h, i % 5, static_cast<std::int64_t>(i) << 30);
  out[i] = orthant::core::uniform<float>(bits);
  out_double[i] = orthant::core::uniform<double>(bits);
  for (int j = 0; j < 4; ++j) out_bits[4 * i + j] = bits.x[j];
}

extern "C" __global__ void set_conditional(cudaGraphConditionalHandle handle, const int* values) {
  if (values[threadIdx.x] > 5) device::set_conditional(handle, static_cast<unsigned>(values[threadIdx.x]));
}
