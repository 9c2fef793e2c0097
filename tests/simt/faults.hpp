#pragma once

#include <cuda_runtime.h>

#include <string>

namespace simt {

struct Fault {
  std::string what;
  std::string place;
  /// What the device returns from now on; cudaSuccess: it goes on as if nothing had been.
  cudaError_t error = cudaErrorLaunchFailure;
};

void report(const Fault& fault);

/// The error that every call returns since a fault, or cudaSuccess.
cudaError_t sticky_error();
void clear_sticky_error();

/// Makes an access to forbidden memory by a kernel on this thread a fault of the kernel's. Not in sanitized builds,
/// whose own reports end the program.
void catch_faults_of_this_thread();

}  // namespace simt
