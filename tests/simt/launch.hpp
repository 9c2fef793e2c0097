#pragma once

// Launches: cudaLaunchKernelEx knows the types of a kernel's parameters, the C entry point behind it does not.

#include <cuda_runtime.h>

#include <cstddef>
#include <cstring>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/simt/sanitizers.hpp"

namespace simt {

struct KernelCall {
  const void* function;
  dim3 grid, block;
  std::size_t shared_bytes;
  std::vector<std::vector<std::byte>> arguments;
};

/// Enqueues a kernel; `body` is one thread of it.
cudaError_t launch(const cudaLaunchConfig_t* config, KernelCall call, std::function<void()> body);

template <class... Parameters, class... Arguments>
cudaError_t launch_kernel(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...), Arguments&&... arguments) {
  const std::tuple<Parameters...> values(std::forward<Arguments>(arguments)...);
  sanitizer::mark_initialised(&values, sizeof values);  // gaps between members, which copies would leave on the heap
  KernelCall call = {reinterpret_cast<const void*>(kernel), {}, {}, 0, {}};
  const auto add = [&call](const auto& value) {
    call.arguments.emplace_back(sizeof value);
    std::memcpy(call.arguments.back().data(), &value, sizeof value);
  };
  std::apply([&add](const auto&... each) { (add(each), ...); }, values);
  return launch(config, std::move(call), [kernel, values] { std::apply(kernel, values); });
}

}  // namespace simt

// What the runtime's header offers to the CUDA compiler only.
template <class... Parameters>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}
template <class... Parameters>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, void (*kernel)(Parameters...)) {
  return cudaFuncGetAttributes(attributes, reinterpret_cast<const void*>(kernel));
}

#define cudaLaunchKernelEx ::simt::launch_kernel
