// Products by a warp, from the PTX of the vocabulary of kernels. Architectures before 8.0 have no such instructions.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "tests/ptx/device.hpp"

namespace ptx_test {
namespace {

using testing::HasSubstr;

constexpr const char* kWithTensorCores[] = {"compute_90", "compute_120"};

class Multiply : public testing::TestWithParam<const char*> {
 protected:
  Device device_{load("multiply", GetParam())};
};

// Small integers, which every format has.
std::vector<float> integers(int n, int seed) {
  std::vector<float> values(n);
  for (int i = 0; i < n; ++i) values[i] = static_cast<float>((i * 37 + seed * 11) % 23 - 9);
  return values;
}

TEST_P(Multiply, ProductsOfMatrices) {
  for (const int depth : {8, 16}) {
    const auto a = integers(16 * depth, 1), b = integers(8 * depth, 2), before = integers(16 * 8, 3);
    auto* const c = device_.copy(before);
    device_.launch(depth == 8 ? "multiply_tf32" : "multiply_bf16", 1, 32, 0, device_.copy(a), device_.copy(b), c);
    for (int i = 0; i < 16; ++i) {
      for (int j = 0; j < 8; ++j) {
        float sum = before[i * 8 + j];
        for (int k = 0; k < depth; ++k) sum += a[i * depth + k] * b[j * depth + k];
        ASSERT_EQ(c[i * 8 + j], sum) << i << ", " << j << " of depth " << depth;
      }
    }
  }
}

TEST_P(Multiply, IgnoresTheDigitsThatTheFormatLacks) {
  auto* const c = device_.fill<float>(32);
  device_.launch("multiply_words", 1, 32, 0, device_.copy(std::vector<unsigned>(32, 0x3F801FFFU)), c, true);
  EXPECT_EQ(c[0], 8);
  device_.launch("multiply_words", 1, 32, 0, device_.copy(std::vector<unsigned>(32, 0x3F802000U)), c, true);
  EXPECT_EQ(c[0], 8 * (1 + 0x1p-10F));
}

TEST_P(Multiply, RoundsToTheFormats) {
  // Halfway, over and under it in magnitude, too large for a finite number, and none.
  const std::vector<float> x = {1 + 0x1p-11F, -1 - 0x1p-11F, 1 + 0x1.8p-12F, 0x1.FFFp127F,
                                NAN,          1 + 0x1p-8F,   1 + 3 * 0x1p-8F};
  auto* const tf32 = device_.fill<unsigned>(x.size());
  auto* const bf16 = device_.fill<unsigned>(x.size());
  device_.launch("round_words", 1, static_cast<unsigned>(x.size()), 0, device_.copy(x), tf32, bf16);
  EXPECT_THAT(std::vector(tf32, tf32 + 4), testing::ElementsAre(0x3F802000U, 0xBF802000U, 0x3F800000U, 0x7F800000U));
  EXPECT_TRUE(std::isnan(std::bit_cast<float>(tf32[4])));
  EXPECT_EQ(bf16[0], 0x3F803F80U);
  EXPECT_EQ(bf16[3], 0x3F807F80U);
  EXPECT_EQ(bf16[5], 0x3F803F80U);  // ties to even
  EXPECT_EQ(bf16[6], 0x3F803F82U);
}

TEST_P(Multiply, NeedsTheWholeWarp) {
  const auto error = [&](unsigned block, bool all) {
    return error_of([&] {
      device_.launch("multiply_words", 1, block, 0, device_.copy(std::vector<unsigned>(32)), device_.fill<float>(64),
                     all);
    });
  };
  EXPECT_EQ(error(64, true), "no error");
  EXPECT_THAT(error(32, false), HasSubstr("some lanes of the warp have ended or do not exist"));
  EXPECT_THAT(error(40, true), HasSubstr("some lanes of the warp have ended or do not exist"));
}

INSTANTIATE_TEST_SUITE_P(Architectures, Multiply, testing::ValuesIn(kWithTensorCores), architecture_name);

TEST(MultiplyWithoutTensorCores, Traps) {
  Device device(load("multiply", "compute_75"));
  auto* const x = device.fill<float>(256);
  for (const char* kernel : {"multiply_tf32", "multiply_bf16"}) {
    EXPECT_THAT(error_of([&] { device.launch(kernel, 1, 32, 0, x, x, x); }), HasSubstr("trap")) << kernel;
  }
}

}  // namespace
}  // namespace ptx_test
