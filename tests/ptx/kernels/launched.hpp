#pragma once

#include <cuda_runtime.h>

namespace ptx_test {

/// Enqueues a kernel of an unnamed namespace that writes the architecture it was compiled for, plus a half.
cudaError_t launch_compiled_for(double* out, int n);

}  // namespace ptx_test
