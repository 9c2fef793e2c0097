#include "tests/ptx/kernels/launched.hpp"

#include "cuda/device.hpp"

namespace ptx_test {
namespace {

// The architecture that the code is for; 0 if it is the host's compiler's.
template <class T>
__global__ void compiled_for(T* out, int n) {
#ifdef __CUDA_ARCH__
  const T architecture = __CUDA_ARCH__;
#else
  const T architecture = 0;
#endif
  if (static_cast<int>(threadIdx.x) < n) out[threadIdx.x] = architecture + T(0.5);
}

}  // namespace

cudaError_t launch_compiled_for(double* out, int n) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(1);
  config.blockDim = dim3(32);
  return cudaLaunchKernelEx(&config, compiled_for<double>, out, n);
}

}  // namespace ptx_test
