#pragma once

#include <cstdint>
#include <string>

namespace simt {

/// Counts work that runs: "kernel:NAME" or "work:NAME".
void count_work(const std::string& name);
std::int64_t handle_count();

}  // namespace simt
