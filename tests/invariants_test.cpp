// What must hold for every fit, whatever the path of the iterates.

#include <gtest/gtest.h>

#include "orthant/factorize.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/simd_targets.hpp"
#include "tests/test_context.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using cases::Content;

template <class T>
class Invariants : public testing::Test {
 public:
  Context context = make_context();
};
TYPED_TEST_SUITE(Invariants, Precisions, PrecisionNames);

std::vector<Options> every_solver() {
  std::vector<Options> all;
  for (auto initialization : {Initialization::given, Initialization::random, Initialization::nndsvda}) {
    if (cases::few_cases() && initialization != Initialization::given) continue;  // where it starts is the same on all
    for (double penalty : {0.0, 0.05}) {
      all.push_back({.initialization = initialization});
      for (int sweeps : {1, 4}) all.push_back(plain({.initialization = initialization, .sweeps = sweeps}));
      for (Solver solver : {Solver::multiplicative_update, Solver::anls})
        all.push_back(plain({.solver = solver, .initialization = initialization}));
      for (std::size_t i = all.size() - 5; i < all.size(); ++i) {
        all[i].w_penalty = all[i].h_penalty = {penalty, penalty};
        all[i].tolerance = 0;
      }
    }
  }
  return all;
}

TYPED_TEST(Invariants, ObjectiveNeverRises) {
  using T = TypeParam;
  const auto exact = planted(120, 90, 6, 0.2, 3);
  const DenseStorage<T> dense(exact);
  const CsrStorage<T> sparse(sparsify(exact));
  for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())})
    for (Options options : every_solver()) {
      options.max_iterations = cases::few_cases() ? 40 : 300;
      options.check_every = 1;
      auto f = given_start<T>(120, 90, 6);
      const Result result = f.fit(x, options);
      for (std::size_t i = 1; i < result.history.size(); ++i)
        ASSERT_LE(result.history[i].objective,
                  result.history[i - 1].objective + Tolerance<T>::rise(120) * x.squared_norm() / 2)
            << "iteration " << i << ", solver " << static_cast<int>(options.solver) << ", sweeps " << options.sweeps;
      EXPECT_LT(result.objective, result.history.front().objective);
    }
}

// Without noise the objective goes far below what the sums over X can resolve.
TYPED_TEST(Invariants, LossOfAnExactFactorizationGoesToZero) {
  using T = TypeParam;
  const auto exact = planted(120, 90, 4, 0, 3);
  const DenseStorage<T> dense(exact);
  const CsrStorage<T> sparse(sparsify(exact));
  for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())}) {
    Factors<T> f(120, 90, 4);
    const Result result =
        f.fit(x, {.sweeps = 3, .max_iterations = cases::few_cases() ? 500 : 1000, .tolerance = 0, .check_every = 100});
    const double truth = oracle::loss(dense.oracle(), f.w.oracle(), f.h.oracle());
    const double error = std::sqrt(2 * truth / x.squared_norm());
    EXPECT_LT(error, 100 * Tolerance<T>::elementwise());
    EXPECT_GE(result.loss, 0);
    // For sparse X resolved to rounding of ||X||^2 in double.
    EXPECT_NEAR(result.loss, truth, 1e-3 * truth + Tolerance<double>::sum(4) * x.squared_norm());
  }
}

// Factors that each have a pure row or column are unique up to order and scale.
TYPED_TEST(Invariants, PlantedFactorsAreFound) {
  using T = TypeParam;
  constexpr int k = 5;
  auto w = cases::make_factor(k, 80, 31), h = cases::make_factor(k, 60, 32);
  for (int c = 0; c < k; ++c)
    for (int d = 0; d < k; ++d) w(c, d) = h(c, d) = c == d;
  w = transpose(w);
  const auto exact = oracle::multiply(w, h);
  const DenseStorage<T> dense(exact);
  const CsrStorage<T> sparse(sparsify(exact));
  for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())}) {
    // The best of a few starts, as a user would: the problem is not convex.
    Factors<T> best(80, 60, k);
    double loss = std::numeric_limits<double>::infinity();
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      Factors<T> f(80, 60, k);
      const Result result = f.fit(x, {.initialization = Initialization::random,
                                      .seed = seed,
                                      .sweeps = 3,
                                      .max_iterations = cases::few_cases() ? 400 : 4000,
                                      .tolerance = 0,
                                      .check_every = 200});
      if (result.loss < loss) {
        loss = result.loss;
        best = f;
      }
      if (result.relative_error < 100 * Tolerance<T>::elementwise()) break;
    }
    const auto found = best.h.oracle();
    const auto cosine = [&](std::int64_t c, std::int64_t d) {
      double dot = 0, a = 0, b = 0;
      for (std::int64_t j = 0; j < 60; ++j) {
        dot += h(c, j) * found(d, j);
        a += h(c, j) * h(c, j);
        b += found(d, j) * found(d, j);
      }
      return dot / std::sqrt(a * b);
    };
    for (int c = 0; c < k; ++c) {
      double closest = 0;
      for (int d = 0; d < k; ++d) closest = std::max(closest, cosine(c, d));
      EXPECT_GT(closest, 0.999) << "component " << c;
    }
  }
}

