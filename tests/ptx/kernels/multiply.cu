#include "cuda/device.hpp"

namespace device = orthant::cuda::device;

// C (16 x 8) += A (16 x k) B (k x 8), A and C by rows, B by columns.
extern "C" __global__ void multiply_tf32(const float* a, const float* b, float* c) {
  const int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
  const unsigned of_a[4] = {device::tf32_word(a[g * 8 + t]), device::tf32_word(a[(g + 8) * 8 + t]),
                            device::tf32_word(a[g * 8 + t + 4]), device::tf32_word(a[(g + 8) * 8 + t + 4])};
  const unsigned of_b[2] = {device::tf32_word(b[g * 8 + t]), device::tf32_word(b[g * 8 + t + 4])};
  float sums[4] = {c[g * 8 + 2 * t], c[g * 8 + 2 * t + 1], c[(g + 8) * 8 + 2 * t], c[(g + 8) * 8 + 2 * t + 1]};
  device::multiply_add_tf32(sums, of_a, of_b);
  for (int i = 0; i < 4; ++i) c[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = sums[i];
}

extern "C" __global__ void multiply_bf16(const float* a, const float* b, float* c) {
  const int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
  const auto word = [](const float* x) { return device::bf16_word(x[0], x[1]); };
  const unsigned of_a[4] = {word(a + g * 16 + 2 * t), word(a + (g + 8) * 16 + 2 * t), word(a + g * 16 + 2 * t + 8),
                            word(a + (g + 8) * 16 + 2 * t + 8)};
  const unsigned of_b[2] = {word(b + g * 16 + 2 * t), word(b + g * 16 + 2 * t + 8)};
  float sums[4] = {c[g * 8 + 2 * t], c[g * 8 + 2 * t + 1], c[(g + 8) * 8 + 2 * t], c[(g + 8) * 8 + 2 * t + 1]};
  device::multiply_add_bf16(sums, of_a, of_b);
  for (int i = 0; i < 4; ++i) c[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = sums[i];
}

// Factors as they are given, and all but the last lane of the first warp if `all` is false.
extern "C" __global__ void multiply_words(const unsigned* words, float* c, bool all) {
  if (!all && threadIdx.x == 31) return;
  const unsigned word = words[threadIdx.x % 32];
  float sums[4] = {0, 0, 0, 0};
  device::multiply_add_tf32(sums, {word, word, word, word}, {0x3F800000U, 0x3F800000U});
  c[threadIdx.x] = sums[0];
}

extern "C" __global__ void round_words(const float* x, unsigned* tf32, unsigned* bf16) {
  tf32[threadIdx.x] = device::tf32_word(x[threadIdx.x]);
  bf16[threadIdx.x] = device::bf16_word(x[threadIdx.x], 1);
}
