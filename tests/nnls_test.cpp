// The public nnls(): exact solutions by what they must satisfy, by all passive sets, and on singular problems.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orthant/error.hpp"
#include "orthant/factorize.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/placed.hpp"
#include "tests/simd_targets.hpp"
#include "tests/test_context.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

constexpr std::int64_t kCounts[] = {1, 33, 257};

// Where few cases stand for all every rank has one count; in the rig, no large one where a column takes long.
bool skipped(std::size_t rank_number, std::int64_t count) {
  return (cases::few_cases() && count != kCounts[rank_number % 2]) ||
         (kOnDevice && cases::kRanks[rank_number] > 64 && count > 33);
}

// min ||B x - y|| for each column y, B being depth x k.
template <class T>
struct Problem {
  DenseStorage<T> gram, products, solution;

  Problem(const oracle::Dense& b, const oracle::Dense& y, Layout layout = Layout::column_major,
          std::int64_t padding = 0)
      : gram(oracle::gram(transpose(b)), layout, padding),
        products(oracle::multiply(transpose(b), y), layout, padding),
        solution(b.columns, y.columns, layout, padding) {}

  NnlsResult solve(const Context& context) {
    return nnls<T>(context, std::as_const(gram).view(), std::as_const(products).view(), solution.view());
  }
  // The largest of min(x, slope) beside the largest product of its column.
  double residual() const {
    const auto g = gram.oracle(), r = products.oracle(), x = solution.oracle();
    double worst = 0;
    for (std::int64_t j = 0; j < x.columns; ++j) {
      double step = 0, size = 0;
      for (std::int64_t c = 0; c < x.rows; ++c) {
        EXPECT_TRUE(x(c, j) >= 0 && std::isfinite(x(c, j))) << x(c, j);
        step = std::max(step, std::abs(std::min(x(c, j), oracle::gradient(x, g, r, {}, c, j))));
        size = std::max(size, std::abs(r(c, j)));
      }
      worst = std::max(worst, size > 0 ? step / size : step);
    }
    return worst;
  }
};

// Of both signs, about half of each: as many components are active as passive.
oracle::Dense mixed(std::int64_t rows, std::int64_t columns, unsigned seed) {
  auto d = cases::make_dense(rows, columns, cases::Content::uniform, seed);
  for (auto& value : d.values) value -= 0.5;
  return d;
}

template <class T>
class Nnls : public testing::Test {
 public:
  Context context = make_context();
};
TYPED_TEST_SUITE(Nnls, Precisions, PrecisionNames);

TYPED_TEST(Nnls, SolutionsAreExact) {
  using T = TypeParam;
  for (std::size_t i = 0; i < std::size(cases::kRanks); ++i)
    for (std::int64_t count : kCounts) {
      if (skipped(i, count)) continue;
      const int k = cases::kRanks[i];
      SCOPED_TRACE("rank " + std::to_string(k) + " count " + std::to_string(count));
      const auto nonnegative = cases::make_dense(k + 20, k, cases::Content::uniform, 1);
      for (const oracle::Dense& b : {nonnegative, mixed(k + 20, k, 2)})
        for (const oracle::Dense& y : {cases::make_dense(k + 20, count, cases::Content::uniform, 3),
                                       oracle::multiply(b, cases::make_factor(k, count, 4))}) {
          Problem<T> p(b, y);
          const NnlsResult result = p.solve(this->context);
          EXPECT_LT(p.residual(), Tolerance<T>::nnls_kkt(k));
          EXPECT_TRUE(number_near(result.kkt_residual, p.residual(), Tolerance<double>::elementwise(),
                                  Tolerance<double>::sum(k)));
          EXPECT_EQ(result.regularized, 0);
        }
    }
}

TYPED_TEST(Nnls, FindsTheBestOfAllPassiveSets) {
  using T = TypeParam;
  for (int k = 1; k <= 6; ++k)
    for (unsigned seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE("rank " + std::to_string(k) + " seed " + std::to_string(seed));
      Problem<T> p(mixed(k + 5, k, seed), mixed(k + 5, 33, seed + 10));
      p.solve(this->context);
      const auto g = p.gram.oracle(), r = p.products.oracle();
      oracle::Dense expected(k, 33);
      for (std::int64_t j = 0; j < 33; ++j) {
        std::vector<double> right;
        for (int c = 0; c < k; ++c) right.push_back(r(c, j));
        const auto best = oracle::nnls(g, right);
        for (int c = 0; c < k; ++c) expected(c, j) = best[static_cast<std::size_t>(c)];
      }
      EXPECT_TRUE(
          entries_near(p.solution.oracle(), expected, Tolerance<T>::elementwise(), Tolerance<double>::objective()));
    }
}

