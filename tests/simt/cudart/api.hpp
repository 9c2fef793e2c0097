#pragma once

// What all entry points have in common.

#include <cuda_runtime.h>

#include <mutex>

namespace simt {

/// One call of the API at a time, and the work that it waits for.
std::recursive_mutex& api_mutex();

/// Remembers the thread's last error.
cudaError_t remember(cudaError_t error);

/// What a call fails with before it looks at its arguments: told to fail, called from inside of work, an error that
/// sticks, no driver or no device; cudaSuccess otherwise.
cudaError_t refuse(const char* name, cudaError_t injected);

/// An entry point.
template <class Body>
cudaError_t api(const char* name, Body body, cudaError_t injected = cudaErrorUnknown) {
  const std::lock_guard lock(api_mutex());
  const cudaError_t refusal = refuse(name, injected);
  return remember(refusal != cudaSuccess ? refusal : body());
}

/// One that releases something: it does so even if it fails, as nobody could do it later.
template <class Body>
cudaError_t api_release(const char* name, Body body) {
  const std::lock_guard lock(api_mutex());
  const cudaError_t refusal = refuse(name, cudaErrorUnknown);
  const cudaError_t error = refusal == cudaErrorNotPermitted ? refusal : body();
  return remember(refusal != cudaSuccess ? refusal : error);
}

/// A call that might wait: not during a capture, unless that was begun as relaxed.
cudaError_t check_unsafe();

/// Reports why an argument is refused.
cudaError_t invalid(const char* why, cudaError_t error = cudaErrorInvalidValue);

}  // namespace simt
