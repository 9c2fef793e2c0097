#include "bench/measure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/limits.hpp"
#include "bench/memory.hpp"
#include "bench/synthetic.hpp"

namespace orthant::bench {
namespace {

const Workload kSmall{"", 60, 40, -1, 3};
const Options kRandom{.initialization = Initialization::random, .sweeps = 1, .acceleration = Acceleration::none};

TEST(Timing, MedianAndLeast) {
  EXPECT_EQ((Timing{1, {3, 1, 2}}).median(), 2);
  EXPECT_EQ((Timing{1, {4, 1, 2, 9}}).median(), 3);
  EXPECT_EQ((Timing{1, {4, 1, 2, 9}}).least(), 1);
}

// Iterations of 3 and of 4 s, with checks of 5 s: eleven and a check, less one of 3 s and its check.
TEST(Timing, ChecksAreLeftOut) {
  EXPECT_THAT(without_checks({11 * 3 + 5, 11 * 4 + 5}, 3 + 5, 10), testing::ElementsAre(3, 4.1));
}

TEST(Timing, FitsAreAsManyAndAsLongAsPlanned) {
  const SyntheticMatrix<float> x(Context::cpu(), kSmall);
  int between = 0;
  const Timing timing = time_iterations(x.matrix(), 3, kRandom, {4, 3, 100}, [&] { ++between; });
  EXPECT_EQ(timing.iterations, 4);
  EXPECT_EQ(timing.seconds.size(), 3u);
  EXPECT_EQ(between, 3);
  EXPECT_GT(timing.least(), 0);
  EXPECT_EQ(time_iterations(x.matrix(), 3, kRandom, {1000, 2, 0}, [] {}).iterations, 1);
}

TEST(Losses, FallToThoseOfAFit) {
  const SyntheticMatrix<double> x(Context::cpu(), kSmall);
  const std::vector<double> all = losses(x.matrix(), 3, kRandom, 20);
  ASSERT_EQ(all.size(), 21u);
  EXPECT_TRUE(std::is_sorted(all.rbegin(), all.rend()));
  std::vector<double> w(60 * 3), h(3 * 40);
  Options options = kRandom;
  options.max_iterations = 20;
  options.tolerance = 0;
  EXPECT_EQ(all.back(), factorize(x.matrix(), row_major(w.data(), 60, 3), column_major(h.data(), 3, 40), options).loss);
}

TEST(Losses, AreReachedFirst) {
  EXPECT_EQ(iterations_to({9, 5, 3, 3, 2}, 3), 2);
  EXPECT_EQ(iterations_to({9, 5, 3}, 9), 0);
  EXPECT_EQ(iterations_to({9, 5, 3}, 2.9), std::nullopt);
}

TEST(Memory, IsXAndFactorsAndThePlan) {
  const Context context = Context::cpu();
  const MatrixShape dense{60, 40}, sparse{60, 40, 100};
  const std::int64_t factors = 100 * 3 * 4;
  EXPECT_EQ(peak_memory<float>(context, dense, 3, kRandom),
            60 * 40 * 4 + factors + plan<float>(context, dense, 3, kRandom).peak());
  EXPECT_EQ(peak_memory<float>(context, sparse, 3, kRandom),
            100 * 8 + 61 * 8 + factors + plan<float>(context, sparse, 3, kRandom).peak());
  EXPECT_GT(memory_budget(context), 0);
}

TEST(Limits, BoundIsTheLargestOfWhatEachTakes) {
  Limits limits(Context::cpu());
  const Iteration sparse{{1000, 800, 3000}, 4};
  const auto bound = [&](double flops, double bytes, double gathers) {
    return limits.bound<float>({{{"", "", "", flops, bytes}}, gathers}, sparse);
  };
  EXPECT_DOUBLE_EQ(bound(1e9, 1, 1).seconds, 1e9 / limits.flops<float>());
  EXPECT_EQ(bound(1e9, 1, 1).by, "flops");
  EXPECT_DOUBLE_EQ(bound(1, 1e9, 1).seconds, 1e9 / limits.bandwidth());
  EXPECT_EQ(bound(1, 1e9, 1).by, "bytes");
  EXPECT_DOUBLE_EQ(bound(1, 1, 1e6).seconds,
                   1e6 / limits.gathers<float>(4, 1000) + 1e6 / limits.gathers<float>(4, 800));
  EXPECT_EQ(bound(1, 1, 1e6).by, "gathers");
  const double before = limits.flops<float>(), bandwidth = limits.bandwidth();
  limits.measure_again<float>();
  EXPECT_GE(limits.flops<float>(), before);
  EXPECT_GE(limits.bandwidth(), bandwidth);
}

}  // namespace
}  // namespace orthant::bench