// More components than dimensions, repeated components, and components that are zero.
TYPED_TEST(Nnls, SingularProblemsAreSolvedAndCounted) {
  using T = TypeParam;
  for (std::size_t i = 0; i < std::size(cases::kRanks); ++i)
    for (std::int64_t count : kCounts) {
      if (skipped(i, count)) continue;
      const int k = cases::kRanks[i];
      if (k == 1) continue;
      SCOPED_TRACE("rank " + std::to_string(k) + " count " + std::to_string(count));
      const int depth = k / 2;
      auto repeated = cases::make_dense(k + 20, k, cases::Content::uniform, 1);
      for (std::int64_t row = 0; row < k + 20; ++row)
        for (int c = 0; c < k / 2; ++c) repeated(row, k - 1 - c) = repeated(row, c);
      auto dead = cases::make_dense(k + 20, k, cases::Content::uniform, 1);
      for (std::int64_t row = 0; row < k + 20; ++row) dead(row, k / 2) = 0;
      for (const oracle::Dense& b :
           {cases::make_dense(depth, k, cases::Content::uniform, 1), mixed(depth, k, 2), repeated, dead}) {
        const auto y = oracle::multiply(b, cases::make_factor(k, count, 4));
        Problem<T> p(b, y);
        const NnlsResult result = p.solve(this->context);
        EXPECT_LT(p.residual(), Tolerance<T>::nnls_kkt_singular(k)) << "of B " << b.rows << " x " << b.columns;
        EXPECT_LE(result.regularized, count);
      }
      // All components are wanted, two of which are the same.
      Problem<T> p(repeated, oracle::multiply(repeated, cases::make_dense(k, count, cases::Content::uniform, 4)));
      EXPECT_GT(p.solve(this->context).regularized, 0);
    }
}

// Far more components than X has rank: passive sets of nearly dependent ones follow on each other for very long, and
// what was reached then could be worse than no solution at all.
TYPED_TEST(Nnls, RanksAboveThatOfXAreFitted) {
  using T = TypeParam;
  constexpr int k = 100;
  const DenseStorage<T> x(cases::make_dense(40, 30, cases::Content::uniform, 1));
  Placed<T> placed(this->context);
  const Matrix<T> matrix(this->context, placed(x.view()));
  Factors<T> f(40, 30, k);
  const Result result = factorize<T>(matrix, placed(f.w.view()), placed(f.h.view()),
                                     plain({.solver = Solver::anls,
                                            .initialization = Initialization::random,
                                            .max_iterations = 3,
                                            .tolerance = 0,
                                            .check_every = 1}));
  for (std::size_t i = 1; i < result.history.size(); ++i)
    EXPECT_LT(result.history[i].loss, 0.1 * result.history[0].loss) << "after " << i;
}

TYPED_TEST(Nnls, TakesViewsOfAnyLayoutAndMemory) {
  using T = TypeParam;
  const auto b = mixed(30, 7, 1), y = mixed(30, 19, 2);
  Problem<T> expected(b, y);
  expected.solve(this->context);
  for (Layout layout : cases::kLayouts)
    for (std::int64_t padding : cases::kPaddings) {
      Problem<T> p(b, y, layout, padding);
      const NnlsResult host = p.solve(this->context);
      EXPECT_EQ(p.solution.oracle().values, expected.solution.oracle().values);
      Problem<T> q(b, y, layout, padding);
      Placed<T> placed(this->context);
      const NnlsResult there = nnls<T>(this->context, placed(std::as_const(q.gram).view()),
                                       placed(std::as_const(q.products).view()), placed(q.solution.view()));
      placed.fetch();
      EXPECT_EQ(q.solution.oracle().values, expected.solution.oracle().values);
      EXPECT_EQ(there.kkt_residual, host.kkt_residual);
    }
}

