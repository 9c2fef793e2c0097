// The exact update of a factor: a problem of non-negative least squares for each of its columns.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/assertions.hpp"
#include "tests/backend.hpp"
#include "tests/cases.hpp"
#include "tests/simd_targets.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using cases::Content;
using cases::FactorCase;

// From any start, with every penalty: at the minimum, which only KKT conditions in double can tell.
SIMD_TEST(Backend, NnlsEndsAtTheMinimum) {
  using T = TypeParam;
  const auto all = cases::factor_cases();
  for (std::size_t number = 0; number < all.size(); ++number)
    for (std::size_t kind = 0; kind < std::size(kPenalties); ++kind) {
      const FactorCase& c = all[number];
      const auto& [scaled, penalty] = kPenalties[kind];
      const bool chosen = kind == number % std::size(kPenalties);  // where some stand for all
      if (cases::few_cases() && !chosen) continue;
      if (c.content == Content::denormal || c.count > 257 || (c.rank > 64 && c.count > 33)) continue;
      SCOPED_TRACE(c.name());
      auto p = this->problem(c);
      const auto f = p.f.oracle(), r = p.r.oracle();
      core::KktSums kkt{-1, -1};
      NnlsResult result{-1, -1};
      this->backend().nnls(p.f.factor(), p.terms(), scaled, &kkt, &result, nullptr);
      ASSERT_TRUE(p.f.gaps_untouched());
      double worst = 0;
      const auto x = p.f.oracle();
      for (std::int64_t j = 0; j < c.count; ++j) {
        double step = 0, size = 0;
        for (int i = 0; i < c.rank; ++i) {
          ASSERT_TRUE(x(i, j) >= 0 && std::isfinite(x(i, j))) << x(i, j);
          step = std::max(step, std::abs(std::min(x(i, j), oracle::gradient(x, p.gram, r, penalty, i, j))));
          size = std::max(size, std::abs(r(i, j) - penalty.l1));
        }
        worst = std::max(worst, size > 0 ? step / size : step);
      }
      const bool singular = result.regularized > 0;
      EXPECT_LT(worst, singular ? Tolerance<T>::nnls_kkt_singular(c.rank) : Tolerance<T>::nnls_kkt(c.rank));
      EXPECT_TRUE(
          number_near(result.kkt_residual, worst, Tolerance<double>::elementwise(), Tolerance<double>::sum(c.rank)));
      const auto expected = oracle::kkt(f, p.gram, r, penalty);
      EXPECT_TRUE(number_near(kkt.step_squared, expected.step_squared, Tolerance<T>::sum(c.rank * c.count),
                              Tolerance<T>::sum(c.rank) * expected.product_squared));
      if (!chosen) continue;
      // Nothing is asked of it that need not be told.
      auto again = this->problem(c);
      this->backend().nnls(again.f.factor(), again.terms(), scaled, nullptr, nullptr, nullptr);
      EXPECT_EQ(again.f.oracle().values, x.values);
    }
}

// A triangle that lies in the global memory of most devices, of problems that are quick to solve.
SIMD_TEST(Backend, NnlsOfLargeRank) {
  using T = TypeParam;
  constexpr int kRank = 240, kColumns = 2, kFew = 8;  // components that are not 0 at the minimum
  const FactorStorage<T> fixed(cases::make_factor(kRank, 5, 5));
  DenseStorage<T> g(kRank, kRank);
  this->backend().gram(fixed.factor(), {g.view().data, kRank});
  for (int c = 0; c < kRank; ++c) g(c, c) += T(1);
  auto truth = cases::make_factor(kRank, kColumns, 6);
  for (int c = kFew; c < kRank; ++c)
    for (int j = 0; j < kColumns; ++j) truth(c, j) = 0;
  const FactorStorage<T> r(oracle::multiply(g.oracle(), truth));
  auto guess = truth;
  for (auto& value : guess.values) value *= 2;
  guess(kFew, 0) = 1;
  FactorStorage<T> solution(guess);
  NnlsResult result{-1, -1};
  this->backend().nnls(solution.factor(), {{g.view().data, kRank}, r.factor()}, {}, nullptr, &result, nullptr);
  EXPECT_LT(result.kkt_residual, Tolerance<T>::nnls_kkt(kRank));
  EXPECT_TRUE(matrix_near(solution.oracle(), truth, Tolerance<T>::nnls_kkt(kRank)));
}

SIMD_TEST(Backend, NnlsKeepsComponentsWithoutCurvatureUnlessTheSlopeDecides) {
  using T = TypeParam;
  for (int rank : {33, 70, 120}) {
    auto p = this->problem({rank, 35, 3});
    for (int c = 0; c < rank; ++c) {
      p.g[7 * rank + c] = p.g[c * rank + 7] = 0;
      p.r(c, 10) = 0;
    }
    for (std::int64_t j = 0; j < 35; ++j) p.r(7, j) = j == 3 ? T(-1) : T(0);
    const auto before = p.f;
    this->backend().nnls(p.f.factor(), p.terms(), {}, nullptr, nullptr, nullptr);
    for (std::int64_t j = 0; j < 35; ++j) ASSERT_EQ(p.f(7, j), j == 10 || j == 3 ? T(0) : before(7, j));
    p.f = before;
    this->backend().nnls(p.f.factor(), p.terms(), {0.1, 0}, nullptr, nullptr, nullptr);
    for (std::int64_t j = 0; j < 35; ++j) ASSERT_EQ(p.f(7, j), T(0));
  }
}

SIMD_TEST(Backend, NnlsOfWhatIsNotFiniteEnds) {
  using T = TypeParam;
  for (T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()})
    for (int rank : {5, 70}) {
      auto p = this->problem({rank, 33});
      p.r(2, 7) = bad;
      auto expected = this->problem({rank, 33});
      this->backend().nnls(p.f.factor(), p.terms(), {}, nullptr, nullptr, nullptr);
      this->backend().nnls(expected.f.factor(), expected.terms(), {}, nullptr, nullptr, nullptr);
      for (std::int64_t j = 0; j < 33; ++j)
        for (int c = 0; c < rank && j != 7; ++c) ASSERT_EQ(p.f(c, j), expected.f(c, j)) << "column " << j;
      p.g[0] = p.g[1] = p.g[static_cast<std::size_t>(rank)] = bad;
      this->backend().nnls(p.f.factor(), p.terms(), {}, nullptr, nullptr, nullptr);
    }
}

}  // namespace
}  // namespace orthant::test
