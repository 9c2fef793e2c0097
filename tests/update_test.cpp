// The updates of a factor from its terms, and how far it is from their minimum.

#include <gtest/gtest.h>

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

SIMD_TEST(Backend, HalsSweeps) {
  using T = TypeParam;
  std::size_t number = 0;
  for (const FactorCase& c : cases::factor_cases())
    for (int sweeps : {1, 3})
      for (const auto& [scaled, penalty] : penalties_of_case(number++, c.count)) {
        if (c.content == Content::denormal) continue;  // below
        SCOPED_TRACE(c.name() + " sweeps " + std::to_string(sweeps));
        auto p = this->problem(c);
        const auto f = p.f.oracle(), r = p.r.oracle();
        core::KktSums kkt{-1, -1};
        this->backend().hals(p.f.factor(), p.terms(), scaled, sweeps, &kkt);
        ASSERT_TRUE(entries_near(p.f.oracle(), oracle::hals(f, p.gram, r, penalty, sweeps),
                                 sweeps * Tolerance<T>::hals_sweep(c.rank), oracle::hals_scale(f, p.gram, r, penalty)));
        ASSERT_TRUE(p.f.gaps_untouched());
        const auto expected = oracle::kkt_along_sweep(f, p.gram, r, penalty);
        // Steps are differences of numbers of the size of R.
        EXPECT_TRUE(number_near(kkt.step_squared, expected.step_squared, Tolerance<T>::hals_sweep(c.rank),
                                Tolerance<T>::hals_sweep(c.rank) * expected.product_squared));
        EXPECT_TRUE(
            number_near(kkt.product_squared, expected.product_squared, Tolerance<double>::sum(c.rank * c.count)));
      }
}

SIMD_TEST(Backend, HalsKeepsComponentsWithoutCurvatureUnlessAllProductsAreZero) {
  using T = TypeParam;
  auto p = this->problem({33, 257, 3});
  for (int c = 0; c < 33; ++c) {
    p.g[7 * 33 + c] = p.g[c * 33 + 7] = 0;
    p.r(c, 100) = 0;
  }
  const auto before = p.f;
  this->backend().hals(p.f.factor(), p.terms(), {}, 1, nullptr);
  for (std::int64_t j = 0; j < 257; ++j) {
    ASSERT_EQ(p.f(7, j), j == 100 ? T(0) : before(7, j));
    ASSERT_TRUE(std::isfinite(p.f(8, j)));
  }
}

// The quotient that a step makes is too large for a number, and negative.
SIMD_TEST(Backend, HalsStepsThatOverflowEndAtZero) {
  using T = TypeParam;
  auto p = this->problem({33, 257, 3});
  for (int c = 0; c < 33; ++c) p.g[7 * 33 + c] = p.g[c * 33 + 7] = 0;
  p.g[7 * 33 + 7] = 2 * std::numeric_limits<T>::min();
  for (std::int64_t j = 0; j < 257; ++j) p.r(7, j) = 0;
  this->backend().hals(p.f.factor(), p.terms(), {100, 0}, 1, nullptr);
  for (std::int64_t j = 0; j < 257; ++j) ASSERT_EQ(p.f(7, j), T(0));
}

SIMD_TEST(Backend, MultiplicativeUpdate) {
  using T = TypeParam;
  std::size_t number = 0;
  for (const FactorCase& c : cases::factor_cases())
    for (const auto& [scaled, penalty] : penalties_of_case(number++, c.count)) {
      if (c.content == Content::denormal) continue;  // below
      SCOPED_TRACE(c.name());
      auto p = this->problem(c);
      const auto f = p.f.oracle(), r = p.r.oracle();
      core::KktSums kkt{-1, -1};
      this->backend().multiplicative(p.f.factor(), p.terms(), scaled, &kkt);
      ASSERT_TRUE(entries_near(p.f.oracle(), oracle::multiplicative_update(f, p.gram, r, penalty),
                               Tolerance<T>::elementwise() + Tolerance<T>::sum(c.rank), kSmallest<T>));
      ASSERT_TRUE(p.f.gaps_untouched());
      const auto expected = oracle::kkt(f, p.gram, r, penalty);
      EXPECT_TRUE(number_near(kkt.step_squared, expected.step_squared, Tolerance<T>::sum(c.rank),
                              Tolerance<T>::sum(c.rank) * expected.product_squared));
      EXPECT_TRUE(number_near(kkt.product_squared, expected.product_squared, Tolerance<double>::sum(c.rank * c.count)));
    }
}

