// Capture of streams, graphs and conditional nodes.

#include "tests/simt/graph.hpp"

#include <algorithm>
#include <set>

#include "tests/simt/cudart/api.hpp"
#include "tests/simt/faults.hpp"
#include "tests/simt/rig.hpp"
#include "tests/simt/streams.hpp"

namespace simt {
namespace {

Node* node_of(cudaGraphNode_t handle) { return reinterpret_cast<Node*>(handle); }

/// The nodes as the graph's own; false if one is not.
bool nodes_of(const Graph& graph, const cudaGraphNode_t* handles, std::size_t count, std::vector<Node*>& nodes) {
  for (std::size_t i = 0; i < count; ++i) {
    nodes.push_back(node_of(handles[i]));
    if (!graph.owns(nodes.back())) return false;
  }
  return true;
}

cudaError_t begin_capture(cudaStream_t handle, cudaStreamCaptureMode mode, Graph* given, std::vector<Node*> frontier) {
  static unsigned long long last_id = 0;
  const StreamPointer stream = find_stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (mode < cudaStreamCaptureModeGlobal || mode > cudaStreamCaptureModeRelaxed) return cudaErrorInvalidValue;
  if (stream->legacy) return invalid("capture of the legacy stream", cudaErrorStreamCaptureUnsupported);
  if (stream->capture != nullptr) return cudaErrorIllegalState;
  auto capture = std::make_shared<Capture>();
  if (given == nullptr) capture->owned = std::make_unique<Graph>();
  capture->graph = given != nullptr ? given : capture->owned.get();
  capture->origin = stream.get();
  capture->mode = mode;
  capture->id = ++last_id;
  capture->thread = std::this_thread::get_id();
  stream->capture = std::move(capture);
  stream->frontier = std::move(frontier);
  return cudaSuccess;
}

/// Whether every node of the graph comes before the stream's place in it.
bool all_joined(const Graph& graph, const std::vector<Node*>& frontier, const std::vector<StreamPointer>& others) {
  std::set<const Node*> reached;
  std::vector<const Node*> next(frontier.begin(), frontier.end());
  while (!next.empty()) {
    const Node* const node = next.back();
    next.pop_back();
    if (reached.insert(node).second) next.insert(next.end(), node->after.begin(), node->after.end());
  }
  for (const StreamPointer& other : others) {
    for (const Node* node : other->frontier) {
      if (graph.owns(node) && reached.count(node) == 0) return false;
    }
  }
  return true;
}

cudaError_t end_capture(cudaStream_t handle, cudaGraph_t* graph) {
  const StreamPointer stream = find_stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (graph != nullptr) *graph = nullptr;
  const std::shared_ptr<Capture> capture = stream->capture;
  if (capture == nullptr) return cudaErrorIllegalState;
  if (capture->origin != stream.get()) {
    capture->valid = false;
    return cudaErrorStreamCaptureUnmatched;
  }
  if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id()) {
    return cudaErrorStreamCaptureWrongThread;
  }
  const std::vector<StreamPointer> others = streams_of(*capture);
  const bool joined = all_joined(*capture->graph, stream->frontier, others);
  for (const StreamPointer& each : others) {
    each->capture = nullptr;
    each->frontier.clear();
  }
  if (!capture->valid) return cudaErrorStreamCaptureInvalidated;
  capture->valid = false;  // events that were recorded in it name it still
  if (!joined) return cudaErrorStreamCaptureUnjoined;
  if (graph == nullptr) return cudaErrorInvalidValue;
  *graph = simt::handle(capture->owned != nullptr ? own_graph(std::move(capture->owned)) : capture->graph);
  return cudaSuccess;
}

cudaError_t add_node(cudaGraphNode_t* out, cudaGraph_t handle, const cudaGraphNode_t* after, std::size_t count,
                     cudaGraphNodeParams* parameters) {
  Graph* const graph = find_graph(handle);
  if (out == nullptr || graph == nullptr || parameters == nullptr || (count > 0 && after == nullptr)) {
    return cudaErrorInvalidValue;
  }
  std::vector<Node*> before;
  if (!nodes_of(*graph, after, count, before)) return invalid("cudaGraphAddNode after a node of another graph");
  if (parameters->type == cudaGraphNodeTypeEmpty) {
    *out = reinterpret_cast<cudaGraphNode_t>(graph->add(
        "", [] {}, std::move(before)));
    return cudaSuccess;
  }
  cudaConditionalNodeParams& conditional = parameters->conditional;
  if (parameters->type != cudaGraphNodeTypeConditional || conditional.type != cudaGraphCondTypeWhile) {
    return invalid("cudaGraphAddNode: the rig adds empty and WHILE nodes only", cudaErrorNotSupported);
  }
  if (conditional.size != 1) return invalid("a WHILE node has one graph");
  const auto condition = std::find_if(graph->conditions.begin(), graph->conditions.end(),
                                      [&](const auto& each) { return each->handle == conditional.handle; });
  if (condition == graph->conditions.end()) return invalid("the handle was not created for this graph");
  Node* const node = graph->add_loop(*condition, std::move(before));
  node->body_handle = simt::handle(node->body.get());
  conditional.phGraph_out = &node->body_handle;
  *out = reinterpret_cast<cudaGraphNode_t>(node);
  return cudaSuccess;
}

cudaError_t instantiate(cudaGraphExec_t* out, cudaGraph_t handle, unsigned long long flags) {
  Graph* const graph = find_graph(handle);
  if (out == nullptr || graph == nullptr) return cudaErrorInvalidValue;
  if (flags != 0) return invalid("cudaGraphInstantiate: the rig knows no flags", cudaErrorNotSupported);
  if (!graph->conditions.empty() && graph->instantiated) {
    return invalid("a graph with conditional nodes is instantiated once only", cudaErrorNotSupported);
  }
  graph->instantiated = true;
  *out = own_executable(std::make_shared<Executable>(*graph));
  return cudaSuccess;
}

cudaError_t launch_graph(cudaGraphExec_t handle, cudaStream_t stream) {
  const std::shared_ptr<Executable> executable = find_executable(handle);
  const StreamPointer known = find_stream(stream);
  if (executable == nullptr) return invalid("cudaGraphLaunch of what is no executable graph");
  if (known == nullptr) return cudaErrorInvalidResourceHandle;
  if (known->capture != nullptr) {
    known->capture->valid = false;
    return invalid("a graph launched in a capture: the rig has no child graphs", cudaErrorStreamCaptureUnsupported);
  }
  if (const cudaError_t error = check_stream(*known); error != cudaSuccess) return error;
  submit(known, "work:graph", [executable] { executable->launch(); });
  return cudaSuccess;
}

cudaError_t capture_info(cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* id,
                         cudaGraph_t* graph, const cudaGraphNode_t** after, std::size_t* count) {
  const StreamPointer known = find_stream(stream);
  if (known == nullptr) return cudaErrorInvalidResourceHandle;
  if (status == nullptr) return cudaErrorInvalidValue;
  if (known->legacy && check_stream(*known) != cudaSuccess) return cudaErrorStreamCaptureImplicit;
  const std::shared_ptr<Capture> capture = known->capture;
  *status = capture == nullptr ? cudaStreamCaptureStatusNone
            : capture->valid   ? cudaStreamCaptureStatusActive
                               : cudaStreamCaptureStatusInvalidated;
  if (*status != cudaStreamCaptureStatusActive) return cudaSuccess;
  if (id != nullptr) *id = capture->id;
  if (graph != nullptr) *graph = simt::handle(capture->graph);
  if (after != nullptr) *after = reinterpret_cast<const cudaGraphNode_t*>(known->frontier.data());
  if (count != nullptr) *count = known->frontier.size();
  return cudaSuccess;
}

cudaError_t update_dependencies(cudaStream_t stream, const cudaGraphNode_t* nodes, std::size_t count, unsigned flags) {
  const StreamPointer known = find_stream(stream);
  if (known == nullptr) return cudaErrorInvalidResourceHandle;
  if (known->capture == nullptr) return cudaErrorIllegalState;
  if (!known->capture->valid) return cudaErrorStreamCaptureInvalidated;
  if (flags > cudaStreamSetCaptureDependencies) return cudaErrorInvalidValue;
  std::vector<Node*> given;
  if (!nodes_of(*known->capture->graph, nodes, count, given)) return cudaErrorInvalidValue;
  if (flags == cudaStreamSetCaptureDependencies) known->frontier.clear();
  known->frontier.insert(known->frontier.end(), given.begin(), given.end());
  return cudaSuccess;
}

}  // namespace
}  // namespace simt

