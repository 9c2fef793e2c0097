#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/simt/conditions.hpp"

namespace simt {

struct Graph;

/// Work, or a loop over a graph of its own.
struct Node {
  std::string name;
  std::function<void()> work;
  std::vector<Node*> after;
  std::shared_ptr<Condition> condition;
  std::unique_ptr<Graph> body;
  cudaGraph_t body_handle = nullptr;
};

struct Graph {
  Graph();
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  Node* add(std::string name, std::function<void()> work, std::vector<Node*> after);
  Node* add_loop(std::shared_ptr<Condition> condition, std::vector<Node*> after);
  bool owns(const Node* node) const;

  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<std::shared_ptr<Condition>> conditions;
  bool instantiated = false;
  bool is_body = false;  // of a loop
};

/// A graph made ready to run: a copy, which lives on when the graph is changed or destroyed.
class Executable {
 public:
  explicit Executable(const Graph& graph);
  /// As one launch: sets the conditions to their first values and runs all nodes.
  void launch() const;

 private:
  struct Step {
    std::string name;
    std::function<void()> work;
    std::vector<std::size_t> after;
    std::shared_ptr<Condition> condition;
    std::unique_ptr<Executable> body;
  };
  void run() const;

  std::vector<Step> steps_;
  std::vector<std::shared_ptr<Condition>> conditions_;
};

// Handles. Find gives null for what is none.
cudaGraph_t handle(Graph* graph);
Graph* find_graph(cudaGraph_t handle);
Graph* own_graph(std::unique_ptr<Graph> graph);
bool destroy_graph(cudaGraph_t handle);
cudaGraphExec_t own_executable(std::shared_ptr<Executable> executable);
std::shared_ptr<Executable> find_executable(cudaGraphExec_t handle);
bool destroy_executable(cudaGraphExec_t handle);
std::int64_t graph_count();
std::int64_t executable_count();

}  // namespace simt