SIMD_TEST(Backend, MultiplicativeUpdateFlushesSubnormalResults) {
  using T = TypeParam;
  auto p = this->problem({3, 4});
  p.f(1, 2) = std::numeric_limits<T>::min();
  p.r(1, 2) = std::numeric_limits<T>::min();
  this->backend().multiplicative(p.f.factor(), p.terms(), {}, nullptr);
  EXPECT_EQ(p.f(1, 2), T(0));
}

// Where a column is next to nothing, products over the denominator leave the range of T, and where it is less than that
// nothing is left.
SIMD_TEST(Backend, MultiplicativeUpdateOfColumnsThatAreNextToNothing) {
  using T = TypeParam;
  constexpr T kLeast = std::numeric_limits<T>::min();
  auto p = this->problem({2, 4});
  p.g = {T(1e-7), T(1e-3), T(1e-3), 1};
  const T columns[4][2] = {{0, 100 * kLeast}, {T(1e8) * kLeast, 0}, {0, T(1e5) * kLeast}, {T(1e4) * kLeast, 0}};
  for (int j = 0; j < 4; ++j) {
    for (int c = 0; c < 2; ++c) {
      p.f(c, j) = columns[j][c];
      p.r(c, j) = T(1e3);
    }
  }
  this->backend().multiplicative(p.f.factor(), p.terms(), {}, nullptr);
  EXPECT_EQ(p.f(0, 0), T(0));  // over a subnormal number
  EXPECT_NEAR(p.f(1, 0), T(1e3), 1e-2);
  EXPECT_NEAR(p.f(0, 1), T(1e10), 1e5);  // over 10 kLeast
  EXPECT_EQ(p.f(1, 1), T(0));
  EXPECT_EQ(p.f(0, 2), T(0));  // over 100 kLeast
  EXPECT_EQ(p.f(0, 3), T(0));  // over a subnormal number, which has no digits
}

