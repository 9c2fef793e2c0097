#pragma once

#include <cuda_runtime.h>

#include <atomic>
#include <memory>

namespace simt {

/// The value that a conditional node reads and that kernels set.
struct Condition {
  cudaGraphConditionalHandle handle = 0;
  unsigned first = 0;  // at each launch of the graph, if it is set
  bool sets_first = false;
  std::atomic<unsigned> value = 0;
};

/// Handles are valid while a graph or an executable graph holds the condition.
std::shared_ptr<Condition> make_condition(unsigned first, bool sets_first);
/// Null if there is none.
Condition* find_condition(cudaGraphConditionalHandle handle);

}  // namespace simt
