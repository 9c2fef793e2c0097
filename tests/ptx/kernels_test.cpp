#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "host/core/philox.hpp"
#include "tests/ptx/device.hpp"

namespace ptx_test {
namespace {

class Kernels : public testing::TestWithParam<const char*> {
 protected:
  Device device(const std::string& file) const { return Device(load(file, GetParam())); }
};

template <class T>
std::vector<T> counting(std::size_t count, T first = 0) {
  std::vector<T> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

// The value of a half by its definition.
double half_value(std::uint32_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  const int exponent = static_cast<int>(bits >> 10 & 31), fraction = static_cast<int>(bits & 1023);
  if (exponent == 31) return fraction != 0 ? std::nan("") : sign * INFINITY;
  return exponent == 0 ? sign * std::ldexp(fraction, -24) : sign * std::ldexp(1024 + fraction, exponent - 25);
}

TEST_P(Kernels, EveryNumberOf16BitsIsWidenedAndNarrowedBack) {
  Device device = this->device("conversions");
  constexpr int kNumbers = 65536;
  auto* const bits = device.copy(counting<std::uint16_t>(kNumbers));
  auto* const from_half = device.fill<float>(kNumbers);
  auto* const from_brain = device.fill<float>(kNumbers);
  device.launch("widen", kNumbers / 256, 256, 0, bits, bits, from_half, from_brain);
  for (std::uint32_t i = 0; i < kNumbers; ++i) {
    const double expected = half_value(i);
    ASSERT_TRUE(from_half[i] == expected || (std::isnan(from_half[i]) && std::isnan(expected)))
        << i << ": " << from_half[i];
    const std::uint32_t brain_bits = i << 16;
    ASSERT_EQ(std::memcmp(&from_brain[i], &brain_bits, 4), 0) << i << ": " << from_brain[i];
  }
  auto* const half = device.fill<std::uint16_t>(kNumbers);
  auto* const brain = device.fill<std::uint16_t>(kNumbers);
  device.launch("narrow", kNumbers / 256, 256, 0, from_half, half, device.fill<std::uint16_t>(kNumbers));
  device.launch("narrow", kNumbers / 256, 256, 0, from_brain, device.fill<std::uint16_t>(kNumbers), brain);
  for (std::uint32_t i = 0; i < kNumbers; ++i) {
    ASSERT_TRUE(half[i] == i || std::isnan(from_half[i])) << i;
    ASSERT_TRUE(brain[i] == i || std::isnan(from_brain[i])) << i;
  }
}

TEST_P(Kernels, NarrowingRoundsToNearestEven) {
  Device device = this->device("conversions");
  // Halfway above 1 (to 1) and above the next (up), just over halfway, too large, and halves below the normal range.
  const std::vector<float> x = {1 + 0x1p-11F, 1 + 3 * 0x1p-11F, 1 + 0x1.1p-11F, 65520, 0x1p-25F, 0x1.8p-24F};
  auto* const half = device.fill<std::uint16_t>(x.size());
  auto* const brain = device.fill<std::uint16_t>(x.size());
  device.launch("narrow", 1, static_cast<unsigned>(x.size()), 0, device.copy(x), half, brain);
  const std::uint16_t expected[] = {0x3C00, 0x3C02, 0x3C01, 0x7C00, 0x0000, 0x0002};
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(half[i], expected[i]) << x[i];
  EXPECT_EQ(brain[0], 0x3F80);
  EXPECT_EQ(brain[3], 0x4780);
}

TEST_P(Kernels, ConversionsToIntegersSaturate) {
  Device device = this->device("conversions");
  const std::vector<float> x = {3e9F, -3e9F, 1e20F, -1e20F, NAN, INFINITY, -INFINITY, -1.5F};
  auto* const to_int = device.fill<std::int32_t>(8);
  auto* const to_unsigned = device.fill<std::uint32_t>(8);
  auto* const to_long = device.fill<std::int64_t>(8);
  device.launch("out_of_range", 1, 8, 0, device.copy(x), to_int, to_unsigned, to_long);
  EXPECT_EQ(std::vector(to_int, to_int + 8),
            (std::vector<std::int32_t>{INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN, 0, INT32_MAX, INT32_MIN, -1}));
  EXPECT_EQ(std::vector(to_unsigned, to_unsigned + 8),
            (std::vector<std::uint32_t>{3000000000, 0, UINT32_MAX, 0, 0, UINT32_MAX, 0, 0}));
  EXPECT_EQ(std::vector(to_long, to_long + 8),
            (std::vector<std::int64_t>{3000000000, -3000000000, INT64_MAX, INT64_MIN, 0, INT64_MAX, INT64_MIN, -1}));
}

TEST_P(Kernels, AddsVectorsOfAnyLength) {
  for (const std::int64_t n : {1, 31, 32, 33, 257}) {
    Device device = this->device("memory");
    auto* const sum = device.fill<float>(n);
    device.launch("add", static_cast<unsigned>(n + 63) / 64, 64, 0, device.copy(counting<float>(n)),
                  device.copy(counting<float>(n, 100)), sum, n);
    for (int i = 0; i < n; ++i) ASSERT_EQ(sum[i], static_cast<float>(2 * i + 100));
  }
}

TEST_P(Kernels, LoadsVectorTypes) {
  Device device = this->device("memory");
  auto* const sum = device.fill<float>(4 * 33);
  device.launch("add_vectors", 1, 33, 0, device.copy(counting<float>(4 * 33)), device.copy(counting<double>(2 * 33)),
                sum);
  for (int i = 0; i < 33; ++i) {
    EXPECT_EQ(sum[4 * i], static_cast<float>(8 * i + 3));
    EXPECT_EQ(sum[4 * i + 2], static_cast<float>(4 * i + 2));
    EXPECT_EQ(sum[4 * i + 3], static_cast<float>(4 * i + 1));
  }
}

TEST_P(Kernels, StructuresAreParameters) {
  struct {
    const float* data;
    std::int64_t rows, cols, ld;
    char transposed;
  } matrix = {nullptr, 3, 5, 7, 0};
  for (const bool transposed : {false, true}) {
    Device device = this->device("memory");
    matrix.data = device.copy(counting<float>(64));
    matrix.transposed = transposed ? 1 : 0;
    auto* const out = device.fill<float>(15);
    device.launch("read_submatrix", {2, 3}, 4, 0, matrix, out);
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 5; ++j) EXPECT_EQ(out[i * 5 + j], static_cast<float>(transposed ? j * 7 + i : i * 7 + j));
    }
  }
}

TEST_P(Kernels, TransposesThroughSharedTiles) {
  Device device = this->device("memory");
  constexpr int kRows = 37, kCols = 50;
  auto* const out = device.fill<double>(kRows * kCols);
  device.launch("transpose", {4, 3}, {16, 16}, 0, device.copy(counting<double>(kRows * kCols)), out, kRows, kCols);
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kCols; ++j) ASSERT_EQ(out[j * kRows + i], i * kCols + j);
  }
}