// Ranks up to the largest of the CUDA backend, where columns take all of what a block has.
SIMD_TEST(Backend, UpdatesOfLargeRanks) {
  using T = TypeParam;
  for (int rank : {512, 856, 1024}) {
    SCOPED_TRACE("rank " + std::to_string(rank));
    constexpr int kFew = 60;  // components that are not 0 at the minimum
    const FactorStorage<T> fixed(cases::make_factor(rank, 5, 5), 3);
    DenseStorage<T> g(rank, rank);
    this->backend().gram(fixed.factor(), {g.view().data, rank});
    ASSERT_TRUE(entries_near(g.oracle(), oracle::gram(fixed.oracle()), Tolerance<T>::sum(5), kSmallest<T>));
    for (int c = 0; c < rank; ++c) g(c, c) += T(1);
    const auto gram = g.oracle();
    auto truth = cases::make_factor(rank, 3, 6);
    for (int c = kFew; c < rank; ++c)
      for (int j = 0; j < 3; ++j) truth(c, j) = 0;
    const FactorStorage<T> start(cases::make_factor(rank, 3, 7), 3), r(oracle::multiply(gram, truth), 3);
    const core::Terms<T> terms{{g.view().data, rank}, r.factor()};
    const auto f = start.oracle(), products = r.oracle();

    auto updated = start;
    core::KktSums kkt{-1, -1};
    this->backend().hals(updated.factor(), terms, {}, 1, &kkt);
    EXPECT_TRUE(entries_near(updated.oracle(), oracle::hals(f, gram, products, {}, 1), Tolerance<T>::hals_sweep(rank),
                             oracle::hals_scale(f, gram, products, {})));
    EXPECT_TRUE(updated.gaps_untouched());
    const auto expected = oracle::kkt_along_sweep(f, gram, products, {});
    EXPECT_TRUE(number_near(kkt.step_squared, expected.step_squared, Tolerance<T>::hals_sweep(rank),
                            Tolerance<T>::hals_sweep(rank) * expected.product_squared));

    updated = start;
    this->backend().multiplicative(updated.factor(), terms, {}, &kkt);
    EXPECT_TRUE(entries_near(updated.oracle(), oracle::multiplicative_update(f, gram, products, {}),
                             Tolerance<T>::elementwise() + Tolerance<T>::sum(rank), kSmallest<T>));
    EXPECT_TRUE(updated.gaps_untouched());
    EXPECT_TRUE(number_near(kkt.product_squared, expected.product_squared, Tolerance<double>::sum(3 * rank)));

    // Exactly, from components that are about the right ones: few have to be solved for.
    auto guess = truth;
    for (auto& value : guess.values) value *= 2;
    guess(kFew, 0) = 1;
    FactorStorage<T> solution(guess, 3);
    NnlsResult result{-1, -1};
    this->backend().nnls(solution.factor(), terms, {}, nullptr, &result, nullptr);
    EXPECT_LT(result.kkt_residual, Tolerance<T>::nnls_kkt(rank));
    EXPECT_EQ(result.regularized, 0);
    EXPECT_TRUE(solution.gaps_untouched());
    EXPECT_TRUE(matrix_near(solution.oracle(), truth, Tolerance<T>::nnls_kkt(rank)));
  }
}

// Denormal terms: whatever is flushed, results stay finite and not negative.
SIMD_TEST(Backend, UpdatesOfDenormalsStayFinite) {
  for (const auto& [scaled, penalty] : kPenalties) {
    auto p = this->problem({33, 257, 3, Content::denormal});
    this->backend().hals(p.f.factor(), p.terms(), scaled, 2, nullptr);
    for (double value : p.f.oracle().values) ASSERT_TRUE(value >= 0 && std::isfinite(value)) << value;
    p = this->problem({33, 257, 3, Content::denormal});
    this->backend().multiplicative(p.f.factor(), p.terms(), scaled, nullptr);
    for (double value : p.f.oracle().values) ASSERT_TRUE(value >= 0 && std::isfinite(value)) << value;
  }
}

