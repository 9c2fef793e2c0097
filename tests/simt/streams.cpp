#include "tests/simt/streams.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "tests/simt/counts.hpp"
#include "tests/simt/faults.hpp"
#include "tests/simt/memory.hpp"

namespace simt {
namespace {

struct Streams {
  std::vector<StreamPointer> all;  // in the order in which they were made; the default ones too
  std::map<int, StreamPointer> legacy;
  std::set<Stream*> user;
  std::map<Event*, std::unique_ptr<Event>> events;
};

Streams& streams() {
  static auto* const all = new Streams;
  return *all;
}

thread_local int device_of_thread = 0;
thread_local bool working = false;
thread_local std::map<int, std::weak_ptr<Stream>> streams_of_thread;

StreamPointer add_stream(int device, bool waits_for_legacy, bool legacy) {
  auto stream = std::make_shared<Stream>();
  stream->device = device;
  stream->waits_for_legacy = waits_for_legacy;
  stream->legacy = legacy;
  streams().all.push_back(stream);
  return stream;
}

StreamPointer legacy_stream(int device) {
  StreamPointer& stream = streams().legacy[device];
  if (stream == nullptr) stream = add_stream(device, false, true);
  return stream;
}

StreamPointer thread_stream(int device) {
  std::weak_ptr<Stream>& known = streams_of_thread[device];
  StreamPointer stream = known.lock();
  if (stream == nullptr) known = stream = add_stream(device, true, false);
  return stream;
}

/// Work of the legacy stream waits for all blocking streams of its device, and theirs for it.
std::vector<Ticket> implied_waits(const Stream& stream) {
  std::vector<Ticket> waits;
  for (const StreamPointer& other : streams().all) {
    const bool each_other = (stream.legacy && other->waits_for_legacy) || (other->legacy && stream.waits_for_legacy);
    if (each_other && other->device == stream.device && other->issued > other->done)
      waits.push_back(other->last(other));
  }
  return waits;
}

void run_next(Stream& stream) {
  const Item item = std::move(stream.queue.front());
  stream.queue.pop_front();
  for (const Ticket& each : item.after) run_until(each);
  run_work(item.name, item.work);
  ++stream.done;
}

/// Streams that nobody can name any more go when they have run dry.
void drop_finished() {
  std::erase_if(streams().all, [](const StreamPointer& each) {
    return each.use_count() == 1 && each->queue.empty() && streams().user.count(each.get()) == 0;
  });
}

}  // namespace

StreamPointer find_stream(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy) return legacy_stream(device_of_thread);
  if (handle == cudaStreamPerThread) return thread_stream(device_of_thread);
  for (const StreamPointer& each : streams().all) {
    if (each.get() == reinterpret_cast<Stream*>(handle) && streams().user.count(each.get()) != 0) return each;
  }
  return nullptr;
}

StreamPointer make_stream(int device, bool waits_for_legacy) {
  drop_finished();
  StreamPointer stream = add_stream(device, waits_for_legacy, false);
  streams().user.insert(stream.get());
  return stream;
}

void destroy_stream(const StreamPointer& stream) {
  if (stream->capture != nullptr) stream->capture->valid = false;
  streams().user.erase(stream.get());  // its work goes on
}

Event* find_event(cudaEvent_t handle) {
  const auto found = streams().events.find(reinterpret_cast<Event*>(handle));
  return found == streams().events.end() ? nullptr : found->first;
}

Event* make_event(int device, unsigned flags) {
  auto event = std::make_unique<Event>();
  event->device = device;
  event->flags = flags;
  Event* const known = event.get();
  streams().events[known] = std::move(event);
  return known;
}

void destroy_event(Event* event) { streams().events.erase(event); }

std::int64_t stream_count() { return static_cast<std::int64_t>(streams().user.size()); }
std::int64_t event_count() { return static_cast<std::int64_t>(streams().events.size()); }

cudaError_t check_stream(const Stream& stream) {
  if (stream.capture != nullptr) return stream.capture->valid ? cudaSuccess : cudaErrorStreamCaptureInvalidated;
  if (!stream.legacy) return cudaSuccess;
  for (const StreamPointer& other : streams().all) {
    if (other->capture == nullptr || !other->waits_for_legacy || other->device != stream.device) continue;
    other->capture->valid = false;
    return cudaErrorStreamCaptureImplicit;
  }
  return cudaSuccess;
}

void submit(const StreamPointer& stream, std::string name, std::function<void()> work) {
  if (stream->capture != nullptr) {
    stream->frontier = {stream->capture->graph->add(std::move(name), std::move(work), stream->frontier)};
    return;
  }
  stream->queue.push_back({std::move(name), std::move(work), implied_waits(*stream)});
  ++stream->issued;
}

void run_until(const Ticket& ticket) {
  if (ticket.stream == nullptr || ticket.stream->done >= ticket.number) return;
  const OpenMemory open;
  const StreamPointer stream = ticket.stream;
  while (stream->done < ticket.number) run_next(*stream);
}

void run_step(const Ticket& ticket) {
  if (ticket.stream == nullptr || ticket.stream->done >= ticket.number) return;
  const OpenMemory open;
  run_next(*ticket.stream);
}

void run_device(int device) {
  const std::vector<StreamPointer> all = streams().all;
  for (auto each = all.rbegin(); each != all.rend(); ++each) {
    if ((*each)->device == device) run_until((*each)->last(*each));
  }
}

void drop_all_work() {
  for (const StreamPointer& each : streams().all) {
    for (const Item& item : each->queue) {
      if (item.name.empty()) item.work();
    }
    each->queue.clear();
    each->done = each->issued;
  }
}

std::vector<StreamPointer> streams_of(const Capture& capture) {
  std::vector<StreamPointer> found;
  for (const StreamPointer& each : streams().all) {
    if (each->capture.get() == &capture) found.push_back(each);
  }
  return found;
}

bool break_captures(int device) {
  bool any = false;
  for (const StreamPointer& each : streams().all) {
    if (each->capture == nullptr || each->device != device) continue;
    each->capture->valid = false;
    any = true;
  }
  return any;
}

bool forbids_unsafe_calls() {
  bool forbidden = false;
  for (const StreamPointer& each : streams().all) {
    if (each->capture == nullptr || each->capture->origin != each.get()) continue;
    Capture& capture = *each->capture;
    const bool mine = capture.thread == std::this_thread::get_id();
    if (capture.mode == cudaStreamCaptureModeGlobal || (capture.mode == cudaStreamCaptureModeThreadLocal && mine)) {
      capture.valid = false;
      forbidden = true;
    }
  }
  return forbidden;
}

void run_work(const std::string& name, const std::function<void()>& work) {
  if (name.empty()) return work();
  if (has_failed()) return;
  count_work(name);
  const bool outer = std::exchange(working, true);
  work();
  working = outer;
}

bool has_failed() { return sticky_error() != cudaSuccess; }

bool in_work() { return working; }

int current_device() { return device_of_thread; }
void set_current_device(int device) { device_of_thread = device; }

}  // namespace simt
