// What the backend puts into factors: copies, constants, random numbers, small products, parts.

#include "tests/backend.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "host/core/runtime.hpp"
#include "orthant/context.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/placed.hpp"
#include "tests/simd_targets.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using cases::FactorCase;

SIMD_TEST(Backend, CopiesBetweenAnyLayouts) {
  using T = TypeParam;
  for (const FactorCase& c : cases::factor_cases()) {
    const oracle::Dense values = DenseStorage<T>(cases::make_factor(c.rank, c.count, 1, c.content)).oracle();
    for (Layout layout : cases::kLayouts)
      for (std::int64_t padding : cases::kPaddings) {
        SCOPED_TRACE(c.name() + " " + cases::name(layout) + " padding " + std::to_string(padding));
        const DenseStorage<T> source(values, layout, padding);
        FactorStorage<T> f(c.rank, c.count, c.padding);
        this->backend().copy_in(source.view(), f.factor());
        ASSERT_EQ(f.oracle().values, values.values);
        ASSERT_TRUE(f.gaps_untouched());
        DenseStorage<T> target(c.rank, c.count, layout, padding);
        this->backend().copy_out(std::as_const(f).factor(), target.view());
        ASSERT_EQ(target.oracle().values, values.values);
      }
  }
}

SIMD_TEST(Backend, FillsWithOneValue) {
  using T = TypeParam;
  for (const FactorCase& c : cases::factor_cases()) {
    FactorStorage<T> f(c.rank, c.count, c.padding);
    this->backend().fill(f.factor(), T(0.3));
    for (double value : f.oracle().values) ASSERT_EQ(value, static_cast<double>(T(0.3))) << c.name();
    ASSERT_TRUE(f.gaps_untouched()) << c.name();
  }
}

SIMD_TEST(Backend, UniformNumbersDependOnSeedSidePlaceAlone) {
  using T = TypeParam;
  const auto fill = [&](int threads, int rank, std::int64_t count, std::int64_t padding, std::uint64_t seed,
                        core::Side side) {
    const Context context = make_context(threads);
    FactorStorage<T> f(rank, count, padding);
    this->backend_of(context).fill_uniform(f.factor(), seed, side, T(1));
    EXPECT_TRUE(f.gaps_untouched());
    return f.oracle();
  };
  const auto large = fill(2, 200, 1000, 0, 42, core::Side::w);
  for (const FactorCase& c : cases::factor_cases())
    for (int threads : {1, 3}) {
      const auto small = fill(threads, c.rank, c.count, c.padding, 42, core::Side::w);
      for (int i = 0; i < c.rank; ++i)
        for (std::int64_t j = 0; j < c.count; ++j)
          ASSERT_EQ(small(i, j), large(i, j)) << c.name() << " " << i << " " << j;
    }
  EXPECT_NE(fill(1, 3, 3, 0, 42, core::Side::h).values, fill(1, 3, 3, 0, 42, core::Side::w).values);
  EXPECT_NE(fill(1, 3, 3, 0, 43, core::Side::w).values, fill(1, 3, 3, 0, 42, core::Side::w).values);
  EXPECT_NE(fill(1, 3, 3, 0, 42 + (std::uint64_t{1} << 40), core::Side::w).values,
            fill(1, 3, 3, 0, 42, core::Side::w).values);
}

SIMD_TEST(Backend, UniformNumbersAreScaledAndUniform) {
  using T = TypeParam;
  FactorStorage<T> f(64, 4000);
  this->backend().fill_uniform(f.factor(), 7, core::Side::h, T(3));
  const auto values = f.oracle().values;
  const double n = static_cast<double>(values.size());
  double mean = 0, square = 0, along_components = 0, along_count = 0;
  std::vector<double> bins(100);
  for (double value : values) {
    ASSERT_GT(value, 0);
    ASSERT_LT(value, 3);
    mean += value / 3 / n;
    square += value * value / 9 / n;
    bins[static_cast<std::size_t>(value / 3 * 100)] += 1;
  }
  for (std::size_t i = 0; i + 4000 < values.size(); ++i) {
    along_count += (values[i] / 3 - 0.5) * (values[i + 1] / 3 - 0.5) / n;
    along_components += (values[i] / 3 - 0.5) * (values[i + 4000] / 3 - 0.5) / n;
  }
  // Five standard deviations of each statistic for independent uniform numbers.
  EXPECT_NEAR(mean, 0.5, 5 * std::sqrt(1 / 12.0 / n));
  EXPECT_NEAR(square, 1 / 3.0, 5 * std::sqrt(4 / 45.0 / n));
  EXPECT_NEAR(along_count, 0, 5 / 12.0 / std::sqrt(n));
  EXPECT_NEAR(along_components, 0, 5 / 12.0 / std::sqrt(n));
  double chi_squared = 0;
  for (double bin : bins) chi_squared += std::pow(bin - n / 100, 2) / (n / 100);
  EXPECT_NEAR(chi_squared, 99, 5 * std::sqrt(2 * 99.0));
  // Few are drawn twice: all of the mantissa is random.
  const double distinct = static_cast<double>(std::set<double>(values.begin(), values.end()).size());
  EXPECT_GT(distinct, sizeof(T) == sizeof(float) ? 0.97 * n : n - 2);
}

