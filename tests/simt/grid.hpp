#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "tests/simt/launch.hpp"

namespace simt {

/// A grid that runs.
struct Launch {
  const KernelCall& call;
  const std::function<void()>& body;
  const std::string& name;
  std::size_t shared_limit;    // of a block, static arrays and dynamic memory together
  std::size_t shared_dynamic;  // which the latter may take
  std::atomic<bool> failed = false;
  char fence = 0;  // where fences meet, for the thread sanitizer
};

/// Blocks are dealt to this many threads, the i-th to i % kWorkers: which blocks can race does not depend on who wakes
/// first.
inline constexpr unsigned kWorkers = 3;

/// Runs all blocks; returns when all have ended, or when each worker has ended its block after one has failed.
void run_grid(Launch& launch);

}  // namespace simt