TYPED_TEST(Invariants, EmptyRowsAndColumnsGiveZeroFactors) {
  using T = TypeParam;
  const auto exact = cases::make_dense(61, 43, Content::zero_lines, 3);
  const DenseStorage<T> dense(exact, Layout::column_major, 3);
  const CsrStorage<T> sparse(sparsify(exact));
  for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())})
    for (Options options : every_solver()) {
      options.max_iterations = 20;
      auto f = given_start<T>(61, 43, 5);
      const Result result = f.fit(x, options);
      for (double value : f.entries()) ASSERT_TRUE(std::isfinite(value) && value >= 0);
      for (int c = 0; c < 5; ++c) {
        for (int i = 1; i < 61; i += 3) ASSERT_EQ(f.w(i, c), T(0));
        for (int j = 2; j < 43; j += 4) ASSERT_EQ(f.h(c, j), T(0));
      }
      EXPECT_TRUE(std::isfinite(result.loss) && std::isfinite(result.kkt_residual));
    }
}

TYPED_TEST(Invariants, AllZeroXGivesZeroFactors) {
  using T = TypeParam;
  const DenseStorage<T> dense(61, 43);
  const CsrStorage<T> sparse(oracle::Sparse{61, 43, {}});
  for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())})
    for (Options options : every_solver()) {
      options.max_iterations = 12;
      auto f = given_start<T>(61, 43, 5);
      const Result result = f.fit(x, options);
      for (double value : f.entries()) ASSERT_EQ(value, 0);
      EXPECT_EQ(result.loss, 0);
      EXPECT_EQ(result.relative_error, 0);
      EXPECT_EQ(result.kkt_residual, 0);
      EXPECT_EQ(result.dead_components, 5);
    }
}

TYPED_TEST(Invariants, DeadComponents) {
  using T = TypeParam;
  const DenseStorage<T> storage(cases::make_dense(61, 43, Content::uniform, 3));
  const Matrix<T> x(this->context, storage.view());
  // As many sweeps for either rank.
  Options options = plain({.initialization = Initialization::given, .max_iterations = 10});
  const auto row_of_h_zero = [] {
    auto f = given_start<T>(61, 43, 5);
    for (int j = 0; j < 43; ++j) f.h(3, j) = 0;
    return f;
  };
  const auto columns_of_w_zero = [] {
    auto f = given_start<T>(61, 43, 5);
    for (int i = 0; i < 61; ++i) f.w(i, 1) = f.w(i, 2) = 0;
    return f;
  };

  // Multiplicative updates can only report them; the others are the fit of rank 4.
  options.solver = Solver::multiplicative_update;
  auto f = row_of_h_zero();
  const Result result = f.fit(x, options);
  EXPECT_EQ(result.dead_components, 1);
  for (double value : f.entries()) ASSERT_TRUE(std::isfinite(value));
  auto smaller = given_start<T>(61, 43, 5);
  Factors<T> four(61, 43, 4);
  for (int c = 0; c < 4; ++c) {
    for (int i = 0; i < 61; ++i) four.w(i, c) = smaller.w(i, c + (c == 3));
    for (int j = 0; j < 43; ++j) four.h(c, j) = smaller.h(c + (c == 3), j);
  }
  EXPECT_TRUE(number_near(result.loss, four.fit(x, options).loss, Tolerance<T>::objective()));
  f = columns_of_w_zero();
  EXPECT_EQ(f.fit(x, options).dead_components, 2);

  // The others revive a component from what the other factor keeps of it, and find new values for a column of W.
  for (Solver solver : {Solver::hals, Solver::anls}) {
    options.solver = solver;
    f = row_of_h_zero();
    const Result revived = f.fit(x, options);
    EXPECT_EQ(revived.dead_components, 0);
    EXPECT_LT(revived.loss, result.loss);
    f = columns_of_w_zero();
    EXPECT_EQ(f.fit(x, options).dead_components, 0);
  }
}

// W and H of the transpose of X are H' and W' when the order of updates does not matter: at a minimum.
TYPED_TEST(Invariants, TransposeHasTheSameMinimum) {
  using T = TypeParam;
  const auto exact = planted(61, 43, 1, 0.1, 3);
  const DenseStorage<T> a(exact), b(transpose(exact));
  Factors<T> f(61, 43, 1), g(43, 61, 1);
  const Options options{.max_iterations = 50, .tolerance = 0};
  const double loss = f.fit(Matrix<T>(this->context, a.view()), options).loss;
  EXPECT_TRUE(number_near(g.fit(Matrix<T>(this->context, b.view()), options).loss, loss, Tolerance<T>::objective()));
}

}  // namespace
}  // namespace orthant::test
