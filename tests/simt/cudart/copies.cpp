// memcpy and memset: one row is the case of a height of one.

#include <cstring>

#include "tests/simt/cudart/api.hpp"
#include "tests/simt/cudart/properties.hpp"
#include "tests/simt/faults.hpp"
#include "tests/simt/memory.hpp"
#include "tests/simt/rig.hpp"
#include "tests/simt/streams.hpp"

namespace simt {
namespace {

struct Shape {
  std::size_t width, height;  // in bytes and rows
  std::size_t span(std::size_t pitch) const { return height == 0 ? 0 : pitch * (height - 1) + width; }
};

struct Side {
  char* data;
  std::size_t pitch;
  bool device = false, pinned = false;
};

/// Where a pointer points to, and whether that is what the call says.
cudaError_t classify(Side& side, std::size_t bytes, bool said_device, bool said_host) {
  const DeviceMemory& memory = DeviceMemory::instance();
  side.device = memory.is_near(side.data);
  side.pinned = PinnedMemory::instance().contains(side.data, 1);
  if (side.device && !memory.host_sees(side.data, bytes)) {
    return invalid(("copy of " + std::to_string(bytes) + " bytes at " + memory.describe(side.data)).c_str());
  }
  if (side.pinned && !PinnedMemory::instance().contains(side.data, bytes)) {
    return invalid("copy beyond the end of pinned memory");
  }
  if (side.device && said_host) return invalid("copy: device memory where the call says host");
  if (!side.device && !side.pinned && said_device) return invalid("copy: host memory where the call says device");
  return cudaSuccess;
}

/// At its turn: the memory must still, or by now, be there.
bool is_there(const Side& side, std::size_t bytes) {
  if (side.device && !DeviceMemory::instance().device_sees(side.data, bytes)) {
    report(Fault{"copy or set of " + DeviceMemory::instance().describe(side.data), "work on a stream",
                 cudaErrorIllegalAddress});
    return false;
  }
  if (side.pinned && !PinnedMemory::instance().contains(side.data, bytes)) {
    report(Fault{"copy of pinned memory that was freed before its turn", "work on a stream", cudaErrorIllegalAddress});
    return false;
  }
  return true;
}

void copy_rows(const Side& to, const Side& from, Shape shape) {
  if (!is_there(to, shape.span(to.pitch)) || !is_there(from, shape.span(from.pitch))) return;
  for (std::size_t row = 0; row < shape.height; ++row) {
    std::memcpy(to.data + row * to.pitch, from.data + row * from.pitch, shape.width);
  }
}

cudaError_t copy(Side to, Side from, Shape shape, cudaMemcpyKind kind, cudaStream_t stream, bool waits) {
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
  const StreamPointer known = find_stream(stream);
  if (known == nullptr) return cudaErrorInvalidResourceHandle;
  if (const cudaError_t error = waits ? check_unsafe() : cudaSuccess; error != cudaSuccess) return error;
  if (const cudaError_t error = check_stream(*known); error != cudaSuccess) return error;
  if (shape.width == 0 || shape.height == 0) return cudaSuccess;
  if (to.data == nullptr || from.data == nullptr) return cudaErrorInvalidValue;
  if (shape.width > to.pitch || shape.width > from.pitch) return cudaErrorInvalidPitchValue;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const bool any = kind == cudaMemcpyDefault;
  cudaError_t error = classify(to, shape.span(to.pitch), to_device, !to_device && !any);
  if (error == cudaSuccess) error = classify(from, shape.span(from.pitch), from_device, !from_device && !any);
  if (error != cudaSuccess) return error;
  const bool to_pageable = !to.device && !to.pinned, from_pageable = !from.device && !from.pinned;
  const bool captured = known->capture != nullptr;
  if (captured && known->capture->graph->is_body && (to_pageable || from_pageable)) {
    return invalid("a copy of pageable memory in the body of a loop", cudaErrorNotSupported);
  }
  // From pageable memory too, which the driver may stage before the call returns, but is not said to.
  submit(known, "work:memcpy", [=] { copy_rows(to, from, shape); });
  // To pageable memory every copy waits. Between devices' memory none does.
  if ((waits && !(to.device && from.device)) || (to_pageable && !captured)) {
    run_until(known->last(known));
    return sticky_error();
  }
  return cudaSuccess;
}

cudaError_t set(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  const StreamPointer known = find_stream(stream);
  if (known == nullptr) return cudaErrorInvalidResourceHandle;
  if (const cudaError_t error = check_stream(*known); error != cudaSuccess) return error;
  if (bytes == 0) return cudaSuccess;
  Side side{static_cast<char*>(data), bytes};
  if (const cudaError_t error = classify(side, bytes, true, false); error != cudaSuccess) return error;
  submit(known, "work:memset", [=] {
    if (is_there(side, bytes)) std::memset(side.data, value, bytes);
  });
  return cudaSuccess;
}

/// Lines apart: by no more than the device can count.
cudaError_t copy_lines(Side to, Side from, Shape shape, cudaMemcpyKind kind, cudaStream_t stream, bool waits) {
  const std::size_t most = properties().memPitch;
  if (to.pitch > most || from.pitch > most) return invalid("copy of lines too far apart", cudaErrorInvalidPitchValue);
  return copy(to, from, shape, kind, stream, waits);
}

Side target(void* data, std::size_t pitch) { return {static_cast<char*>(data), pitch}; }
Side source(const void* data, std::size_t pitch) { return {const_cast<char*>(static_cast<const char*>(data)), pitch}; }

}  // namespace
}  // namespace simt

using simt::api;
using simt::source;
using simt::target;

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return api("cudaMemcpyAsync", [=] {
    return simt::copy(target(to, bytes), source(from, bytes), {bytes, 1}, kind, stream, false);
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return api("cudaMemcpy", [=] {
    return simt::copy(target(to, bytes), source(from, bytes), {bytes, 1}, kind, cudaStreamLegacy, true);
  });
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  return api("cudaMemcpy2DAsync", [=] {
    return simt::copy_lines(target(to, to_pitch), source(from, from_pitch), {width, height}, kind, stream, false);
  });
}

cudaError_t cudaMemcpy2D(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch, std::size_t width,
                         std::size_t height, cudaMemcpyKind kind) {
  return api("cudaMemcpy2D", [=] {
    const auto stream = cudaStreamLegacy;
    return simt::copy_lines(target(to, to_pitch), source(from, from_pitch), {width, height}, kind, stream, true);
  });
}

cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  return api("cudaMemsetAsync", [=] { return simt::set(data, value, bytes, stream); });
}

cudaError_t cudaMemset(void* data, int value, std::size_t bytes) {
  return api("cudaMemset", [=] {
    const cudaError_t error = simt::check_unsafe();
    return error != cudaSuccess ? error : simt::set(data, value, bytes, cudaStreamLegacy);
  });
}
