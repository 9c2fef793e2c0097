#pragma once

// What tests and the substitutes of cuBLAS and cuSPARSE see of the rig.

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "tests/simt/launch.hpp"

namespace simt {

// ---- For substitutes of libraries.

/// Runs `work` later, in the order of the stream, with device memory accessible. While the stream is being captured it
/// becomes a node of the graph instead, and may run many times. `name` is for reports and counts.
void enqueue(cudaStream_t stream, const char* name, std::function<void()> work);

/// Counts a call of an entry point; true if this call was told to fail.
bool enter(const char* name);

/// Whether [pointer, pointer + bytes) lies in one live allocation of device memory, or of pinned host memory: as the
/// host sees them in a call of the API, as the stream sees them in work that runs.
bool on_device(const void* pointer, std::size_t bytes);
bool is_pinned(const void* pointer, std::size_t bytes);

/// Whether the stream is one that the API accepts.
bool is_stream(cudaStream_t stream);
bool is_capturing(cudaStream_t stream);

/// Handles and descriptors of the libraries: +1 made, -1 destroyed.
void add_handle(int change);

/// Adds a fault to the report; work that calls this leaves the device in an error that sticks.
void report(const std::string& text);
void fault(const std::string& text);

// ---- For tests.

/// Calls by entry point, and what ran on streams: "kernel:NAME" for each run of a kernel (a replay of a graph runs all
/// of its kernels), "work:NAME" for the libraries' work and copies.
std::map<std::string, std::int64_t> calls();
void reset_calls();
std::int64_t calls_made();

/// The n-th counted call from now on (from 1) fails, once. -1: none. A call that releases something releases it all the
/// same.
void fail_at(std::int64_t n);

struct Live {
  std::int64_t allocations = 0, bytes = 0, pinned = 0, streams = 0, events = 0, graphs = 0, graph_execs = 0,
               handles = 0;
  bool operator==(const Live&) const = default;
};
Live live();

/// Peak of the bytes of device memory that were allocated at one time.
std::int64_t peak_bytes();
void reset_peak();

/// The faults since the last call: what, kernel, block, thread, file:line. Empty if none.
std::string take_report();

/// Ends an error that sticks, which on a real device only the end of the process does; work still queued is dropped.
void clear_error();

/// If set, launches go to it instead of the compiled kernel.
void set_kernel_executor(std::function<void(const KernelCall&)> executor);

/// What the pretended device looks like: an H100 unless told otherwise.
void set_properties(const cudaDeviceProp& properties);
void set_device_count(int count);      // 0: no device
void set_driver_version(int version);  // 0: no driver
/// What every call fails with, as on a machine that is not set up; what a device fails with as it is initialized.
void set_machine_error(cudaError_t error);
void set_device_error(cudaError_t error);
/// Whether kernels have code for the device.
void set_code_for_device(bool there);
/// The compute capability (75: 7.5) whose PTX the code was made from; 0: the device's own.
void set_code_capability(int capability);
/// All of it as it was at the start, and the first device the calling thread's current one.
void reset_machine();

}  // namespace simt