using simt::api;
using simt::api_release;
using simt::find_graph;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return api("cudaStreamBeginCapture", [=] { return simt::begin_capture(stream, mode, nullptr, {}); });
}

cudaError_t cudaStreamBeginCaptureToGraph(cudaStream_t stream, cudaGraph_t graph, const cudaGraphNode_t* after,
                                          const cudaGraphEdgeData* edges, std::size_t count,
                                          cudaStreamCaptureMode mode) {
  return api("cudaStreamBeginCaptureToGraph", [=] {
    simt::Graph* const known = find_graph(graph);
    std::vector<simt::Node*> frontier;
    if (known == nullptr || edges != nullptr || !simt::nodes_of(*known, after, count, frontier)) {
      return cudaErrorInvalidValue;
    }
    return simt::begin_capture(stream, mode, known, std::move(frontier));
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return api_release("cudaStreamEndCapture", [=] { return simt::end_capture(stream, graph); });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return api("cudaStreamIsCapturing",
             [=] { return simt::capture_info(stream, status, nullptr, nullptr, nullptr, nullptr); });
}

cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* id,
                                     cudaGraph_t* graph, const cudaGraphNode_t** after, const cudaGraphEdgeData** edges,
                                     std::size_t* count) {
  return api("cudaStreamGetCaptureInfo", [=] {
    if (edges != nullptr) *edges = nullptr;
    return simt::capture_info(stream, status, id, graph, after, count);
  });
}

cudaError_t cudaStreamUpdateCaptureDependencies(cudaStream_t stream, cudaGraphNode_t* nodes,
                                                const cudaGraphEdgeData* edges, std::size_t count, unsigned flags) {
  return api("cudaStreamUpdateCaptureDependencies", [=] {
    if (edges != nullptr || (count > 0 && nodes == nullptr)) return cudaErrorInvalidValue;
    return simt::update_dependencies(stream, nodes, count, flags);
  });
}

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned flags) {
  return api("cudaGraphCreate", [=] {
    if (graph == nullptr || flags != 0) return cudaErrorInvalidValue;
    *graph = simt::handle(simt::own_graph(std::make_unique<simt::Graph>()));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphAddNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* after,
                             const cudaGraphEdgeData* edges, std::size_t count, cudaGraphNodeParams* parameters) {
  return api("cudaGraphAddNode", [=] {
    if (edges != nullptr) return cudaErrorInvalidValue;
    return simt::add_node(node, graph, after, count, parameters);
  });
}

cudaError_t cudaGraphConditionalHandleCreate(cudaGraphConditionalHandle* handle, cudaGraph_t graph, unsigned first,
                                             unsigned flags) {
  return api("cudaGraphConditionalHandleCreate", [=] {
    simt::Graph* const known = find_graph(graph);
    if (handle == nullptr || known == nullptr || flags > cudaGraphCondAssignDefault) return cudaErrorInvalidValue;
    known->conditions.push_back(simt::make_condition(first, flags == cudaGraphCondAssignDefault));
    *handle = known->conditions.back()->handle;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  return api("cudaGraphGetNodes", [=] {
    const simt::Graph* const known = find_graph(graph);
    if (known == nullptr || count == nullptr) return cudaErrorInvalidValue;
    for (std::size_t i = 0; nodes != nullptr && i < *count; ++i) {
      nodes[i] = i < known->nodes.size() ? reinterpret_cast<cudaGraphNode_t>(known->nodes[i].get()) : nullptr;
    }
    *count = nodes == nullptr ? known->nodes.size() : std::min(*count, known->nodes.size());
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags) {
  return api("cudaGraphInstantiate", [=] { return simt::instantiate(executable, graph, flags); });
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags) {
  return api("cudaGraphInstantiateWithFlags", [=] { return simt::instantiate(executable, graph, flags); });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream) {
  return api("cudaGraphUpload", [=] {
    if (simt::find_executable(executable) == nullptr) return cudaErrorInvalidValue;
    return simt::find_stream(stream) == nullptr ? cudaErrorInvalidResourceHandle : cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return api("cudaGraphLaunch", [=] { return simt::launch_graph(executable, stream); });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return api_release("cudaGraphDestroy", [=] {
    return simt::destroy_graph(graph) ? cudaSuccess
                                      : simt::invalid("cudaGraphDestroy of what is no graph that was made");
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return api_release("cudaGraphExecDestroy", [=] {
    return simt::destroy_executable(executable) ? cudaSuccess
                                                : simt::invalid("cudaGraphExecDestroy of what is no executable graph");
  });
}
