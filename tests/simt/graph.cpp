#include "tests/simt/graph.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tests/simt/streams.hpp"

namespace simt {
namespace {

struct Handles {
  std::set<Graph*> known;  // bodies of loops and graphs being captured too
  std::map<Graph*, std::unique_ptr<Graph>> owned;
  std::map<Executable*, std::shared_ptr<Executable>> executables;
};

Handles& handles() {
  static auto* const all = new Handles;
  return *all;
}

}  // namespace

Graph::Graph() { handles().known.insert(this); }
Graph::~Graph() { handles().known.erase(this); }

Node* Graph::add(std::string name, std::function<void()> work, std::vector<Node*> after) {
  nodes.push_back(std::make_unique<Node>());
  Node* const node = nodes.back().get();
  node->name = std::move(name);
  node->work = std::move(work);
  node->after = std::move(after);
  return node;
}

Node* Graph::add_loop(std::shared_ptr<Condition> condition, std::vector<Node*> after) {
  Node* const node = add("conditional", {}, std::move(after));
  node->condition = std::move(condition);
  node->body = std::make_unique<Graph>();
  node->body->is_body = true;
  return node;
}

bool Graph::owns(const Node* node) const {
  return std::any_of(nodes.begin(), nodes.end(), [node](const auto& each) { return each.get() == node; });
}

Executable::Executable(const Graph& graph) : conditions_(graph.conditions) {
  std::map<const Node*, std::size_t> numbers;
  for (const auto& node : graph.nodes) numbers[node.get()] = numbers.size();
  for (const auto& node : graph.nodes) {
    Step step{node->name, node->work, {}, node->condition, nullptr};
    for (const Node* before : node->after) step.after.push_back(numbers.at(before));
    if (node->body != nullptr) step.body = std::make_unique<Executable>(*node->body);
    steps_.push_back(std::move(step));
  }
}

void Executable::launch() const {
  for (const auto& condition : conditions_) {
    if (condition->sets_first) condition->value.store(condition->first, std::memory_order_relaxed);
  }
  run();
}

void Executable::run() const {
  // Of the nodes that may run, the last added: what order of capture hides, shows.
  std::vector<bool> done(steps_.size());
  for (std::size_t count = 0; count < steps_.size(); ++count) {
    std::size_t next = steps_.size() - 1;
    const auto may_run = [&](std::size_t i) {
      return !done[i] && std::all_of(steps_[i].after.begin(), steps_[i].after.end(), [&](auto j) { return done[j]; });
    };
    while (!may_run(next)) --next;
    const Step& step = steps_[next];
    if (step.body == nullptr) run_work(step.name, step.work);
    while (step.body != nullptr && step.condition->value.load(std::memory_order_relaxed) != 0 && !has_failed()) {
      step.body->run();
    }
    done[next] = true;
  }
}

cudaGraph_t handle(Graph* graph) { return reinterpret_cast<cudaGraph_t>(graph); }

Graph* find_graph(cudaGraph_t handle) {
  auto* const graph = reinterpret_cast<Graph*>(handle);
  return handles().known.count(graph) != 0 ? graph : nullptr;
}

Graph* own_graph(std::unique_ptr<Graph> graph) {
  Graph* const known = graph.get();
  handles().owned[known] = std::move(graph);
  return known;
}

bool destroy_graph(cudaGraph_t handle) { return handles().owned.erase(reinterpret_cast<Graph*>(handle)) != 0; }

cudaGraphExec_t own_executable(std::shared_ptr<Executable> executable) {
  Executable* const known = executable.get();
  handles().executables[known] = std::move(executable);
  return reinterpret_cast<cudaGraphExec_t>(known);
}

std::shared_ptr<Executable> find_executable(cudaGraphExec_t handle) {
  const auto found = handles().executables.find(reinterpret_cast<Executable*>(handle));
  return found == handles().executables.end() ? nullptr : found->second;
}

bool destroy_executable(cudaGraphExec_t handle) {
  return handles().executables.erase(reinterpret_cast<Executable*>(handle)) != 0;
}

std::int64_t graph_count() { return static_cast<std::int64_t>(handles().owned.size()); }
std::int64_t executable_count() { return static_cast<std::int64_t>(handles().executables.size()); }

}  // namespace simt
