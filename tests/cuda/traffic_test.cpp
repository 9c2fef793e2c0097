// What each kernel of the backend moves, counted by the rig, against the least that it could.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "cuda/gpu.hpp"
#include "cuda/kernels/control.hpp"
#include "cuda/kernels/convert.hpp"
#include "cuda/kernels/elementwise.hpp"
#include "cuda/kernels/factor_update.hpp"
#include "cuda/kernels/gram.hpp"
#include "cuda/kernels/residual.hpp"
#include "cuda/kernels/small_product.hpp"
#include "cuda/kernels/sparse_product.hpp"
#include "cuda/kernels/sums.hpp"
#include "cuda/kernels/survey.hpp"
#include "tests/simt/rig.hpp"
#include "tests/simt/traffic.hpp"

namespace orthant::cuda {
namespace {

using core::Factor;
using core::Side;

constexpr int kMultiprocessors = 4;  // of the pretended device: few blocks are a full grid
constexpr double kMargin = 1.15;     // of every bound: sectors that neighbours share, sums over blocks

// Arrays in device memory, which live as long as this.
class Device {
 public:
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
    return array<U>(size, [](std::int64_t) { return 0; });
  }
  template <class U = float>
  Factor<U> factor(int rank, std::int64_t count) {
    return {array<U>(rank * count, [](std::int64_t i) { return 1 + i % 7; }), rank, count, rank};
  }
  core::Terms<float> terms(int rank, std::int64_t count) {
    return {{factor(rank, rank).data, rank}, factor(rank, count)};
  }
  Survey* survey() {
    return array<Survey>(1, [](std::int64_t) { return Survey{0, 0, 0, 0, Survey::kNone, 0}; });
  }

 private:
  static CudaConfig small_device() {
    cudaDeviceProp properties{};
    EXPECT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
    properties.multiProcessorCount = kMultiprocessors;
    simt::set_properties(properties);
    return {};
  }
  Gpu gpu_{small_device()};
  std::vector<core::Buffer<std::byte>> memory_;
};

// Sparse X: `per_segment` entries in each of `count` segments, at places spread over [0, length).
struct Entries {
  std::int64_t count, per_segment, length;
  std::int64_t size() const { return count * per_segment; }
  std::int64_t segment(std::int64_t p) const { return p / per_segment; }
  std::int64_t index(std::int64_t p) const { return p % per_segment * (length / per_segment) + segment(p) % 2; }

  Compressed<float> on(Device& d) const {
    return {count, size(), d.array<std::int64_t>(count + 1, [&](std::int64_t i) { return i * per_segment; }),
            d.array<std::int32_t>(size(), [&](std::int64_t p) { return index(p); }),
            d.array<float>(size(), [](std::int64_t) { return 1; })};
  }
};

/// A kernel, a call that launches it once, and how many bytes of global memory it may move, in sectors of 32 bytes.
struct Bound {
  const char* kernel;  ///< as tests/ptx/resources.tsv names it
  double read;         ///< what must be read, once
  double written;      ///< what must be written, once
  double again;        ///< what is read beyond that, from caches or as part of sectors, and why
  double scattered;    ///< what is written beyond that, likewise
  int ways;            ///< most words that an access to shared memory wants of one bank; 0: none is used
  double barriers;     ///< of a block, on average
  const char* reason;  ///< of what is moved beyond the least
  std::function<void(Device&)> call;
};

constexpr std::int64_t kCount = 512, kLength = 256;
constexpr int kRank = 32;
constexpr double kFloats = 4;
constexpr double kFactor = kRank * kCount * kFloats;
constexpr Entries kSparse{128, 16, 256};

std::vector<Bound> table() {
  std::vector<Bound> t;
  t.push_back({"gram: gram_tiles<float, float, float>", kFactor, 0, 0, 0, 2, 0, "", [](Device& d) {
                 gram_matrix<float>(d.gpu(), Factor<const float>(d.factor(kRank, kCount)),
                                    core::Gram<float>{d.zeros<float>(kRank * kRank), kRank});
               }});
  for (int k : {1, 5, 8, 16, 32, 64, 100})
    t.push_back({"factor_update: update<(Kind)0, float>", 0, 0, 0, 0, 2, 0, "", [k](Device& d) {
                   update_hals(d.gpu(), d.factor(k, kCount), d.terms(k, kCount), {}, 1, d.zeros<core::KktSums>(1));
                 }});
  for (int k : {8, 16, 32, 64, 128})
    t.push_back({"sparse_product: gather", 0, 0, 0, 0, 0, 0, "", [k](Device& d) {
                   gather_rows<float>(d.gpu(), kSparse.on(d), {}, d.factor(k, kSparse.length),
                                      d.factor(k, kSparse.count), nullptr);
                 }});
  t.push_back({"residual: dense<float>", 0, 0, 0, 0, 2, 0, "", [](Device& d) {
                 dense_residual<float>(d.gpu(), d.factor(kLength, kCount).data, kLength, d.factor(kRank, kCount),
                                       d.factor(kRank, kLength), d.zeros<double>(1));
               }});
  t.push_back({"residual: sparse<float>", 0, 0, 0, 0, 2, 0, "", [](Device& d) {
                 sparse_residual<float>(d.gpu(), kSparse.on(d), d.factor(kRank, kSparse.count),
                                        d.factor(kRank, kSparse.length), d.zeros<double>(1));
               }});
  for (int k : {1,8,20,32,64})
  t.push_back({"small_product: small_product<float>", 0, 0, 0, 0, 2, 0, "", [k](Device& d) {
                 multiply_in_place(d.gpu(), d.factor<double>(k, k).data, d.factor(k, kCount));
               }});
  return t;
}

TEST(Traffic, OfEveryKernel) {
  std::printf("%-46s %8s %8s %8s %8s %8s %5s %9s\n", "", "read", "sectors", "written", "sectors", "blocks", "ways", "barriers");
  for (const Bound& bound : table()) {
    Device device;
    simt::reset_traffic();
    bound.call(device);
    device.gpu().synchronize();
    EXPECT_EQ(simt::take_report(), "");
    for (const auto& [name, t] : simt::traffic()) {
      std::printf("%-46.46s %8ld %8ld %8ld %8ld %8ld %5ld %9ld\n", name.c_str(), t.bytes_read, 32 * t.sectors_read,
                  t.bytes_written, 32 * t.sectors_written, t.blocks, t.conflict_ways, t.barriers);
    }
  }
}

}  // namespace
}  // namespace orthant::cuda
