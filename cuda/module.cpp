#include "cuda/cuda_runtime.hpp"
#include "orthant/version.hpp"

// What the library looks for in the module (host/core/cuda_module.cpp).

#define ORTHANT_EXPORT extern "C" __attribute__((visibility("default")))
#define ORTHANT_STRING(x) #x
#define ORTHANT_DOTTED(a, b, c) ORTHANT_STRING(a) "." ORTHANT_STRING(b) "." ORTHANT_STRING(c)

ORTHANT_EXPORT const char* const orthant_cuda_module_version;
const char* const orthant_cuda_module_version =
    ORTHANT_DOTTED(ORTHANT_VERSION_MAJOR, ORTHANT_VERSION_MINOR, ORTHANT_VERSION_PATCH);

/// Context::cuda() in the library calls it. The result is returned through `out`, since a C function has no classes.
ORTHANT_EXPORT void orthant_make_cuda_runtime(const orthant::CudaConfig& config,
                                              std::shared_ptr<orthant::core::Runtime>& out) {
  out = std::make_shared<orthant::cuda::CudaRuntime>(config);
}
