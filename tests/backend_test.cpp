// Every primitive of the backend against the textbook, for every instruction set.

#include "host/core/backend.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <set>

#include "host/core/runtime.hpp"
#include "orthant/context.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/simd_targets.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using cases::Content;
using cases::FactorCase;

// A value that T cannot tell from 0 when it is a part of a normal sum.
template <class T>
constexpr double kSmallest = std::numeric_limits<T>::min();

template <class Value>
class Backend : public SimdTest<Value> {
 public:
  struct Problem {
    FactorStorage<Value> f, r;
    std::vector<Value> g;
    oracle::Dense gram;  // what g holds

    core::Terms<Value> terms() const { return {{g.data(), f.factor().rank}, r.factor()}; }
  };
  // A factor with the terms of a real problem: G the Gram of a fixed factor, R of the size of G F.
  Problem problem(const FactorCase& c) {
    const auto fixed = cases::make_factor(c.rank, c.rank + 20, 5, c.content);
    const auto truth = cases::make_factor(c.rank, c.count, 6);
    Problem p{FactorStorage<Value>(cases::make_factor(c.rank, c.count, 7, c.content), c.padding),
              FactorStorage<Value>(c.rank, c.count, c.padding),
              {},
              {}};
    DenseStorage<Value> g(oracle::gram(fixed));
    p.gram = g.oracle();
    p.g = g.values();
    p.r = FactorStorage<Value>(oracle::multiply(p.gram, truth), c.padding);
    return p;
  }
};

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

struct Weights {
  core::ScaledPenalty scaled;
  oracle::Penalty penalty;
};
// Of the size of the problem's terms, so that every one changes the result.
constexpr Weights kPenalties[] = {{{0, 0}, {0, 0}}, {{0.5, 0}, {0.5, 0}}, {{0, 2}, {0, 2}}, {{0.25, 4}, {0.25, 4}}};

SIMD_TEST(Backend, HalsSweeps) {
  using T = TypeParam;
  for (const FactorCase& c : cases::factor_cases())
    for (int sweeps : {1, 3})
      for (const auto& [scaled, penalty] : kPenalties) {
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
    EXPECT_EQ(f(1, 0), 0);
  }
}

SIMD_TEST(Backend, MultiplicativeUpdate) {
  using T = TypeParam;
  for (const FactorCase& c : cases::factor_cases())
    for (const auto& [scaled, penalty] : kPenalties) {
      if (c.content == Content::denormal) continue;  // above
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

SIMD_TEST(Backend, MultiplicativeUpdateFlushesSubnormalResults) {
  using T = TypeParam;
  auto p = this->problem({3, 4});
  p.f(1, 2) = std::numeric_limits<T>::min();
  p.r(1, 2) = std::numeric_limits<T>::min();
  this->backend().multiplicative(p.f.factor(), p.terms(), {}, nullptr);
  EXPECT_EQ(p.f(1, 2), T(0));
}

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

SIMD_TEST(Backend, KktLeavesTheFactor) {
  using T = TypeParam;
  for (const FactorCase& c : cases::factor_cases())
    for (const auto& [scaled, penalty] : kPenalties) {
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
  for (int threads : {2, 3, 4, 5}) EXPECT_EQ(measure(threads), one) << threads << " threads";
}

}  // namespace
}  // namespace orthant::test
