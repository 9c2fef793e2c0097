// Stands in for the module of the CUDA backend on a machine whose GPU is broken (test_device.py), and for one that was
// built for another version (tests/context_test.cpp).

#include <memory>

#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"
#include "orthant/error.hpp"

#define ORTHANT_EXPORT extern "C" __attribute__((visibility("default")))

ORTHANT_EXPORT const char* const orthant_cuda_module_version;
const char* const orthant_cuda_module_version = ORTHANT_TEST_VERSION;

ORTHANT_EXPORT void orthant_make_cuda_runtime(const orthant::CudaConfig&, std::shared_ptr<orthant::core::Runtime>&);
void orthant_make_cuda_runtime(const orthant::CudaConfig&, std::shared_ptr<orthant::core::Runtime>&) {
  throw orthant::CudaError("cudaSetDevice", "cudaErrorDevicesUnavailable", "CUDA-capable device(s) is/are busy");
}
