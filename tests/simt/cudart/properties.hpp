#pragma once

#include <cuda_runtime.h>

namespace simt {

/// Whether there is a driver and a device.
cudaError_t check_device();
int device_count();
const cudaDeviceProp& properties();

}  // namespace simt
