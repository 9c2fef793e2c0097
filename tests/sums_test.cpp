// Gram matrices, dot products, and other sums over the columns of a factor.

#include <gtest/gtest.h>

#include <vector>

#include "host/core/runtime.hpp"
#include "orthant/context.hpp"
#include "tests/assertions.hpp"
#include "tests/backend.hpp"
#include "tests/cases.hpp"
#include "tests/simd_targets.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using cases::Content;
using cases::FactorCase;

// Sums of so many columns that on a device groups of blocks add them up, too.
std::vector<FactorCase> cases_of_sums() {
  std::vector<FactorCase> all = cases::factor_cases();
  all.push_back({37, 9001, 3, Content::uniform});
  return all;
}

SIMD_TEST(Backend, Gram) {
  using T = TypeParam;
  for (const FactorCase& c : cases_of_sums()) {
    const FactorStorage<T> f(cases::make_factor(c.rank, c.count, 2, c.content), c.padding);
    DenseStorage<T> g(c.rank, c.rank);
    this->backend().gram(f.factor(), {g.view().data, c.rank});
    ASSERT_TRUE(entries_near(g.oracle(), oracle::gram(f.oracle()), Tolerance<T>::sum(c.count), kSmallest<T>))
        << c.name();
    for (int i = 0; i < c.rank; ++i)
      for (int j = 0; j < i; ++j) ASSERT_EQ(g(i, j), g(j, i)) << c.name() << ": not symmetric at " << i << ", " << j;
  }
}

SIMD_TEST(Backend, GramOfSignedFactor) {
  using T = TypeParam;
  auto values = cases::make_factor(33, 1000, 2);
  for (std::size_t i = 0; i < values.values.size(); i += 3) values.values[i] *= -1;
  const FactorStorage<T> f(values, 3);
  DenseStorage<T> g(33, 33);
  this->backend().gram(f.factor(), {g.view().data, 33});
  EXPECT_TRUE(entries_near(g.oracle(), oracle::gram(f.oracle()), Tolerance<T>::sum(1000),
                           oracle::gram(oracle::absolute(f.oracle()))));
}

// Sums that decide something are in double: their only error is that of double, also for float.
SIMD_TEST(Backend, DotIsSummedInDouble) {
  using T = TypeParam;
  for (const FactorCase& c : cases::factor_cases()) {
    const FactorStorage<T> a(cases::make_factor(c.rank, c.count, 3, c.content), c.padding);
    const FactorStorage<T> b(cases::make_factor(c.rank, c.count, 4, c.content));
    double actual = -1, expected = 0;
    this->backend().dot(a.factor(), b.factor(), &actual);
    const auto x = a.oracle(), y = b.oracle();
    for (std::size_t i = 0; i < x.values.size(); ++i) expected += x.values[i] * y.values[i];
    EXPECT_TRUE(number_near(actual, expected, Tolerance<double>::sum(c.rank * c.count))) << c.name();
  }
}

SIMD_TEST(Backend, ComponentSumsAreSummedInDouble) {
  using T = TypeParam;
  for (const FactorCase& c : cases_of_sums()) {
    const FactorStorage<T> f(cases::make_factor(c.rank, c.count, 3, c.content), c.padding);
    std::vector<double> sums(c.rank, -1), squares(c.rank, -1);
    this->backend().component_sums(f.factor(), sums.data(), squares.data());
    const auto x = f.oracle();
    for (int i = 0; i < c.rank; ++i) {
      double sum = 0, square = 0;
      for (std::int64_t j = 0; j < c.count; ++j) {
        sum += x(i, j);
        square += x(i, j) * x(i, j);
      }
      ASSERT_TRUE(number_near(sums[i], sum, Tolerance<double>::sum(c.count))) << c.name();
      ASSERT_TRUE(number_near(squares[i], square, Tolerance<double>::sum(c.count))) << c.name();
    }
  }
}

SIMD_TEST(Backend, PenaltyIsSummedInDouble) {
  using T = TypeParam;
  for (const FactorCase& c : cases::factor_cases()) {
    const FactorStorage<T> f(cases::make_factor(c.rank, c.count, 3, c.content), c.padding);
    double actual = -1, expected = 0;
    this->backend().penalty(f.factor(), {0.5, 3}, &actual);
    for (const double value : f.oracle().values) expected += 0.5 * value + 3 / 2.0 * value * value;
    EXPECT_TRUE(number_near(actual, expected, Tolerance<double>::sum(c.rank * c.count))) << c.name();
  }
}

// Within a backend the number of threads changes nothing, not even the last bit.
SIMD_TEST(Backend, SumsDoNotDependOnTheNumberOfThreads) {
  using T = TypeParam;
  const FactorCase c{33, 20011};
  const FactorStorage<T> f(cases::make_factor(c.rank, c.count, 3));
  // Fewer columns of what is slow in the rig; over several blocks all the same.
  const FactorStorage<T> some(cases::make_factor(c.rank, cases::few_cases() ? 1001 : c.count, 3));
  const auto measure = [&](int threads) {
    const Context context = make_context(threads);
    const auto& backend = this->backend_of(context);
    std::vector<T> g(c.rank * c.rank);
    std::vector<double> all(1), sums(c.rank), squares(c.rank), above(c.rank), below(c.rank);
    backend.gram(f.factor(), {g.data(), c.rank});
    backend.dot(f.factor(), f.factor(), all.data());
    backend.component_sums(f.factor(), sums.data(), squares.data());
    backend.part_norms(f.factor(), above.data(), below.data());
    core::KktSums kkt;
    backend.kkt(f.factor(), {{g.data(), c.rank}, f.factor()}, {}, &kkt);
    FactorStorage<T> updated = f;
    core::KktSums along;
    backend.hals(updated.factor(), {{g.data(), c.rank}, f.factor()}, {}, 1, &along);
    FactorStorage<T> solved = some;
    NnlsResult nnls;
    backend.nnls(solved.factor(), {{g.data(), c.rank}, some.factor()}, {}, nullptr, &nnls, nullptr);
    for (const auto& part : {sums, squares, above, below, updated.oracle().values, solved.oracle().values})
      all.insert(all.end(), part.begin(), part.end());
    all.insert(all.end(), g.begin(), g.end());
    all.insert(all.end(), {kkt.step_squared, kkt.product_squared, along.step_squared, along.product_squared,
                           nnls.kkt_residual, static_cast<double>(nnls.regularized)});
    return all;
  };
  const auto one = measure(1);
  for (int threads : {2, 3, 4, 5}) {
    if (cases::few_cases() && threads > 2) continue;
    EXPECT_EQ(measure(threads), one) << threads << " threads";
  }
}

}  // namespace
}  // namespace orthant::test
