// Sorting and scanning for the rig, in place of cuda/algorithms.cu.

#include <algorithm>
#include <numeric>
#include <vector>

#include "cuda/algorithms.hpp"
#include "tests/simt/rig.hpp"

namespace orthant::cuda {

void stable_sort_by_key(const Gpu& gpu, std::int64_t count, std::int32_t* keys, std::int64_t* values,
                        std::int64_t bound) {
  const Gpu::Current current(gpu);
  const core::Buffer<std::int32_t> other_keys(gpu.memory(), count);  // as CUB's takes
  const core::Buffer<std::int64_t> other_values(gpu.memory(), count);
  simt::enqueue(gpu.stream(), "stable_sort_by_key", [=] {
    std::vector<std::pair<std::int32_t, std::int64_t>> pairs(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) pairs[static_cast<std::size_t>(i)] = {keys[i], values[i]};
    if (!std::all_of(pairs.begin(), pairs.end(), [&](const auto& p) { return p.first >= 0 && p.first < bound; })) {
      std::fill_n(values, count, -1);  // as unusable as what a sort by too few bits gives
      return;
    }
    std::stable_sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::int64_t i = 0; i < count; ++i) std::tie(keys[i], values[i]) = pairs[static_cast<std::size_t>(i)];
  });
}

void exclusive_sum(const Gpu& gpu, std::int64_t count, std::int64_t* data) {
  const Gpu::Current current(gpu);
  simt::enqueue(gpu.stream(), "exclusive_sum", [=] { std::exclusive_scan(data, data + count, data, std::int64_t{0}); });
}

}  // namespace orthant::cuda
