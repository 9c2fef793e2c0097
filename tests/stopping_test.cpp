// When the loop ends, by what its checks measure.

#include "host/core/stopping.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace orthant::test {
namespace {

using core::CheckStep;

core::StoppingRule rule() {
  core::StoppingRule rule;
  rule.squared_norm = 100;
  rule.rounding = 1e-5;
  rule.tolerance = 1e-3;
  rule.max_iterations = 1000;
  rule.check_every = 10;
  return rule;
}

// The state after checks that measure these losses, ten iterations apart.
core::LoopState after(const core::StoppingRule& rule, const std::vector<double>& losses, core::Measured measured = {}) {
  core::LoopState state;
  for (double loss : losses) {
    measured.residual = loss;
    rule.advance(CheckStep::accept, measured, 10, state);
    rule.advance(&loss == losses.data() ? CheckStep::begin : CheckStep::conclude, measured, 10, state);
  }
  return state;
}

TEST(Stopping, ASmallFallIsConvergence) {
  EXPECT_TRUE(after(rule(), {10, 9.95}).converged);
  EXPECT_FALSE(after(rule(), {10, 9.8}).converged);
  EXPECT_TRUE(after(rule(), {10, 9.8}).go_on);
  EXPECT_TRUE(after(rule(), {10, 10}).converged);
}

TEST(Stopping, ARiseIsConvergenceOnlyUpToRounding) {
  EXPECT_TRUE(after(rule(), {10, 10 + 0.9e-5}).converged);
  for (double risen : {10 + 1.1e-5, 10.05, 20.0, 1e9}) {
    const core::LoopState state = after(rule(), {10, risen});
    EXPECT_FALSE(state.converged) << risen;
    EXPECT_TRUE(state.go_on) << risen;
  }
  EXPECT_TRUE(after(rule(), {10, 20, 19.99}).converged);  // what it fell from is the last check's
}

TEST(Stopping, WhatIsNotFiniteHasFailed) {
  for (double value : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_TRUE(after(rule(), {10, value}).failed);
    for (int which = 0; which < 4; ++which) {
      core::Measured measured;
      core::KktSums& sums = which < 2 ? measured.kkt_w : measured.kkt_h;
      (which % 2 == 0 ? sums.step_squared : sums.product_squared) = value;
      const core::LoopState state = after(rule(), {10, 9.99}, measured);
      EXPECT_TRUE(state.failed) << which;
      EXPECT_FALSE(state.go_on) << which;
    }
  }
}

}  // namespace
}  // namespace orthant::test
