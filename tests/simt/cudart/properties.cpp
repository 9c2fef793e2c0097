// The pretended devices: all alike.

#include "tests/simt/cudart/properties.hpp"

#include <cstring>

#include "tests/simt/cudart/api.hpp"
#include "tests/simt/memory.hpp"
#include "tests/simt/rig.hpp"
#include "tests/simt/streams.hpp"

namespace simt {
namespace {

cudaDeviceProp h100() {
  cudaDeviceProp p{};
  std::strcpy(p.name, "Pretended H100");
  p.totalGlobalMem = std::size_t{80} << 30;
  p.sharedMemPerBlock = 48 * 1024;
  p.sharedMemPerBlockOptin = 227 * 1024;
  p.sharedMemPerMultiprocessor = 228 * 1024;
  p.reservedSharedMemPerBlock = 1024;
  p.regsPerBlock = p.regsPerMultiprocessor = 65536;
  p.warpSize = 32;
  p.memPitch = 0x7FFFFFFF;
  p.maxThreadsPerBlock = 1024;
  p.maxThreadsPerMultiProcessor = 2048;
  p.maxBlocksPerMultiProcessor = 32;
  p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024;
  p.maxThreadsDim[2] = 64;
  p.maxGridSize[0] = 0x7FFFFFFF;
  p.maxGridSize[1] = p.maxGridSize[2] = 65535;
  p.totalConstMem = 65536;
  p.major = 9;
  p.minor = 0;
  p.multiProcessorCount = 132;
  p.l2CacheSize = 50 << 20;
  p.memoryBusWidth = 5120;
  p.concurrentKernels = p.unifiedAddressing = p.canMapHostMemory = p.memoryPoolsSupported = 1;
  p.asyncEngineCount = 3;
  p.textureAlignment = 512;
  p.cooperativeLaunch = 0;  // blocks run one after another
  return p;
}

struct Devices {
  cudaDeviceProp properties = h100();
  int count = 1;
  int driver = CUDART_VERSION;
  cudaError_t machine = cudaSuccess, device = cudaSuccess;
  bool code = true;
  int code_capability = 0;
};

Devices& devices() {
  static Devices all;
  return all;
}

}  // namespace

cudaError_t check_device() {
  if (devices().driver < CUDART_VERSION / 1000 * 1000) return cudaErrorInsufficientDriver;
  if (devices().machine != cudaSuccess) return devices().machine;
  return devices().count > 0 ? cudaSuccess : cudaErrorNoDevice;
}

cudaError_t check_code() { return devices().code ? cudaSuccess : cudaErrorNoKernelImageForDevice; }

int code_capability() {
  const int known = devices().code_capability;
  return known != 0 ? known : properties().major * 10 + properties().minor;
}

int device_count() { return devices().count; }
const cudaDeviceProp& properties() { return devices().properties; }

void set_properties(const cudaDeviceProp& properties) {
  const std::lock_guard lock(api_mutex());
  devices().properties = properties;
  forget_attributes();
}

void set_device_count(int count) {
  const std::lock_guard lock(api_mutex());
  devices().count = count;
}

void set_driver_version(int version) {
  const std::lock_guard lock(api_mutex());
  devices().driver = version;
}

void set_machine_error(cudaError_t error) {
  const std::lock_guard lock(api_mutex());
  devices().machine = error;
}

void set_device_error(cudaError_t error) {
  const std::lock_guard lock(api_mutex());
  devices().device = error;
}

void set_code_for_device(bool there) {
  const std::lock_guard lock(api_mutex());
  devices().code = there;
}

void set_code_capability(int capability) {
  const std::lock_guard lock(api_mutex());
  devices().code_capability = capability;
}

void reset_machine() {
  const std::lock_guard lock(api_mutex());
  devices() = {};
  forget_attributes();
  set_current_device(0);
}

}  // namespace simt

using simt::api;
using simt::properties;