// They would look like components that have died.
SIMD_TEST(Backend, TermsThatAreNotFiniteAreNoZeros) {
  using T = TypeParam;
  constexpr T kInfinity = std::numeric_limits<T>::infinity(), kNan = std::numeric_limits<T>::quiet_NaN();
  for (auto [product, gram] : {std::pair{T(1), kInfinity}, {kInfinity, kInfinity}, {kInfinity, T(1)}, {kNan, T(1)}}) {
    auto p = this->problem({33, 257, 3});
    p.r(5, 100) = product;
    p.g[5 * 33 + 5] = gram;
    const T before = p.f(5, 100);
    this->backend().multiplicative(p.f.factor(), p.terms(), {}, nullptr);
    EXPECT_FALSE(std::isfinite(p.f(5, 100))) << before << " * " << product << " / (" << gram << ")";
  }
  struct Ratio {
    T n, d;
    bool finite;
  };
  for (core::RatioForm form : {core::RatioForm{1}, {0.5}, {1, true}}) {
    for (const Ratio& ratio : std::initializer_list<Ratio>{{1, kInfinity, false},
                                                           {kInfinity, kInfinity, false},
                                                           {kInfinity, 1, false},
                                                           {kNan, 1, false},
                                                           {1, kNan, false},
                                                           {0, 1, true},
                                                           {1, 1, true}}) {
      for (int rank : {1, 33}) {
        auto f = FactorStorage<T>(cases::make_factor(rank, 3, 7), 3), n = f, d = f;
        n(rank - 1, 1) = ratio.n;
        d(rank - 1, 1) = ratio.d;
        this->backend().scale_by_ratio(f.factor(), {{}, n.factor(), d.factor()}, {0.1, 0.2}, form, nullptr);
        EXPECT_EQ(std::isfinite(f(rank - 1, 1)), ratio.finite) << ratio.n << " / " << ratio.d << " ^ " << form.exponent;
        EXPECT_EQ(f(rank - 1, 1) == 0, ratio.n == 0);
      }
    }
    FactorStorage<T> f(oracle::Dense(2, 1)), zero = f;
    f(0, 0) = 1;
    this->backend().scale_by_ratio(f.factor(), {{}, zero.factor(), zero.factor()}, {}, form, nullptr);
    EXPECT_EQ(f(0, 0), 0);  // 0 / 0
    // A ratio beyond the range, of a component that is 0 and of one that is next to nothing.
    constexpr T kLeast = std::numeric_limits<T>::min();
    FactorStorage<T> tiny(oracle::Dense(2, 1)), n = tiny, d = tiny;
    tiny(1, 0) = T(1e5) * kLeast;
    n(0, 0) = n(1, 0) = T(1e3);
    d(0, 0) = d(1, 0) = 10 * kLeast;
    this->backend().scale_by_ratio(tiny.factor(), {{}, n.factor(), d.factor()}, {}, form, nullptr);
    EXPECT_EQ(tiny(0, 0), 0);
    if (form.exponent == 1 && !form.root) {
      EXPECT_NEAR(tiny(1, 0), 1e7, 1e2);
    }
    EXPECT_EQ(f(1, 0), 0);
  }
}

SIMD_TEST(Backend, KktLeavesTheFactor) {
  using T = TypeParam;
  std::size_t number = 0;
  for (const FactorCase& c : cases::factor_cases())
    for (const auto& [scaled, penalty] : penalties_of_case(number++, c.count)) {
      SCOPED_TRACE(c.name());
      auto p = this->problem(c);
      const auto f = p.f.oracle();
      core::KktSums kkt{-1, -1};
      this->backend().kkt(std::as_const(p.f).factor(), p.terms(), scaled, &kkt);
      EXPECT_EQ(p.f.oracle().values, f.values);
      const auto expected = oracle::kkt(f, p.gram, p.r.oracle(), penalty);
      const double slack = std::pow(kSmallest<T>, 2);
      // The sum runs over all components of all columns.
      EXPECT_TRUE(number_near(kkt.step_squared, expected.step_squared, Tolerance<T>::sum(c.rank * c.count),
                              Tolerance<T>::sum(c.rank) * expected.product_squared + slack));
      EXPECT_TRUE(
          number_near(kkt.product_squared, expected.product_squared, Tolerance<double>::sum(c.rank * c.count), slack));
    }
}

// At the solution of the problem all steps vanish, whatever the penalties.
SIMD_TEST(Backend, KktVanishesAtTheMinimum) {
  using T = TypeParam;
  for (const auto& [scaled, penalty] : kPenalties) {
    auto p = this->problem({31, 33});
    auto f = p.f.oracle();
    f = oracle::hals(f, p.gram, p.r.oracle(), penalty, 3000);
    p.f = FactorStorage<T>(f);
    core::KktSums kkt;
    this->backend().kkt(std::as_const(p.f).factor(), p.terms(), scaled, &kkt);
    EXPECT_LT(std::sqrt(kkt.step_squared / kkt.product_squared), Tolerance<T>::hals_sweep(31));
  }
}

}  // namespace
}  // namespace orthant::test
