#pragma once

// Streams: queues that run as late as the semantics allow, when the host waits for them.

#include <cuda_runtime.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/simt/graph.hpp"

namespace simt {

struct Stream;
using StreamPointer = std::shared_ptr<Stream>;

/// The end of the n-th item of a stream.
struct Ticket {
  StreamPointer stream;
  std::int64_t number = 0;
};

struct Item {
  std::string name;  // empty: the rig's own bookkeeping, which goes on after a fault
  std::function<void()> work;
  std::vector<Ticket> after;
};

/// A capture: the graph that grows, the stream that began it, and where each of its streams stands in the graph.
struct Capture {
  Graph* graph;
  std::unique_ptr<Graph> owned;  // none if the graph was given
  Stream* origin;
  cudaStreamCaptureMode mode;
  unsigned long long id;
  std::thread::id thread;
  bool valid = true;
};

struct Stream {
  int device = 0;
  bool waits_for_legacy = true;
  bool legacy = false;
  std::deque<Item> queue;
  std::int64_t issued = 0, done = 0;
  std::shared_ptr<Capture> capture;
  std::vector<Node*> frontier;

  cudaStream_t handle() { return reinterpret_cast<cudaStream_t>(this); }
  Ticket last(const StreamPointer& self) const { return {self, issued}; }
};

struct Event {
  struct Record {
    bool done = false;
    std::chrono::steady_clock::time_point when;
  };
  unsigned flags = 0;
  int device = 0;
  Ticket ticket;
  std::shared_ptr<Record> record;
  // Recorded in a capture: the nodes that come before it.
  std::shared_ptr<Capture> capture;
  std::vector<Node*> frontier;
};

/// Null for a handle of no stream. The default streams are of the current device and thread.
StreamPointer find_stream(cudaStream_t handle);
StreamPointer make_stream(int device, bool waits_for_legacy);
void destroy_stream(const StreamPointer& stream);
Event* find_event(cudaEvent_t handle);
Event* make_event(int device, unsigned flags);
void destroy_event(Event* event);
std::int64_t stream_count();
std::int64_t event_count();

/// What a submission to the stream would be refused with now: captures that it would break.
cudaError_t check_stream(const Stream& stream);
/// Adds work to the stream, or a node to its capture.
void submit(const StreamPointer& stream, std::string name, std::function<void()> work);

/// Runs what must have run for the host to see the ticket done.
void run_until(const Ticket& ticket);
/// One step towards it, for a host that polls.
void run_step(const Ticket& ticket);
/// Everything on all streams of the device; streams made last come first.
void run_device(int device);
void drop_all_work();

/// The streams that take part in a capture.
std::vector<StreamPointer> streams_of(const Capture& capture);
/// For calls that wait for the whole device: any capture on it is then invalid; false if there is none.
bool break_captures(int device);
/// Whether a capture on any stream forbids calls that might wait; it is then invalid.
bool forbids_unsafe_calls();

/// For executables: one piece of work, unless the device is in an error that sticks. Counts it by name.
void run_work(const std::string& name, const std::function<void()>& work);
bool has_failed();
/// Whether the calling thread is inside of work.
bool in_work();

int current_device();
void set_current_device(int device);

}  // namespace simt
