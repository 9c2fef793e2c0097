#pragma once

#include <cuda_runtime.h>

namespace simt {

/// Whether there is a driver and a device.
cudaError_t check_device();
/// Whether there is code of kernels for it.
cudaError_t check_code();
int device_count();
const cudaDeviceProp& properties();
/// What was set of kernels: devices that look different are others.
void forget_attributes();

}  // namespace simt
