#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" __global__ void widen(const __half* half, const __nv_bfloat16* brain, float* from_half, float* from_brain) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  from_half[i] = __half2float(half[i]);
  from_brain[i] = __bfloat162float(brain[i]);
}

extern "C" __global__ void narrow(const float* x, __half* half, __nv_bfloat16* brain) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  half[i] = __float2half(x[i]);
  brain[i] = __float2bfloat16(x[i]);
}

// Beyond the range of the types, conversions saturate; NaN becomes 0.
extern "C" __global__ void out_of_range(const float* x, int* to_int, unsigned* to_unsigned, long long* to_long) {
  const unsigned i = threadIdx.x;
  to_int[i] = static_cast<int>(x[i]);
  to_unsigned[i] = static_cast<unsigned>(x[i]);
  to_long[i] = static_cast<long long>(x[i]);
}
