// More sums at a time than the registers that the launch bounds leave: to see that spills are noticed.
extern "C" __global__ void __launch_bounds__(1024, 2) spills(const float* x, float* out) {
  float sums[64] = {};
  for (int i = 0; i < 100; ++i) {
    for (int j = 0; j < 64; ++j) sums[j] = sums[j] * x[i] + x[i + j];
  }
  for (int j = 0; j < 64; ++j) out[threadIdx.x * 64 + j] = sums[j];
}
