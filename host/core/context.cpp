#include "orthant/context.hpp"

#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"
#include "orthant/version.hpp"

namespace orthant {

#define ORTHANT_STRING(x) #x
#define ORTHANT_DOTTED(a, b, c) ORTHANT_STRING(a) "." ORTHANT_STRING(b) "." ORTHANT_STRING(c)
const char* version() noexcept {
  return ORTHANT_DOTTED(ORTHANT_VERSION_MAJOR, ORTHANT_VERSION_MINOR, ORTHANT_VERSION_PATCH);
}

Context Context::cpu(const CpuConfig& config) {
  if (config.threads < 0 || config.threads > CpuConfig::kMostThreads) {
    throw InvalidArgument("threads", std::to_string(config.threads),
                          "0 (all that OpenMP offers) to " + std::to_string(CpuConfig::kMostThreads));
  }
  return Context(core::make_cpu_runtime(config));
}

Context Context::cuda() { return cuda(CudaConfig{}); }
Context Context::cuda(const CudaConfig& config) { return Context(core::make_cuda_runtime(config)); }

std::string Context::backend() const { return runtime_->name(); }
std::string Context::device() const { return runtime_->device(); }
int Context::threads() const { return runtime_->threads(); }

}  // namespace orthant