TEST_P(Kernels, DynamicSharedMemory) {
  Device device = this->device("memory");
  auto* const data = device.copy(counting<int>(96));
  device.launch("reverse_dynamic", 1, 96, 96 * sizeof(int), data);
  for (int i = 0; i < 96; ++i) EXPECT_EQ(data[i], 95 - i);
}

TEST_P(Kernels, LocalArrays) {
  Device device = this->device("memory");
  std::vector<int> values(40 * 12);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int>(i * 7919 % 1009);
  auto* const out = device.fill<int>(values.size());
  device.launch("sort_each", 1, 40, 0, device.copy(values), out, 12);
  for (int t = 0; t < 40; ++t) {
    std::sort(values.begin() + t * 12, values.begin() + (t + 1) * 12);
    for (int i = 0; i < 12; ++i) ASSERT_EQ(out[t * 12 + i], values[t * 12 + i]);
  }
}

TEST_P(Kernels, VariablesOfTheDeviceStayFromLaunchToLaunch) {
  Device device = this->device("memory");
  auto* const out = device.fill<float>(20);
  auto* const counts = device.fill<int>(2);
  for (int launch = 1; launch <= 3; ++launch) {
    device.launch("variables", 1, 20, 0, out, counts);
    EXPECT_EQ(counts[0], 40 + launch);
    EXPECT_EQ(counts[1], launch);
  }
  const float table[] = {1.5F, -2, 3, 0, 7};
  for (int i = 0; i < 20; ++i) EXPECT_EQ(out[i], table[i % 5] + static_cast<float>(9 - i % 3));
}

