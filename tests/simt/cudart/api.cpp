#include "tests/simt/cudart/api.hpp"

#include <string>
#include <utility>

#include "tests/simt/counts.hpp"
#include "tests/simt/cudart/properties.hpp"
#include "tests/simt/faults.hpp"
#include "tests/simt/memory.hpp"
#include "tests/simt/rig.hpp"
#include "tests/simt/streams.hpp"

namespace simt {
namespace {

thread_local cudaError_t last_error = cudaSuccess;

}  // namespace

std::recursive_mutex& api_mutex() {
  static auto* const mutex = new std::recursive_mutex;
  return *mutex;
}

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

cudaError_t refuse(const char* name, cudaError_t injected) {
  if (enter(name)) return injected;
  if (in_work()) return invalid("a call of the API from inside of work on a stream", cudaErrorNotPermitted);
  if (sticky_error() != cudaSuccess) return sticky_error();
  return check_device();
}

cudaError_t check_unsafe() { return forbids_unsafe_calls() ? cudaErrorStreamCaptureUnsupported : cudaSuccess; }

cudaError_t invalid(const char* why, cudaError_t error) {
  report(std::string(why) + " (" + cudaGetErrorName(error) + ")");
  return error;
}

void enqueue(cudaStream_t stream, const char* name, std::function<void()> work) {
  const std::lock_guard lock(api_mutex());
  const StreamPointer known = find_stream(stream);
  if (known == nullptr) return fault(std::string(name) + " on a stream that does not exist");
  if (check_stream(*known) != cudaSuccess) return report(std::string(name) + " on a stream that cannot take it now");
  submit(known, std::string("work:") + name, std::move(work));
}

bool on_device(const void* pointer, std::size_t bytes) {
  const DeviceMemory& memory = DeviceMemory::instance();
  if (in_work()) return memory.device_sees(pointer, bytes);
  const std::lock_guard lock(api_mutex());
  return memory.host_sees(pointer, bytes);
}

bool is_pinned(const void* pointer, std::size_t bytes) {
  const std::lock_guard lock(api_mutex());
  return PinnedMemory::instance().contains(pointer, bytes);
}

bool is_stream(cudaStream_t stream) {
  const std::lock_guard lock(api_mutex());
  return find_stream(stream) != nullptr;
}

bool is_capturing(cudaStream_t stream) {
  const std::lock_guard lock(api_mutex());
  const StreamPointer known = find_stream(stream);
  return known != nullptr && known->capture != nullptr;
}

Live live() {
  const std::lock_guard lock(api_mutex());
  const DeviceMemory& memory = DeviceMemory::instance();
  return {memory.count(),     memory.bytes(), PinnedMemory::instance().count(),
          stream_count(),     event_count(),  graph_count(),
          executable_count(), handle_count()};
}

std::int64_t peak_bytes() {
  const std::lock_guard lock(api_mutex());
  return DeviceMemory::instance().peak();
}

void reset_peak() {
  const std::lock_guard lock(api_mutex());
  DeviceMemory::instance().reset_peak();
}

void clear_error() {
  const std::lock_guard lock(api_mutex());
  drop_all_work();
  clear_sticky_error();
  last_error = cudaSuccess;
}

}  // namespace simt

using simt::refuse;

cudaError_t cudaGetLastError() {
  const cudaError_t refusal = refuse("cudaGetLastError", cudaErrorUnknown);
  const cudaError_t last = std::exchange(simt::last_error, cudaSuccess);
  return refusal != cudaSuccess ? refusal : last;
}

cudaError_t cudaPeekAtLastError() {
  const cudaError_t refusal = refuse("cudaPeekAtLastError", cudaErrorUnknown);
  return refusal != cudaSuccess ? refusal : simt::last_error;
}
