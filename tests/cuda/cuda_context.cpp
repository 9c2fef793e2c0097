// The suites on the CUDA backend.

#include "orthant/cuda.hpp"
#include "tests/cuda/counted_resource.hpp"
#include "tests/test_context.hpp"

namespace orthant::test {

const bool kOnDevice = true;

std::shared_ptr<CountedResource> make_resource(CountingMemory& memory) {
  return std::make_shared<CountedResource>(memory);
}

Context make_context(int /*threads*/, CountingMemory* memory) {
  CudaConfig config;
  if (wants_plain_memory()) config.memory = &test_resource();
  if (memory != nullptr) config.memory = &memory->resource();
  const Context context = Context::cuda(config);
  if (memory != nullptr) memory->rebase();
  return context;
}

std::vector<SimdTarget> simd_targets() { return {{.name = "CUDA"}}; }

}  // namespace orthant::test
