#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "tests/oracle.hpp"

namespace orthant::test {

/// |actual - expected| <= tolerance * scale for every entry, `scale` being a matrix of the sums of absolute values
/// behind each entry (for sums without cancellation: `expected` itself). `slack` is added for what T cannot hold.
inline testing::AssertionResult entries_near(const oracle::Dense& actual, const oracle::Dense& expected,
                                             double tolerance, const oracle::Dense& scale, double slack = 0) {
  if (actual.rows != expected.rows || actual.columns != expected.columns)
    return testing::AssertionFailure() << "shape " << actual.rows << " x " << actual.columns << ", expected "
                                       << expected.rows << " x " << expected.columns;
  for (std::int64_t i = 0; i < actual.rows; ++i)
    for (std::int64_t j = 0; j < actual.columns; ++j)
      if (!(std::abs(actual(i, j) - expected(i, j)) <= tolerance * std::abs(scale(i, j)) + slack))
        return testing::AssertionFailure() << "entry (" << i << ", " << j << ") is " << actual(i, j) << ", expected "
                                           << expected(i, j) << " within " << tolerance * std::abs(scale(i, j)) + slack;
  return testing::AssertionSuccess();
}
inline testing::AssertionResult entries_near(const oracle::Dense& actual, const oracle::Dense& expected,
                                             double tolerance, double slack = 0) {
  return entries_near(actual, expected, tolerance, expected, slack);
}

/// The same with one scale for all entries: the largest expected one.
inline testing::AssertionResult matrix_near(const oracle::Dense& actual, const oracle::Dense& expected,
                                            double tolerance, double slack = 0) {
  double largest = 0;
  for (double value : expected.values) largest = std::max(largest, std::abs(value));
  return entries_near(actual, expected, 1, oracle::Dense(expected.rows, expected.columns), tolerance * largest + slack);
}

inline testing::AssertionResult number_near(double actual, double expected, double tolerance, double slack = 0) {
  if (std::abs(actual - expected) <= tolerance * std::abs(expected) + slack) return testing::AssertionSuccess();
  return testing::AssertionFailure() << actual << ", expected " << expected << " within "
                                     << tolerance * std::abs(expected) + slack;
}

}  // namespace orthant::test
