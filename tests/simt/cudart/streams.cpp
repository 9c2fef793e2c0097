// Streams and events.

#include "tests/simt/streams.hpp"

#include <algorithm>
#include <chrono>

#include "tests/simt/cudart/api.hpp"
#include "tests/simt/cudart/properties.hpp"
#include "tests/simt/faults.hpp"
#include "tests/simt/rig.hpp"

namespace simt {
namespace {

/// The stream to wait for, unless it is being captured: then the capture is broken.
template <class Wait>
cudaError_t wait_for(cudaStream_t handle, Wait wait) {
  const StreamPointer stream = find_stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (stream->capture != nullptr) {
    stream->capture->valid = false;
    return cudaErrorStreamCaptureUnsupported;
  }
  if (const cudaError_t error = check_stream(*stream); error != cudaSuccess) return error;
  return wait(stream);
}

cudaError_t record(Event& event, const StreamPointer& stream) {
  if (event.device != stream->device)
    return invalid("cudaEventRecord of an event of another device", cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = check_stream(*stream); error != cudaSuccess) return error;
  event.capture = stream->capture;
  event.frontier = stream->frontier;
  if (event.capture != nullptr) return cudaSuccess;
  const auto made = std::make_shared<Event::Record>();
  submit(stream, "", [made] {
    made->done = true;
    made->when = std::chrono::steady_clock::now();
  });
  event.record = made;
  event.ticket = stream->last(stream);
  return cudaSuccess;
}

/// What follows in the stream comes after the event; in a capture, so does the stream's place in the graph.
cudaError_t wait_event(const StreamPointer& stream, const Event& event) {
  if (event.capture != nullptr) {
    if (!event.capture->valid) return cudaErrorStreamCaptureInvalidated;
    if (stream->legacy) return cudaErrorStreamCaptureImplicit;
    if (stream->capture == nullptr) {
      stream->capture = event.capture;
      stream->frontier.clear();
    } else if (stream->capture != event.capture) {
      stream->capture->valid = event.capture->valid = false;
      return cudaErrorStreamCaptureMerge;
    }
    for (Node* const node : event.frontier) {
      const auto& known = stream->frontier;
      if (std::find(known.begin(), known.end(), node) == known.end()) stream->frontier.push_back(node);
    }
    return cudaSuccess;
  }
  if (stream->capture != nullptr) {
    if (event.record == nullptr) return cudaSuccess;
    stream->capture->valid = false;
    return cudaErrorStreamCaptureIsolation;
  }
  if (const cudaError_t error = check_stream(*stream); error != cudaSuccess) return error;
  submit(stream, "", [ticket = event.ticket] { run_until(ticket); });
  return cudaSuccess;
}

}  // namespace
}  // namespace simt

