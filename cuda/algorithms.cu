#include "cuda/algorithms.hpp"

#include <bit>
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>

namespace orthant::cuda {
namespace {

// CUB's protocol: the first call asks for the size of its scratch, the second works.
template <class Call>
void with_scratch(const Gpu& gpu, const char* name, Call&& call) {
  const Gpu::Current current(gpu);
  std::size_t bytes = 0;
  check(call(nullptr, bytes), name);
  const core::Buffer<std::byte> scratch(gpu.memory(), static_cast<std::int64_t>(bytes));
  check(call(scratch.data(), bytes), name);
}

}  // namespace

void stable_sort_by_key(const Gpu& gpu, std::int64_t count, std::int32_t* keys, std::int64_t* values,
                        std::int64_t bound) {
  const core::Buffer<std::int32_t> other_keys(gpu.memory(), count);
  const core::Buffer<std::int64_t> other_values(gpu.memory(), count);
  cub::DoubleBuffer<std::int32_t> key_buffers(keys, other_keys.data());
  cub::DoubleBuffer<std::int64_t> value_buffers(values, other_values.data());
  const int bits = std::bit_width(static_cast<std::uint64_t>(bound));
  with_scratch(gpu, "cub::DeviceRadixSort::SortPairs", [&](void* scratch, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(scratch, bytes, key_buffers, value_buffers, count, 0, bits, gpu.stream());
  });
  if (key_buffers.Current() != keys)
    gpu.copy(keys, key_buffers.Current(), count * static_cast<std::int64_t>(sizeof *keys));
  if (value_buffers.Current() != values) {
    gpu.copy(values, value_buffers.Current(), count * static_cast<std::int64_t>(sizeof *values));
  }
}

void exclusive_sum(const Gpu& gpu, std::int64_t count, std::int64_t* data) {
  with_scratch(gpu, "cub::DeviceScan::ExclusiveSum", [&](void* scratch, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(scratch, bytes, data, count, gpu.stream());
  });
}

}  // namespace orthant::cuda
