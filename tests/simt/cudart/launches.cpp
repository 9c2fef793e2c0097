// Launches of kernels, and what is known of them without a compiler for the device.

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "tests/simt/cudart/api.hpp"
#include "tests/simt/cudart/properties.hpp"
#include "tests/simt/grid.hpp"
#include "tests/simt/rig.hpp"
#include "tests/simt/streams.hpp"
#include "tests/simt/symbols.hpp"
#include "tests/simt/traffic.hpp"

namespace simt {
namespace {

std::function<void(const KernelCall&)>& executor() {
  static std::function<void(const KernelCall&)> set;
  return set;
}

/// What cudaFuncSetAttribute allowed kernels to take of dynamic shared memory, on each device.
std::map<std::pair<const void*, int>, std::size_t>& allowed() {
  static std::map<std::pair<const void*, int>, std::size_t> all;
  return all;
}

/// Null: nothing beyond the usual.
const std::size_t* allowed(const void* function) {
  const auto found = allowed().find({function, current_device()});
  return found == allowed().end() ? nullptr : &found->second;
}

std::size_t shared_limit(const void* function) {
  const std::size_t* const more = allowed(function);
  return more == nullptr ? properties().sharedMemPerBlock : *more;
}

/// Looked up once for each kernel.
const std::string& name_of(const void* function) {
  static std::map<const void*, std::string> names;
  std::string& name = names[function];
  if (name.empty()) name = kernel_name(function);
  return name;
}

cudaError_t check(const KernelCall& call) {
  const cudaDeviceProp& p = properties();
  const dim3 grid = call.grid;
  const dim3 block = call.block;
  if (call.function == nullptr) return cudaErrorInvalidDeviceFunction;
  if (const cudaError_t error = check_code(); error != cudaSuccess) return error;
  const auto fits = [](dim3 size, const int* limit) {
    return size.x > 0 && size.y > 0 && size.z > 0 && size.x <= static_cast<unsigned>(limit[0]) &&
           size.y <= static_cast<unsigned>(limit[1]) && size.z <= static_cast<unsigned>(limit[2]);
  };
  const auto threads = std::uint64_t{block.x} * block.y * block.z;
  if (!fits(grid, p.maxGridSize) || !fits(block, p.maxThreadsDim) ||
      threads > static_cast<std::uint64_t>(p.maxThreadsPerBlock)) {
    return invalid("launch of a grid or a block of this size", cudaErrorInvalidConfiguration);
  }
  if (call.shared_bytes > shared_limit(call.function)) {
    return invalid("launch with more dynamic shared memory than the kernel was allowed");
  }
  return cudaSuccess;
}

/// What a block may have, and what of it the launch takes or the kernel was allowed: static arrays, of which the rig
/// learns as they are declared, must fit beside that.
struct SharedRoom {
  std::size_t limit, dynamic;
};

SharedRoom shared_room(const KernelCall& call) {
  const std::size_t* const more = allowed(call.function);
  if (more == nullptr) return {properties().sharedMemPerBlock, call.shared_bytes};
  return {properties().sharedMemPerBlockOptin, *more};
}

void run(const KernelCall& call, const std::function<void()>& body, const std::string& name, SharedRoom room) {
  if (executor()) return executor()(call);
  Launch launch{call, body, name, room.limit, room.dynamic};
  Traffic one;
  one.launches = 1;
  add_traffic(name, one);
  run_grid(launch);
}

cudaError_t submit_launch(const cudaLaunchConfig_t* config, KernelCall call, std::function<void()> body) {
  if (config == nullptr) return cudaErrorInvalidValue;
  if (config->numAttrs != 0) return invalid("launch attributes: the rig knows none", cudaErrorNotSupported);
  call.grid = config->gridDim;
  call.block = config->blockDim;
  call.shared_bytes = config->dynamicSmemBytes;
  const StreamPointer stream = find_stream(config->stream);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (stream->device != current_device()) {
    return invalid("launch on a stream of a device that is not current", cudaErrorInvalidResourceHandle);
  }
  if (const cudaError_t error = check(call); error != cudaSuccess) return error;
  if (const cudaError_t error = check_stream(*stream); error != cudaSuccess) return error;
  const std::string name = name_of(call.function);
  const SharedRoom room = shared_room(call);
  submit(stream, "kernel:" + name,
         [call = std::move(call), body = std::move(body), name, room] { run(call, body, name, room); });
  return cudaSuccess;
}

cudaError_t set_attribute(const void* function, cudaFuncAttribute attribute, int value) {
  if (function == nullptr) return cudaErrorInvalidDeviceFunction;
  if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) {
    return value >= -1 && value <= 100 ? cudaSuccess : cudaErrorInvalidValue;
  }
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaErrorInvalidValue;
  if (value < 0 || static_cast<std::size_t>(value) > properties().sharedMemPerBlockOptin) {
    return invalid("more dynamic shared memory than a block can have");
  }
  allowed()[{function, current_device()}] = static_cast<std::size_t>(value);
  return cudaSuccess;
}

/// By threads, blocks and dynamic shared memory; registers and static arrays are the compiler's business.
int resident_blocks(int threads, std::size_t shared_bytes) {
  const cudaDeviceProp& p = properties();
  if (threads < 1 || threads > p.maxThreadsPerBlock || shared_bytes > p.sharedMemPerBlockOptin) return 0;
  const int whole_warps = (threads + 31) / 32 * 32;
  const auto by_memory = static_cast<int>(p.sharedMemPerMultiprocessor / (shared_bytes + p.reservedSharedMemPerBlock));
  return std::min({p.maxBlocksPerMultiProcessor, p.maxThreadsPerMultiProcessor / whole_warps, by_memory});
}

}  // namespace

void forget_attributes() { allowed().clear(); }

cudaError_t launch(const cudaLaunchConfig_t* config, KernelCall call, std::function<void()> body) {
  return api("cudaLaunchKernelEx", [&] { return submit_launch(config, std::move(call), std::move(body)); });
}

void set_kernel_executor(std::function<void(const KernelCall&)> given) {
  const std::lock_guard lock(api_mutex());
  executor() = std::move(given);
}

}  // namespace simt

using simt::api;

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  return api("cudaFuncSetAttribute", [=] { return simt::set_attribute(function, attribute, value); });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return api("cudaFuncGetAttributes", [=] {
    if (attributes == nullptr) return cudaErrorInvalidValue;
    if (function == nullptr) return cudaErrorInvalidDeviceFunction;
    if (const cudaError_t error = simt::check_code(); error != cudaSuccess) return error;
    *attributes = {};
    attributes->maxThreadsPerBlock = simt::properties().maxThreadsPerBlock;
    attributes->maxDynamicSharedSizeBytes = static_cast<int>(simt::shared_limit(function));
    attributes->binaryVersion = simt::properties().major * 10 + simt::properties().minor;
    attributes->ptxVersion = simt::code_capability();
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* function, int threads,
                                                                   std::size_t shared_bytes, unsigned flags) {
  return api("cudaOccupancyMaxActiveBlocksPerMultiprocessor", [=] {
    if (blocks == nullptr || threads < 1 || flags > cudaOccupancyDisableCachingOverride) return cudaErrorInvalidValue;
    if (function == nullptr) return cudaErrorInvalidDeviceFunction;
    *blocks = simt::resident_blocks(threads, shared_bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function, int threads,
                                                          std::size_t shared_bytes) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, threads, shared_bytes,
                                                                cudaOccupancyDefault);
}