TEST_P(Kernels, CallsFunctions) {
  Device device = this->device("memory");
  auto* const out = device.fill<int>(3 * 64);
  device.launch("calls", 1, 64, 0, device.copy(counting<int>(64, 12)), device.copy(std::vector<int>(64, 36)), out);
  for (int i = 0; i < 64; ++i) {
    const int divisor = std::gcd(i + 12, 36);
    EXPECT_EQ(out[3 * i], (i + 12) / divisor);
    EXPECT_EQ(out[3 * i + 1], 36 / divisor);
    EXPECT_EQ(out[3 * i + 2], 5 + divisor);
  }
}

TEST_P(Kernels, CallsOfFunctionsElsewhereGoToTheLauncher) {
  Device device = this->device("memory");
  constexpr cudaGraphConditionalHandle kHandle = 0x123456789;
  device.launch("set_conditional", 1, 3, 0, kHandle, device.copy(std::vector<int>{2, 7, 9}));
  ASSERT_EQ(device.external_calls().size(), 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& [name, arguments] = device.external_calls()[i];
    EXPECT_EQ(name, "cudaGraphSetConditional");
    ASSERT_EQ(arguments.size(), 2);
    ASSERT_EQ(arguments[0].size(), 8);
    EXPECT_EQ(std::memcmp(arguments[0].data(), &kHandle, 8), 0);
    EXPECT_EQ(std::to_integer<int>(arguments[1][0]), i == 0 ? 7 : 9);
  }
}

TEST_P(Kernels, BranchTables) {
  const std::vector<int> which = {0, 1, 2, 3, 4, 5, 6, 7, 8, -3};
  Device device = this->device("memory");
  auto* const out = device.fill<int>(12);
  device.launch("branch_table", 1, 10, 0, device.copy(which), out);
  EXPECT_EQ(std::vector(out, out + 12), (std::vector<int>{5, 3, 6, 6, -7, 3, 5, 0, 6, 10, -1, -1}));
}

TEST_P(Kernels, RandomNumbersEqualTheHostsToTheBit) {
  Device device = this->device("memory");
  constexpr std::uint64_t kSeed = 0x123456789ABCDEF0;
  auto* const out = device.fill<float>(128);
  auto* const out_double = device.fill<double>(128);
  auto* const out_bits = device.fill<unsigned>(512);
  device.launch("philox", 2, 64, 0, kSeed, out, out_double, out_bits);
  for (std::uint32_t i = 0; i < 128; ++i) {
    const auto bits = orthant::core::random_bits(kSeed, orthant::core::Side::h, i % 5, std::int64_t{i} << 30);
    EXPECT_EQ(out[i], orthant::core::uniform<float>(bits));
    EXPECT_EQ(out_double[i], orthant::core::uniform<double>(bits));
    for (int j = 0; j < 4; ++j) EXPECT_EQ(out_bits[4 * i + j], bits.x[j]);
  }
}

TEST_P(Kernels, SumsByShufflesAndBarriers) {
  for (const std::int64_t n : {1, 33, 1000, 5001}) {
    Device device = this->device("together");
    auto* const totals = device.fill<double>(2);
    device.launch("_Z3sumIfEvPKT_lPd", 3, 256, 0, device.copy(counting<float>(n)), n, totals);
    device.launch("_Z3sumIdEvPKT_lPd", 3, 96, 0, device.copy(counting<double>(n, 0.5)), n, totals + 1);
    EXPECT_EQ(totals[0], static_cast<double>(n * (n - 1) / 2));
    EXPECT_EQ(totals[1], static_cast<double>(n * n) / 2);
  }
}