using simt::api;
using simt::api_release;
using simt::Event;
using simt::find_event;
using simt::find_stream;
using simt::StreamPointer;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return api("cudaStreamCreateWithFlags", [=] {
    if (stream == nullptr || flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
    *stream = simt::make_stream(simt::current_device(), flags == cudaStreamDefault)->handle();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return api_release("cudaStreamDestroy", [=] {
    const bool is_default = stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
    const StreamPointer known = is_default ? nullptr : find_stream(stream);
    if (known == nullptr) {
      return simt::invalid("cudaStreamDestroy of what is no stream that was made", cudaErrorInvalidResourceHandle);
    }
    simt::destroy_stream(known);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return api("cudaStreamSynchronize", [=] {
    return simt::wait_for(stream, [](const StreamPointer& known) {
      simt::run_until(known->last(known));
      return simt::sticky_error();
    });
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return api("cudaStreamQuery", [=] {
    return simt::wait_for(stream, [](const StreamPointer& known) {
      if (known->done >= known->issued) return cudaSuccess;
      simt::run_step(known->last(known));
      return simt::sticky_error() != cudaSuccess ? simt::sticky_error() : cudaErrorNotReady;
    });
  });
}

cudaError_t cudaDeviceSynchronize() {
  return api("cudaDeviceSynchronize", [] {
    if (simt::break_captures(simt::current_device())) return cudaErrorStreamCaptureUnsupported;
    simt::run_device(simt::current_device());
    return simt::sticky_error();
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  return api("cudaStreamWaitEvent", [=] {
    const StreamPointer known = find_stream(stream);
    const Event* const waited = find_event(event);
    if (known == nullptr || waited == nullptr) return cudaErrorInvalidResourceHandle;
    if (flags != cudaEventWaitDefault) return cudaErrorInvalidValue;
    return simt::wait_event(known, *waited);
  });
}

cudaError_t cudaStreamGetDevice(cudaStream_t stream, int* device) {
  return api("cudaStreamGetDevice", [=] {
    const StreamPointer known = find_stream(stream);
    if (known == nullptr) return cudaErrorInvalidResourceHandle;
    if (device == nullptr) return cudaErrorInvalidValue;
    *device = known->device;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetFlags(cudaStream_t stream, unsigned* flags) {
  return api("cudaStreamGetFlags", [=] {
    const StreamPointer known = find_stream(stream);
    if (known == nullptr) return cudaErrorInvalidResourceHandle;
    if (flags == nullptr) return cudaErrorInvalidValue;
    *flags = known->waits_for_legacy || known->legacy ? cudaStreamDefault : cudaStreamNonBlocking;
    return cudaSuccess;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return api("cudaLaunchHostFunc", [=] {
    const StreamPointer known = find_stream(stream);
    if (known == nullptr) return cudaErrorInvalidResourceHandle;
    if (function == nullptr) return cudaErrorInvalidValue;
    if (const cudaError_t error = simt::check_stream(*known); error != cudaSuccess) return error;
    if (known->capture != nullptr && known->capture->graph->is_body) {
      return simt::invalid("a function of the host in the body of a loop", cudaErrorNotSupported);
    }
    simt::submit(known, "work:host function", [=] { function(data); });
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return api("cudaEventCreateWithFlags", [=] {
    if (event == nullptr || flags > 7) return cudaErrorInvalidValue;
    *event = reinterpret_cast<cudaEvent_t>(simt::make_event(simt::current_device(), flags));
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return api_release("cudaEventDestroy", [=] {
    Event* const known = find_event(event);
    if (known == nullptr) return simt::invalid("cudaEventDestroy of no event", cudaErrorInvalidResourceHandle);
    simt::destroy_event(known);
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return api("cudaEventRecord", [=] {
    Event* const known = find_event(event);
    const StreamPointer at = find_stream(stream);
    if (known == nullptr || at == nullptr) return cudaErrorInvalidResourceHandle;
    return simt::record(*known, at);
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return api("cudaEventSynchronize", [=] {
    const Event* const known = find_event(event);
    if (known == nullptr) return cudaErrorInvalidResourceHandle;
    if (known->capture != nullptr) return cudaErrorCapturedEvent;
    simt::run_until(known->ticket);
    return simt::sticky_error();
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return api("cudaEventQuery", [=] {
    const Event* const known = find_event(event);
    if (known == nullptr) return cudaErrorInvalidResourceHandle;
    if (known->capture != nullptr) return cudaErrorCapturedEvent;
    if (known->record == nullptr || known->record->done) return cudaSuccess;
    simt::run_step(known->ticket);
    return simt::sticky_error() != cudaSuccess ? simt::sticky_error() : cudaErrorNotReady;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return api("cudaEventElapsedTime", [=] {
    const Event* const first = find_event(start);
    const Event* const last = find_event(end);
    if (first == nullptr || last == nullptr) return cudaErrorInvalidResourceHandle;
    if (milliseconds == nullptr) return cudaErrorInvalidValue;
    if (first->record == nullptr || last->record == nullptr ||
        ((first->flags | last->flags) & cudaEventDisableTiming)) {
      return simt::invalid("cudaEventElapsedTime of an event that was not recorded or has no time",
                           cudaErrorInvalidResourceHandle);
    }
    if (!first->record->done || !last->record->done) return cudaErrorNotReady;
    *milliseconds = std::chrono::duration<float, std::milli>(last->record->when - first->record->when).count();
    return cudaSuccess;
  });
}