// Every backend solves in double: the same numbers but for what rounding makes of the condition of G.
TYPED_TEST(Nnls, SolutionsAreThoseOfOneThreadOfTheCpu) {
  using T = TypeParam;
  for (int k : {5, 33, 70, 120}) {
    const auto b = mixed(3 * k, k, 1), y = mixed(3 * k, 33, 2);
    Problem<T> here(b, y), there(b, y);
    here.solve(this->context);
    there.solve(Context::cpu({.threads = 1}));
    EXPECT_TRUE(entries_near(here.solution.oracle(), there.solution.oracle(), Tolerance<T>::elementwise(),
                             Tolerance<double>::objective()));
  }
}

TYPED_TEST(Nnls, ScaleOfComponentsDoesNotMatter) {
  using T = TypeParam;
  auto b = cases::make_dense(40, 12, cases::Content::uniform, 1);
  const auto y = cases::make_dense(40, 33, cases::Content::uniform, 2);
  Problem<T> expected(b, y);
  expected.solve(this->context);
  for (std::int64_t row = 0; row < 40; ++row)
    for (int c = 0; c < 12; ++c) b(row, c) = std::ldexp(b(row, c), 5 * (c - 6));
  Problem<T> p(b, y);
  p.solve(this->context);
  for (int c = 0; c < 12; ++c)
    for (std::int64_t j = 0; j < 33; ++j)
      EXPECT_EQ(std::ldexp(p.solution(c, j), 5 * (c - 6)), expected.solution(c, j)) << c << ", " << j;
}

// Not the Gram of anything: no solution may exist, but there is an answer of finite numbers.
TYPED_TEST(Nnls, IndefiniteMatricesEnd) {
  using T = TypeParam;
  for (int k : {2, 5, 33}) {
    Problem<T> p(mixed(k + 3, k, 1), mixed(k + 3, 33, 2));
    for (int c = 0; c < k; ++c) p.gram(c, c) = c % 2 ? T(-1) : p.gram(c, c) / 4;
    p.solve(this->context);
    for (double value : p.solution.oracle().values) EXPECT_TRUE(std::isfinite(value) && value >= 0) << value;
  }
}

TYPED_TEST(Nnls, RefusesByNameWhatItCannotUse) {
  using T = TypeParam;
  const auto refused = [&](auto change) -> std::string {
    Problem<T> p(mixed(10, 4, 1), mixed(10, 6, 2));
    auto g = std::as_const(p.gram).view(), r = std::as_const(p.products).view();
    auto x = p.solution.view();
    change(p, g, r, x);
    try {
      nnls<T>(this->context, g, r, x);
    } catch (const InvalidArgument& e) {
      EXPECT_FALSE(e.value().empty());
      EXPECT_FALSE(e.expected().empty());
      return e.name();
    }
    return "";
  };
  using P = Problem<T>;
  using C = DenseView<const T>;
  using V = DenseView<T>;
  const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
  EXPECT_EQ(refused([](P&, C& g, C&, V&) { g.columns = 3; }), "gram.columns");
  EXPECT_EQ(refused([](P&, C&, C& r, V&) { r.rows = 3; }), "products.rows");
  EXPECT_EQ(refused([](P&, C&, C&, V& x) { x.rows = 3; }), "solution.rows");
  EXPECT_EQ(refused([](P&, C&, C&, V& x) { x.columns = 5; }), "solution.columns");
  EXPECT_EQ(refused([](P&, C& g, C&, V&) { g.data = nullptr; }), "gram.data");
  EXPECT_EQ(refused([&](P& p, C&, C&, V&) { p.gram(2, 1) = nan; }), "gram(2, 1)");
  EXPECT_EQ(refused([&](P& p, C&, C&, V&) { p.gram(2, 1) += 1; }), "gram(2, 1)");
  EXPECT_EQ(refused([&](P& p, C&, C&, V&) { p.products(3, 5) = -inf; }), "products(3, 5)");
  EXPECT_EQ(refused([&](P& p, C&, C&, V&) { p.products(0, 2) = nan; }), "products(0, 2)");
  EXPECT_EQ(refused([](P&, C&, C& r, V& x) { r.data = x.data; }), "solution.data");
  EXPECT_EQ(refused([](P&, C&, C&, V&) {}), "");
}

}  // namespace
}  // namespace orthant::test
