#pragma once

#include <cuda_runtime.h>

namespace simt {

/// Whether there is a driver and a device.
cudaError_t check_device();
/// Whether there is code of kernels for it.
cudaError_t check_code();
/// The compute capability whose PTX it was made from: 75 for 7.5.
int code_capability();
int device_count();
const cudaDeviceProp& properties();
/// What was set of kernels: devices that look different are others.
void forget_attributes();

}  // namespace simt
