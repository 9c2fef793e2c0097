#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"

namespace orthant::cuda {

// Sorting and scanning, by CUB on the Context's stream and memory. The test rig has its own
// (tests/simt/algorithms.cpp), since CUB is compiled by nvcc only.

/// Sorts `count` pairs by key, in place; pairs of equal keys keep their order. Keys are in [0, bound).
void stable_sort_by_key(const Gpu&, std::int64_t count, std::int32_t* keys, std::int64_t* values, std::int64_t bound);

/// data[i] = sum of data[0 .. i-1].
void exclusive_sum(const Gpu&, std::int64_t count, std::int64_t* data);

}  // namespace orthant::cuda
