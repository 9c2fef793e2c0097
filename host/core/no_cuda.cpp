#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"

namespace orthant::core {

std::shared_ptr<Runtime> make_cuda_runtime(const CudaConfig&) {
  throw BackendUnavailable("cuda", "this build of Orthant has no CUDA backend; use Context::cpu()");
}

}  // namespace orthant::core
