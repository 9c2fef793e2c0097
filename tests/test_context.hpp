#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "orthant/context.hpp"
#include "tests/memory.hpp"

/// The backend that the suites run on is chosen by what a program links: cpu_context.cpp, or cuda_context.cpp for the
/// CUDA backend on a device or in the rig (tests/simt).
namespace orthant::test {

extern const bool kOnDevice;

/// `threads` is the CPU's; the CUDA backend has none.
Context make_context(int threads = 2, CountingMemory* memory = nullptr);

/// What the library's kernels on the host run for.
struct SimdTarget {
  std::string name;
  std::int64_t highway = 0;  ///< the instruction set, as Highway numbers them; 0: the best
};

/// What suites of kernels run for: every instruction set that the library has code for and this processor can run, best
/// first, or "CUDA".
std::vector<SimdTarget> simd_targets();

}  // namespace orthant::test