cudaError_t cudaDriverGetVersion(int* version) {
  const std::lock_guard lock(simt::api_mutex());
  if (simt::enter("cudaDriverGetVersion")) return simt::remember(cudaErrorUnknown);
  if (version == nullptr) return simt::remember(cudaErrorInvalidValue);
  *version = simt::devices().driver;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  const std::lock_guard lock(simt::api_mutex());
  if (simt::enter("cudaRuntimeGetVersion")) return simt::remember(cudaErrorUnknown);
  if (version == nullptr) return simt::remember(cudaErrorInvalidValue);
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  if (count != nullptr) *count = 0;
  return api("cudaGetDeviceCount", [=] {
    if (count == nullptr) return cudaErrorInvalidValue;
    *count = simt::device_count();
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return api("cudaGetDevice", [=] {
    if (device == nullptr) return cudaErrorInvalidValue;
    *device = simt::current_device();
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return api("cudaSetDevice", [=] {
    if (device < 0 || device >= simt::device_count()) return cudaErrorInvalidDevice;
    simt::set_current_device(device);
    return cudaSuccess;
  });
}

cudaError_t cudaInitDevice(int device, unsigned device_flags, unsigned flags) {
  return api("cudaInitDevice", [=] {
    if (device < 0 || device >= simt::device_count()) return cudaErrorInvalidDevice;
    if (device_flags != 0 || flags != 0) return simt::invalid("cudaInitDevice: the rig knows no flags");
    return simt::devices().device;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* out, int device) {
  return api("cudaGetDeviceProperties", [=] {
    if (out == nullptr) return cudaErrorInvalidValue;
    if (device < 0 || device >= simt::device_count()) return cudaErrorInvalidDevice;
    *out = properties();
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return api("cudaDeviceGetAttribute", [=] {
    if (value == nullptr) return cudaErrorInvalidValue;
    if (device < 0 || device >= simt::device_count()) return cudaErrorInvalidDevice;
    const cudaDeviceProp& p = properties();
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock:
        *value = p.maxThreadsPerBlock;
        break;
      case cudaDevAttrMaxBlockDimX:
        *value = p.maxThreadsDim[0];
        break;
      case cudaDevAttrMaxBlockDimY:
        *value = p.maxThreadsDim[1];
        break;
      case cudaDevAttrMaxBlockDimZ:
        *value = p.maxThreadsDim[2];
        break;
      case cudaDevAttrMaxGridDimX:
        *value = p.maxGridSize[0];
        break;
      case cudaDevAttrMaxGridDimY:
        *value = p.maxGridSize[1];
        break;
      case cudaDevAttrMaxGridDimZ:
        *value = p.maxGridSize[2];
        break;
      case cudaDevAttrMaxSharedMemoryPerBlock:
        *value = static_cast<int>(p.sharedMemPerBlock);
        break;
      case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = static_cast<int>(p.sharedMemPerBlockOptin);
        break;
      case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        *value = static_cast<int>(p.sharedMemPerMultiprocessor);
        break;
      case cudaDevAttrReservedSharedMemoryPerBlock:
        *value = static_cast<int>(p.reservedSharedMemPerBlock);
        break;
      case cudaDevAttrWarpSize:
        *value = p.warpSize;
        break;
      case cudaDevAttrMaxRegistersPerBlock:
        *value = p.regsPerBlock;
        break;
      case cudaDevAttrMaxRegistersPerMultiprocessor:
        *value = p.regsPerMultiprocessor;
        break;
      case cudaDevAttrMultiProcessorCount:
        *value = p.multiProcessorCount;
        break;
      case cudaDevAttrMaxThreadsPerMultiProcessor:
        *value = p.maxThreadsPerMultiProcessor;
        break;
      case cudaDevAttrMaxBlocksPerMultiprocessor:
        *value = p.maxBlocksPerMultiProcessor;
        break;
      case cudaDevAttrL2CacheSize:
        *value = p.l2CacheSize;
        break;
      case cudaDevAttrComputeCapabilityMajor:
        *value = p.major;
        break;
      case cudaDevAttrComputeCapabilityMinor:
        *value = p.minor;
        break;
      case cudaDevAttrMemoryPoolsSupported:
        *value = p.memoryPoolsSupported;
        break;
      case cudaDevAttrUnifiedAddressing:
        *value = p.unifiedAddressing;
        break;
      case cudaDevAttrConcurrentKernels:
        *value = p.concurrentKernels;
        break;
      case cudaDevAttrCooperativeLaunch:
        *value = p.cooperativeLaunch;
        break;
      case cudaDevAttrGlobalMemoryBusWidth:
        *value = p.memoryBusWidth;
        break;
      case cudaDevAttrPageableMemoryAccess:
        *value = p.pageableMemoryAccess;
        break;
      case cudaDevAttrManagedMemory:
        *value = p.managedMemory;
        break;
      default:
        return simt::invalid("cudaDeviceGetAttribute: an attribute that the rig does not know");
    }
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return api("cudaMemGetInfo", [=] {
    if (free == nullptr || total == nullptr) return cudaErrorInvalidValue;
    *total = properties().totalGlobalMem;
    *free = *total - simt::DeviceMemory::instance().used(simt::current_device());
    return cudaSuccess;
  });
}
