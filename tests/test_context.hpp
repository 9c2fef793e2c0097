#pragma once

#include "orthant/context.hpp"
#include "orthant/cuda.hpp"
#include "tests/memory.hpp"

/// The backend that the suites run on: the CPU's, or in a program with ORTHANT_TEST_CUDA the CUDA backend, on a device
/// or in the rig (tests/simt).
namespace orthant::test {

#ifdef ORTHANT_TEST_CUDA
constexpr bool kOnDevice = true;

/// `threads` is the CPU's; the CUDA backend has none.
inline Context make_context(int /*threads*/ = 2, CountingMemory* memory = nullptr) {
  CudaConfig config;
  config.memory = memory;
  const Context context = Context::cuda(config);
  if (memory != nullptr) memory->rebase();
  return context;
}
#else
constexpr bool kOnDevice = false;

inline Context make_context(int threads = 2, CountingMemory* memory = nullptr) {
  return Context::cpu({.threads = threads, .memory = memory});
}
#endif

}  // namespace orthant::test
