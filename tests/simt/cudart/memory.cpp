// Allocation, pools and pointers.

#include "tests/simt/memory.hpp"

#include <set>

#include "tests/simt/cudart/api.hpp"
#include "tests/simt/cudart/properties.hpp"
#include "tests/simt/rig.hpp"
#include "tests/simt/streams.hpp"

namespace simt {
namespace {

/// A pool only says on which device it allocates: memory that is freed goes back at its turn in the stream.
struct Pool {
  int device;
};

struct Pools {
  std::map<int, Pool> defaults;
  std::map<Pool*, std::unique_ptr<Pool>> made;
};

Pools& pools() {
  static auto* const all = new Pools;
  return *all;
}

cudaMemPool_t handle_of(Pool& pool) { return reinterpret_cast<cudaMemPool_t>(&pool); }

Pool& default_pool(int device) { return pools().defaults.try_emplace(device, Pool{device}).first->second; }

Pool* find_pool(cudaMemPool_t handle) {
  auto* const pool = reinterpret_cast<Pool*>(handle);
  for (auto& [device, each] : pools().defaults) {
    if (&each == pool) return pool;
  }
  return pools().made.count(pool) != 0 ? pool : nullptr;
}

cudaError_t allocate_now(void** data, std::size_t bytes) {
  if (data == nullptr) return cudaErrorInvalidValue;
  if (const cudaError_t error = check_unsafe(); error != cudaSuccess) return error;
  *data = nullptr;
  if (bytes == 0) return cudaSuccess;
  DeviceMemory& memory = DeviceMemory::instance();
  void* const reserved = memory.reserve(current_device(), bytes, properties().totalGlobalMem);
  if (reserved == nullptr) return cudaErrorMemoryAllocation;
  memory.activate(reserved);
  *data = reserved;
  return cudaSuccess;
}

cudaError_t allocate_in_order(void** data, std::size_t bytes, int device, cudaStream_t stream) {
  if (data == nullptr) return cudaErrorInvalidValue;
  const StreamPointer known = find_stream(stream);
  if (known == nullptr) return cudaErrorInvalidResourceHandle;
  if (known->capture != nullptr) {
    known->capture->valid = false;
    return invalid("allocation in a capture: the rig has no allocation nodes", cudaErrorStreamCaptureUnsupported);
  }
  if (const cudaError_t error = check_stream(*known); error != cudaSuccess) return error;
  *data = nullptr;
  if (bytes == 0) return cudaSuccess;
  void* const reserved = DeviceMemory::instance().reserve(device, bytes, properties().totalGlobalMem);
  if (reserved == nullptr) return cudaErrorMemoryAllocation;
  submit(known, "", [reserved] { DeviceMemory::instance().activate(reserved); });
  *data = reserved;
  return cudaSuccess;
}

}  // namespace
}  // namespace simt

using simt::api;
using simt::api_release;
using simt::DeviceMemory;
using simt::PinnedMemory;

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  return api(
      "cudaMalloc", [=] { return simt::allocate_now(data, bytes); }, cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void* data) {
  return api_release("cudaFree", [=] {
    if (data == nullptr) return cudaSuccess;
    const cudaError_t error = simt::check_unsafe();
    const int device = DeviceMemory::instance().device_of(data);
    if (!DeviceMemory::instance().forget(data)) return simt::invalid("cudaFree of what is no live allocation");
    simt::run_device(device);
    DeviceMemory::instance().release(data);
    return error;
  });
}

cudaError_t cudaMallocAsync(void** data, std::size_t bytes, cudaStream_t stream) {
  return api(
      "cudaMallocAsync", [=] { return simt::allocate_in_order(data, bytes, simt::current_device(), stream); },
      cudaErrorMemoryAllocation);
}

cudaError_t cudaMallocFromPoolAsync(void** data, std::size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  return api(
      "cudaMallocFromPoolAsync",
      [=] {
        const simt::Pool* const known = simt::find_pool(pool);
        if (known == nullptr) return simt::invalid("cudaMallocFromPoolAsync from what is no pool");
        return simt::allocate_in_order(data, bytes, known->device, stream);
      },
      cudaErrorMemoryAllocation);
}

