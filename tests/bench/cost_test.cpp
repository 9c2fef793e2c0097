#include "bench/cost.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "bench/published.hpp"

namespace orthant::bench {
namespace {

// A number that counts what is done with it.
struct Counting {
  double value = 1;
  static inline double flops = 0;
  friend Counting operator*(Counting a, Counting b) { return ++flops, Counting{a.value * b.value}; }
  friend Counting operator/(Counting a, Counting b) { return ++flops, Counting{a.value / b.value}; }
  Counting& operator+=(Counting b) { return ++flops, value += b.value, *this; }
};

// R = A B (m x p by p x n): the textbook's loops.
void multiply(int m, int p, int n) {
  const Counting a, b;
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      Counting sum;
      for (int c = 0; c < p; ++c) sum += a * b;
    }
}

double counted(const auto& calls) {
  Counting::flops = 0;
  calls();
  return Counting::flops;
}

constexpr int kM = 7, kN = 5, kK = 3;
const MatrixShape kDense{kM, kN}, kSparse{kM, kN, 11}, kWide{kN, kM};

TEST(Cost, FlopsAreThoseOfTheTextbookLoops) {
  const Cost squared = cost_of({kDense, kK});
  EXPECT_EQ(squared.phases[0].flops, counted([] {
              multiply(kM, kN, kK);  // X H'
              multiply(kK, kM, kN);  // W' X
            }));
  EXPECT_EQ(squared.phases[1].flops, counted([] {
              multiply(kK, kM, kK);
              multiply(kK, kN, kK);
            }));
  const Cost divergence = cost_of({kDense, kK, Loss::kullback_leibler(), Solver::multiplicative_update});
  EXPECT_EQ(divergence.phases[0].flops, counted([] {
              for (int half = 0; half < 2; ++half) {
                multiply(kM, kK, kN);  // V = WH
                const Counting x, v;
                for (int e = 0; e < kM * kN; ++e) (void)(x / v);
                half == 0 ? multiply(kM, kN, kK) : multiply(kK, kM, kN);
              }
            }));
}

// Worked out by hand from m = 7, n = 5, k = 3, s = 4 and 35 or 11 entries.
TEST(Cost, OfEveryLossAndSolver) {
  struct Expected {
    Iteration iteration;
    double flops, bytes, gathers;
  };
  const auto kl = Loss::kullback_leibler(), is = Loss::itakura_saito();
  const auto mu = Solver::multiplicative_update;
  const auto extrapolated = Acceleration::extrapolation;
  const Expected all[] = {
      // 4 35 3 + 18 12 + 18 12;  35 4 + 2 12 3 4
      {{kDense, kK}, 852, 428, 0},
      {{kDense, kK, Loss::frobenius(), Solver::hals, 2}, 1068, 428, 0},
      {{kDense, kK, Loss::frobenius(), mu}, 852, 428, 0},
      // 420 + 216 + 18 (7 2 + 5 2);  on a device 280 + 3 144 + 3 24 3 4
      {{kDense, kK, Loss::frobenius(), mu, 2}, 1068, 428, 0},
      {{kDense, kK, Loss::frobenius(), mu, 2, 4, true}, 1068, 280 + 3 * 144 + 864, 0},
      // 852 + 2 15 + 18 6 + 3 36;  the factors 2 + 2 times
      {{kDense, kK, Loss::frobenius(), Solver::hals, 1, 4, false, extrapolated}, 852 + 246, 140 + 4 * 144, 0},
      // 852 + 2 21 + 18 8 + 3 36;  X of few rows twice, since no pass over its columns keeps a product for H
      {{kWide, kK, Loss::frobenius(), Solver::hals, 1, 4, false, extrapolated}, 852 + 294, 280 + 4 * 144, 0},
      // 564 + 246;  X twice, the factors 2 + 1 + 3 + 4 times and three times H
      {{kSparse, kK, Loss::frobenius(), Solver::hals, 1, 4, true, extrapolated}, 564 + 246, 176 + 10 * 144 + 180, 11},
      {{kDense, kK, Loss::frobenius(), Solver::anls}, 852, 428, 0},
      {{kDense, kK, Loss::frobenius(), Solver::hals, 1, 8}, 852, 856, 0},
      // X twice, and the factors 2 + 1 + 3 times
      {{kDense, kK, Loss::frobenius(), Solver::hals, 1, 4, true}, 852, 280 + 6 * 144, 0},
      // 4 11 3 + 432;  2 11 8 + 288
      {{kSparse, kK}, 564, 464, 11},
      // 8 35 3 + 70 + 6 12
      {{kDense, kK, kl, mu}, 982, 428, 0},
      {{kSparse, kK, kl, mu}, 8 * 33 + 22 + 72, 464, 11},
      {{kDense, kK, is, mu}, 12 * 105 + 70 + 72, 428, 0},
      // 4 105 + 16 105;  X twice
      {{kDense, kK, kl, Solver::hals}, 2100, 568, 0},
      {{kDense, kK, kl, Solver::hals, 2}, 420 + 2 * 1680, 568, 0},
  };
  for (const Expected& e : all) {
    const Cost cost = cost_of(e.iteration);
    SCOPED_TRACE(&e - all);
    EXPECT_EQ(cost.flops(), e.flops);
    EXPECT_EQ(cost.bytes(), e.bytes);
    EXPECT_EQ(cost.gathers, e.gathers);
  }
}

// floor(1 + a (p + k c) / (k (f + 1))), of a factor of f columns while the other one has c: a = 1/2, multiplicative 2.
TEST(Cost, SweepsThatAreChosenAreCounted) {
  const MatrixShape shape{20, 10};
  const auto of = [&](Loss loss, Solver solver, std::int64_t rank) { return cost_of({shape, rank, loss, solver, 0}); };
  const Cost hals = of(Loss::frobenius(), Solver::hals, 2);
  EXPECT_EQ(hals.w_sweeps, 3);  // 1 + (200 + 20) / 84 = 3.6
  EXPECT_EQ(hals.h_sweeps, 6);  // 1 + (200 + 40) / 44 = 6.5
  EXPECT_EQ(hals.phases.back().flops, 8 * (20 * 3 + 10 * 6));
  const Cost mu = of(Loss::frobenius(), Solver::multiplicative_update, 2);
  EXPECT_EQ(mu.w_sweeps, 11);  // 1 + 440 / 42 = 11.5
  EXPECT_EQ(mu.h_sweeps, 22);  // 1 + 480 / 22 = 22.8
  EXPECT_EQ(mu.phases.back().flops, 8 * (20 * 11 + 10 * 22));
  for (const Cost& one : {of(Loss::frobenius(), Solver::anls, 2), of(Loss::kullback_leibler(), Solver::hals, 2)}) {
    EXPECT_EQ(one.w_sweeps, 1);
    EXPECT_EQ(one.h_sweeps, 1);
  }
}

TEST(Prediction, IsTheLongerOfFlopsAndBytesOfEachPhase) {
  const PublishedDevice device{"", "", 1e9, 1e12, 1e11, 1000};
  const Iteration it{{1000, 500}, 10, Loss::frobenius(), Solver::hals, 1, 4, true};
  const Cost cost = cost_of(it);
  // Few flops for each byte: all phases wait for memory.
  EXPECT_DOUBLE_EQ(predict(device, it).seconds, cost.bytes() / 1e9);
  EXPECT_EQ(predict(device, it).by, "bytes");
  // And with memory that is no limit, for their flops.
  const PublishedDevice fast{"", "", 1e30, 1e12, 1e11, 1000};
  EXPECT_DOUBLE_EQ(predict(fast, it).seconds, cost.flops() / 1e12);
  EXPECT_EQ(predict(fast, it).by, "flops");
  // In double, at its own rate.
  Iteration in_double = it;
  in_double.element_size = 8;
  EXPECT_DOUBLE_EQ(predict(fast, in_double).seconds, cost.flops() / 1e11);
}

TEST(Prediction, CountsGathersOfFactorsThatTheCacheDoesNotHold) {
  // Columns of 10 numbers take two sectors; that of H has 500 of 40 bytes.
  const Iteration it{{1000, 500, 2000}, 10, Loss::frobenius(), Solver::hals, 1, 4, true};
  const double bytes = cost_of(it).bytes();
  const auto seconds = [&](double cache) { return predict({"", "", 1e9, 1e30, 1e30, cache}, it).seconds; };
  EXPECT_DOUBLE_EQ(seconds(40'000), bytes / 1e9);
  EXPECT_DOUBLE_EQ(seconds(20'000), (bytes + 2000 * 64) / 1e9);
  EXPECT_DOUBLE_EQ(seconds(19'999), (bytes + 2 * 2000 * 64) / 1e9);
}

}  // namespace
}  // namespace orthant::bench
