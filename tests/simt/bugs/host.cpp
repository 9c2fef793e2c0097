// Wrong uses of the API by the host.

#include "tests/simt/bugs/bugs.hpp"

namespace bugs {

__global__ void set_one(Global<float> x) {
  x[threadIdx.x] = 1;  // bug: use_of_memory_in_wrong_order
}

SIMT_BUG(host_dereferences_device) {
  volatile float* const x = device_array<float>(4);
  x[1] = 2;  // bug: host_dereferences_device
}

SIMT_BUG(copy_past_end) {
  float values[8] = {};
  say("copy", cudaMemcpy(device_array<float>(7), values, sizeof values, cudaMemcpyHostToDevice));
}

SIMT_BUG(copy_of_wrong_kind) {
  float values[8] = {};
  say("copy", cudaMemcpy(values, device_array<float>(8), sizeof values, cudaMemcpyHostToDevice));
}

SIMT_BUG(pinned_memory_overwritten) {
  void* pinned = nullptr;
  cudaHostAlloc(&pinned, sizeof(float), cudaHostAllocDefault);
  float* const value = static_cast<float*>(pinned);
  const auto x = device_array<float>(1);
  const cudaStream_t stream = new_stream();
  *value = 1;
  cudaMemcpyAsync(x, value, sizeof(float), cudaMemcpyHostToDevice, stream);
  *value = 2;  // before the copy ran
  float got = 0;
  cudaMemcpyAsync(&got, x, sizeof got, cudaMemcpyDeviceToHost, stream);
  say("the device has", got);
}

SIMT_BUG(pinned_memory_freed) {
  void* pinned = nullptr;
  cudaHostAlloc(&pinned, sizeof(float), cudaHostAllocDefault);
  cudaMemcpyAsync(device_array<float>(1), pinned, sizeof(float), cudaMemcpyDefault, new_stream());
  cudaFreeHost(pinned);
}

SIMT_BUG(use_before_allocation) {
  const cudaStream_t owner = new_stream();
  const cudaStream_t other = new_stream();
  void* x = nullptr;
  cudaMallocAsync(&x, 32 * sizeof(float), owner);
  run(set_one, 1, 32, other, static_cast<float*>(x));
  say("synchronize", cudaStreamSynchronize(other));
}

SIMT_BUG(use_after_free) {
  const cudaStream_t owner = new_stream();
  void* x = nullptr;
  cudaMallocAsync(&x, 32 * sizeof(float), owner);
  cudaFreeAsync(x, owner);
  run(set_one, 1, 32, owner, static_cast<float*>(x));
  say("synchronize", cudaStreamSynchronize(owner));
}

SIMT_BUG(freed_twice) {
  const auto x = device_array<float>(4);
  say("first free", cudaFree(x));
  say("second free", cudaFree(x));
}

SIMT_BUG(leak) {
  device_array<float>(4);
  new_stream();
  const simt::Live live = simt::live();
  say("allocations", static_cast<double>(live.allocations));
  say("streams", static_cast<double>(live.streams));
}

__global__ void nothing() {}

SIMT_BUG(too_much_dynamic_shared) {
  cudaLaunchConfig_t config{};
  config.gridDim = config.blockDim = 1;
  config.dynamicSmemBytes = 48 * 1024 + 1;
  say("launch", cudaLaunchKernelEx(&config, nothing));
}

SIMT_BUG(block_too_large) { say("launch", run(nothing, 1, 1025, nullptr)); }

SIMT_BUG(empty_grid) { say("launch", run(nothing, 0, 32, nullptr)); }

SIMT_BUG(wait_in_capture) {
  const cudaStream_t stream = new_stream();
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed);
  run(nothing, 1, 1, stream);
  say("synchronize", cudaStreamSynchronize(stream));
  cudaGraph_t graph = nullptr;
  say("end", cudaStreamEndCapture(stream, &graph));
}

SIMT_BUG(device_wait_in_capture) {
  const cudaStream_t stream = new_stream();
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed);
  say("synchronize", cudaDeviceSynchronize());
  cudaGraph_t graph = nullptr;
  say("end", cudaStreamEndCapture(stream, &graph));
}

/// Has `capture` enqueue what becomes the body of a loop.
template <class Capture>
void capture_loop(Capture capture) {
  const cudaStream_t stream = new_stream();
  cudaGraph_t graph = nullptr;
  cudaGraphCreate(&graph, 0);
  cudaGraphNodeParams loop{};
  loop.type = cudaGraphNodeTypeConditional;
  cudaGraphConditionalHandleCreate(&loop.conditional.handle, graph, 1, cudaGraphCondAssignDefault);
  loop.conditional.type = cudaGraphCondTypeWhile;
  loop.conditional.size = 1;
  cudaGraphNode_t node = nullptr;
  cudaGraphAddNode(&node, graph, nullptr, nullptr, 0, &loop);
  cudaGraph_t body = loop.conditional.phGraph_out[0];
  cudaStreamBeginCaptureToGraph(stream, body, nullptr, nullptr, 0, cudaStreamCaptureModeRelaxed);
  capture(stream);
  say("end", cudaStreamEndCapture(stream, &body));
}

SIMT_BUG(host_function_in_loop) {
  capture_loop([](cudaStream_t stream) {
    say("launch", cudaLaunchHostFunc(
                      stream, [](void*) {}, nullptr));
  });
}

SIMT_BUG(pageable_copy_to_loop) {
  const auto x = device_array<float>(1);
  const float value = 1;
  capture_loop([&](cudaStream_t stream) {
    say("copy", cudaMemcpyAsync(x, &value, sizeof value, cudaMemcpyHostToDevice, stream));
  });
}

SIMT_BUG(pageable_copy_from_loop) {
  const auto x = device_array<float>(1);
  float value = 1;
  capture_loop([&](cudaStream_t stream) {
    say("copy", cudaMemcpyAsync(&value, x, sizeof value, cudaMemcpyDeviceToHost, stream));
  });
}

SIMT_BUG(unjoined_fork) {
  const cudaStream_t stream = new_stream();
  const cudaStream_t side = new_stream();
  cudaEvent_t fork = nullptr;
  cudaEventCreateWithFlags(&fork, cudaEventDisableTiming);
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed);
  run(nothing, 1, 1, stream);
  cudaEventRecord(fork, stream);
  cudaStreamWaitEvent(side, fork, 0);
  run(nothing, 1, 1, side);
  cudaGraph_t graph = nullptr;
  say("end", cudaStreamEndCapture(stream, &graph));
}

SIMT_BUG(allocation_in_capture) {
  const cudaStream_t stream = new_stream();
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal);
  void* data = nullptr;
  say("allocation", cudaMalloc(&data, 16));
  cudaGraph_t graph = nullptr;
  say("end", cudaStreamEndCapture(stream, &graph));
}

SIMT_BUG(call_from_host_function) {
  const cudaHostFn_t call = [](void*) { say("inside", cudaStreamSynchronize(nullptr)); };
  cudaLaunchHostFunc(new_stream(), call, nullptr);
}

}  // namespace bugs