// In the order of memory, in whatever memory.
SIMD_TEST(Backend, FirstInvalidEntryIsFound) {
  using T = TypeParam;
  for (Layout layout : cases::kLayouts)
    for (const T bad : {T(-1), std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN()}) {
      SCOPED_TRACE(std::string(cases::name(layout)) + " " + std::to_string(bad));
      DenseStorage<T> x(cases::make_dense(140, 150, cases::Content::zero_lines, 1), layout, 3);
      const auto find = [&] {
        Placed<T> placed(this->context());
        return this->device_backend().find_invalid(placed(std::as_const(x).view()));
      };
      EXPECT_FALSE(find());
      x(131, 7) = x(131, 149) = x(138, 0) = bad;
      const auto found = find();
      ASSERT_TRUE(found);
      const bool rows = layout == Layout::row_major;
      EXPECT_EQ(found->row, rows ? 131 : 138);
      EXPECT_EQ(found->column, rows ? 7 : 0);
      EXPECT_TRUE(std::isnan(bad) ? std::isnan(found->value) : found->value == static_cast<double>(bad));
    }
}

SIMD_TEST(Backend, MultiplySmall) {
  using T = TypeParam;
  for (const FactorCase& c : cases::factor_cases()) {
    SCOPED_TRACE(c.name());
    FactorStorage<T> f(cases::make_factor(c.rank, c.count, 3, c.content), c.padding);
    DenseStorage<double> m(cases::make_factor(c.rank, c.rank, 4), Layout::column_major);
    for (std::size_t i = 0; i < m.values().size(); i += 2) m.values()[i] *= -1;
    const auto expected = oracle::multiply(m.oracle(), f.oracle());
    const auto scale = oracle::multiply(oracle::absolute(m.oracle()), f.oracle());
    this->backend().multiply_small(m.values().data(), f.factor());
    ASSERT_TRUE(entries_near(f.oracle(), expected, Tolerance<T>::sum(c.rank), scale, kSmallest<T>));
    ASSERT_TRUE(f.gaps_untouched());
  }
}

// As singular vectors are: both signs.
template <class T>
FactorStorage<T> signed_factor(const FactorCase& c) {
  auto values = cases::make_factor(c.rank, c.count, 8, c.content);
  for (std::size_t i = 0; i < values.values.size(); i += 3) values.values[i] *= -1;
  return FactorStorage<T>(values, c.padding);
}

SIMD_TEST(Backend, PartNorms) {
  using T = TypeParam;
  for (const FactorCase& c : cases::factor_cases()) {
    const auto f = signed_factor<T>(c);
    std::vector<double> positive(c.rank, -1), negative(c.rank, -1);
    this->backend().part_norms(f.factor(), positive.data(), negative.data());
    const auto x = f.oracle();
    for (int i = 0; i < c.rank; ++i) {
      double above = 0, below = 0;
      for (std::int64_t j = 0; j < c.count; ++j) (x(i, j) > 0 ? above : below) += x(i, j) * x(i, j);
      ASSERT_TRUE(number_near(positive[i], above, Tolerance<double>::sum(c.count))) << c.name();
      ASSERT_TRUE(number_near(negative[i], below, Tolerance<double>::sum(c.count))) << c.name();
    }
  }
}

SIMD_TEST(Backend, TakeParts) {
  using T = TypeParam;
  for (const FactorCase& c : cases::factor_cases()) {
    SCOPED_TRACE(c.name());
    const auto f = signed_factor<T>(c);
    std::vector<double> scale(c.rank);
    for (int i = 0; i < c.rank; ++i) scale[i] = i % 2 ? -1.5 : 0.5 + i;
    FactorStorage<T> plain(c.rank, c.count, c.padding), filled(c.rank, c.count), randomly(c.rank, c.count, c.padding),
        uniform(c.rank, c.count);
    const T threshold = T(0.1), fill = T(0.25);
    this->backend().take_parts(f.factor(), scale.data(), threshold, T(0), false, 0, core::Side::w, plain.factor());
    this->backend().take_parts(f.factor(), scale.data(), threshold, fill, false, 0, core::Side::w, filled.factor());
    this->backend().take_parts(f.factor(), scale.data(), threshold, fill, true, 9, core::Side::h, randomly.factor());
    this->backend().fill_uniform(uniform.factor(), 9, core::Side::h, fill);
    ASSERT_TRUE(plain.gaps_untouched());
    const auto x = f.oracle();
    for (int i = 0; i < c.rank; ++i)
      for (std::int64_t j = 0; j < c.count; ++j) {
        const double part = std::max(0.0, scale[i] * x(i, j));
        if (std::abs(part - threshold) < Tolerance<T>::elementwise()) continue;  // either side is right
        const double expected = part < threshold ? 0 : part;
        ASSERT_TRUE(number_near(plain(i, j), expected, Tolerance<T>::elementwise()));
        ASSERT_EQ(filled(i, j), expected == 0 ? fill : plain(i, j));
        ASSERT_EQ(randomly(i, j), expected == 0 ? uniform(i, j) : plain(i, j));
      }
  }
}

}  // namespace
}  // namespace orthant::test