TEST_P(Kernels, Shuffles) {
  Device device = this->device("together");
  auto* const out = device.fill<int>(64 * 6);
  device.launch("shuffles", 1, 64, 0, device.copy(counting<int>(64, 1000)), out);
  for (int t = 0; t < 64; ++t) {
    const int lane = t % 32, warp = 1000 + t - lane, in8 = lane % 8, group8 = warp + lane - in8, in16 = lane % 16;
    const int expected[] = {warp + (lane + 5) % 32,
                            group8 + (lane + 3) % 8,
                            warp + (lane ^ 9),
                            warp + (in16 + 3 < 16 ? lane + 3 : lane),
                            in8 >= 2 ? warp + lane - 2 : warp + lane,
                            lane < 7 ? warp + 6 - lane : warp + 38 - lane};
    for (int n = 0; n < 6; ++n) EXPECT_EQ(out[t * 6 + n], expected[n]) << "shuffle " << n << ", thread " << t;
  }
}

TEST_P(Kernels, Votes) {
  Device device = this->device("together");
  auto* const out = device.fill<unsigned>(64 * 4);
  device.launch("votes", 1, 64, 0, device.copy(counting<int>(64, 20)), out);
  for (int t = 0; t < 64; ++t) {
    const bool second = t >= 32;
    EXPECT_EQ(out[4 * t], 0xFFFFFFFF);
    EXPECT_EQ(out[4 * t + 1], second ? 1U : 0U);
    EXPECT_EQ(out[4 * t + 2], 1U);
    // Even values are in even lanes; those above 50 are all of the second warp. Odd ones are all above 20.
    EXPECT_EQ(out[4 * t + 3], t % 2 != 0 ? 0xAAAAAAAAU : second ? 0x55555555U : 0U) << t;
  }
}

TEST_P(Kernels, BarrierOfAWarp) {
  Device device = this->device("together");
  auto* const out = device.fill<float>(64);
  device.launch("rotate_in_warp", 1, 64, 0, device.copy(counting<float>(64)), out);
  for (int t = 0; t < 64; ++t) EXPECT_EQ(out[t], static_cast<float>(t / 32 * 32 + (t + 1) % 32));
}

TEST_P(Kernels, Atomics) {
  Device device = this->device("together");
  auto* const f = device.fill<float>(1);
  auto* const d = device.fill<double>(1);
  auto* const u = device.copy(std::vector<unsigned>{0, 0, 0, 0xFFFF, 0, 0, 0});
  auto* const s = device.fill<int>(201, -1);
  auto* const w = device.copy(std::vector<std::uint64_t>{0, 0, ~std::uint64_t{0}});
  device.launch("atomics", 2, 64, 0, f, d, u, s, w);
  EXPECT_EQ(*f, 64);
  EXPECT_EQ(*d, 32);
  EXPECT_EQ(u[0], 127U * 128 / 2);
  EXPECT_EQ(u[1], 0xFFFFFFFF);
  EXPECT_EQ(u[2], 128U);  // threads come in their order
  EXPECT_EQ(u[3], 0xFF00U);
  EXPECT_EQ(u[4], 0U);  // of 0 to 127 every bit is set an even number of times
  EXPECT_EQ(u[5], 8U);  // 0 to 9 and 0 again: 128 steps of 10
  EXPECT_EQ(u[6], 2U);  // 0, then 9 down to 0 again
  EXPECT_EQ(s[0], 5 - 127);
  EXPECT_EQ(s[1], 122);
  EXPECT_EQ(w[0], std::uint64_t{128} << 33);
  EXPECT_EQ(w[1], 3U * 127);
  EXPECT_EQ(w[2], ~std::uint64_t{0} - 127);
  EXPECT_EQ(s[2], -1);
  for (int i = 1; i < 128; ++i) EXPECT_EQ(s[2 + i], i - 1);
}

TEST_P(Kernels, LastBlockAddsUp) {
  Device device = this->device("together");
  auto* const total = device.fill<double>(1);
  device.launch("last_block", 9, 32, 0, device.copy(counting<double>(9)), device.fill<double>(9),
                device.fill<unsigned>(1), total);
  EXPECT_EQ(*total, 72);
}

INSTANTIATE_TEST_SUITE_P(Architectures, Kernels, testing::ValuesIn(kArchitectures), architecture_name);

}  // namespace
}  // namespace ptx_test