cudaError_t cudaFreeAsync(void* data, cudaStream_t stream) {
  return api_release("cudaFreeAsync", [=] {
    if (data == nullptr) return cudaSuccess;
    const simt::StreamPointer known = simt::find_stream(stream);
    if (known == nullptr) return simt::invalid("cudaFreeAsync on no stream", cudaErrorInvalidResourceHandle);
    if (known->capture != nullptr) {
      known->capture->valid = false;
      return simt::invalid("free in a capture: the rig has no free nodes", cudaErrorStreamCaptureUnsupported);
    }
    const int device = DeviceMemory::instance().device_of(data);
    if (!DeviceMemory::instance().forget(data)) return simt::invalid("cudaFreeAsync of what is no live allocation");
    if (known->device != device) simt::report("cudaFreeAsync on a stream of another device, whose order is not ours");
    simt::submit(known, "", [data] { DeviceMemory::instance().release(data); });
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  return api("cudaDeviceGetDefaultMemPool", [=] {
    if (pool == nullptr) return cudaErrorInvalidValue;
    if (device < 0 || device >= simt::device_count()) return cudaErrorInvalidDevice;
    *pool = simt::handle_of(simt::default_pool(device));
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
  return api("cudaMemPoolCreate", [=] {
    if (pool == nullptr || properties == nullptr) return cudaErrorInvalidValue;
    const cudaMemLocation location = properties->location;
    if (properties->allocType != cudaMemAllocationTypePinned || location.type != cudaMemLocationTypeDevice ||
        location.id < 0 || location.id >= simt::device_count()) {
      return simt::invalid("cudaMemPoolCreate: pinned memory of a device is all that there is");
    }
    auto made = std::make_unique<simt::Pool>(simt::Pool{location.id});
    *pool = simt::handle_of(*made);
    simt::pools().made[made.get()] = std::move(made);
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  return api_release("cudaMemPoolDestroy", [=] {
    if (simt::pools().made.erase(reinterpret_cast<simt::Pool*>(pool)) == 0) {
      return simt::invalid("cudaMemPoolDestroy of what is no pool that was made");
    }
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  return api("cudaMemPoolSetAttribute", [=] {
    if (simt::find_pool(pool) == nullptr || value == nullptr) return cudaErrorInvalidValue;
    switch (attribute) {
      case cudaMemPoolReuseFollowEventDependencies:
      case cudaMemPoolReuseAllowOpportunistic:
      case cudaMemPoolReuseAllowInternalDependencies:
      case cudaMemPoolAttrReleaseThreshold:
        return cudaSuccess;  // addresses are never used twice here
      default:
        return simt::invalid("cudaMemPoolSetAttribute: an attribute that cannot be set");
    }
  });
}

cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned flags) {
  return api(
      "cudaHostAlloc",
      [=] {
        if (data == nullptr || flags > 7) return cudaErrorInvalidValue;
        if (const cudaError_t error = simt::check_unsafe(); error != cudaSuccess) return error;
        *data = bytes == 0 ? nullptr : PinnedMemory::instance().allocate(bytes);
        return *data != nullptr || bytes == 0 ? cudaSuccess : cudaErrorMemoryAllocation;
      },
      cudaErrorMemoryAllocation);
}

cudaError_t cudaMallocHost(void** data, std::size_t bytes) { return cudaHostAlloc(data, bytes, cudaHostAllocDefault); }

cudaError_t cudaFreeHost(void* data) {
  return api_release("cudaFreeHost", [=] {
    if (data == nullptr || PinnedMemory::instance().free(data)) return cudaSuccess;
    return simt::invalid("cudaFreeHost of what is no pinned memory");
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return api("cudaPointerGetAttributes", [=] {
    if (attributes == nullptr) return cudaErrorInvalidValue;
    *attributes = {};
    void* const same = const_cast<void*>(pointer);
    if (const int device = DeviceMemory::instance().device_of(pointer); device >= 0) {
      attributes->type = cudaMemoryTypeDevice;
      attributes->device = device;
      attributes->devicePointer = same;
    } else if (PinnedMemory::instance().contains(pointer, 1)) {
      attributes->type = cudaMemoryTypeHost;
      attributes->device = simt::current_device();
      attributes->devicePointer = attributes->hostPointer = same;
    } else {
      attributes->type = cudaMemoryTypeUnregistered;
      attributes->device = -1;
      attributes->hostPointer = same;
    }
    return cudaSuccess;
  });
}
