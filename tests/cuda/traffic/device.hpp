#pragma once

// The pretended device that kernels are counted on, and what their calls read: factors, dense and sparse X.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cuda/gpu.hpp"
#include "cuda/kernels/compressed.hpp"
#include "cuda/kernels/element.hpp"
#include "cuda/kernels/survey.hpp"
#include "host/core/factor.hpp"
#include "host/core/observed.hpp"
#include "tests/simt/rig.hpp"

namespace orthant::cuda::traffic {

using core::Factor;

inline constexpr int kMultiprocessors = 4;  // of the pretended device: few blocks are a full grid

// Arrays in device memory, which live as long as this.
class Device {
 public:
  explicit Device(MathMode math = MathMode::strict) : gpu_(small_device(math)) {}

  const Gpu& gpu() const { return gpu_; }

  template <class U, class Value>
  U* array(std::int64_t size, Value&& value) {
    std::vector<U> host(static_cast<std::size_t>(size));
    for (std::int64_t i = 0; i < size; ++i) host[static_cast<std::size_t>(i)] = static_cast<U>(value(i));
    const std::int64_t bytes = size * static_cast<std::int64_t>(sizeof(U));
    const auto& memory = memory_.emplace_back(gpu_.memory(), bytes);
    gpu_.copy(memory.data(), host.data(), bytes);
    gpu_.synchronize();
    return reinterpret_cast<U*>(memory.data());
  }
  template <class U>
  U* zeros(std::int64_t size) {
    return array<U>(size, [](std::int64_t) { return U{}; });
  }
  template <class U = float>
  Factor<U> factor(int rank, std::int64_t count, int padding = 0) {
    const std::int64_t ld = rank + padding;
    return {array<U>(ld * count, [](std::int64_t i) { return 1 + i % 7; }), rank, count, ld};
  }
  Survey* survey() {
    return array<Survey>(1, [](std::int64_t) { return Survey{0, 0, 0, 0, 0, Survey::kNone, 0}; });
  }

 private:
  static CudaConfig small_device(MathMode math) {
    cudaDeviceProp properties{};
    EXPECT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
    properties.multiProcessorCount = kMultiprocessors;
    simt::set_properties(properties);
    return {.math = math};
  }
  Gpu gpu_;
  std::vector<core::Buffer<std::byte>> memory_;
};

// Sparse X: `per_segment` entries in each of `count` segments, at places spread over [0, length).
struct Entries {
  std::int64_t count, per_segment, length;

  constexpr std::int64_t size() const { return count * per_segment; }
  std::int64_t segment(std::int64_t p) const { return p / per_segment; }
  std::int64_t index(std::int64_t p) const {
    const std::int64_t apart = length / per_segment;
    return p % per_segment * apart + segment(p) % apart;
  }
  std::int64_t offset(std::int64_t i) const { return i * per_segment; }
};

// The shapes of all calls: a factor, dense X, whose lines belong to a factor of kCount columns, and sparse X.
inline constexpr int kRank = 32;
inline constexpr std::int64_t kCount = 512, kLength = 256;
inline constexpr Entries kX{256, 16, 512};

inline Compressed<float> sparse_x(Device& d, const Entries& x = kX) {
  return {x.count, x.size(), d.array<std::int64_t>(x.count + 1, [&](std::int64_t i) { return x.offset(i); }),
          d.array<std::int32_t>(x.size(), [&](std::int64_t p) { return x.index(p); }),
          d.array<float>(x.size(), [](std::int64_t) { return 1; })};
}
// With a weight for each entry.
inline Compressed<float> weighted_x(Device& d) {
  Compressed<float> x = sparse_x(d);
  x.weights = d.array<float>(kX.size(), [](std::int64_t p) { return 1 + p % 3; });
  return x;
}
inline std::int32_t* segments_of_x(Device& d) {
  return d.array<std::int32_t>(kX.size(), [](std::int64_t p) { return kX.segment(p); });
}
// Of all entries, in the order of memory.
inline std::int64_t* positions_of_x(Device& d) {
  return d.array<std::int64_t>(kX.size(), [](std::int64_t p) { return p; });
}

// Calls add(name in the table, an element) for each narrow type of X.
template <class Add>
void for_each_narrow_type(Add&& add) {
  add(std::string("unsigned char"), std::uint8_t{});
  add(std::string("Fp16"), Fp16{});
  add(std::string("Bf16"), Bf16{});
}

template <class S>
S* x_of(Device& d) {
  return d.array<S>(kCount * kLength, [](std::int64_t) { return S{}; });
}

// Which entries of it count: all, or with a weight for each.
inline core::Observed<float> observed_x(Device& d, bool weighted) {
  if (!weighted) return {};
  return {Missing::none, d.array<float>(kCount * kLength, [](std::int64_t i) { return i % 3; }), kLength};
}

}  // namespace orthant::cuda::traffic
