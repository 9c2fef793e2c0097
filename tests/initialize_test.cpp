// Where factorize() starts: max_iterations 0 returns the start.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/SVD>
#include <set>

#include "orthant/error.hpp"
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
using testing::HasSubstr;

template <class T>
class Initialize : public testing::Test {
 public:
  Context context = make_context();

  Factors<T> start(const Matrix<T>& x, int k, Initialization initialization, std::uint64_t seed = 0) {
    Factors<T> f(x.rows(), x.columns(), k);
    f.fit(x, {.initialization = initialization, .seed = seed, .max_iterations = 0});
    return f;
  }
};
TYPED_TEST_SUITE(Initialize, Precisions, PrecisionNames);

TYPED_TEST(Initialize, RandomHasTheMeanOfX) {
  using T = TypeParam;
  for (double scale : {1e-6, 1.0, 1e6}) {
    auto values = cases::make_dense(300, 200, Content::uniform, 1);
    for (auto& value : values.values) value *= scale;
    const DenseStorage<T> storage(values);
    const Matrix<T> x(this->context, storage.view());
    for (int k : {1, 5, 64}) {
      const auto f = this->start(x, k, Initialization::random, 3);
      const double mean = oracle::sum(oracle::multiply(f.w.oracle(), f.h.oracle())) / (300 * 200);
      // The mean of finitely many random numbers: five standard deviations.
      EXPECT_NEAR(mean / (x.sum() / (300 * 200)), 1, 5 * std::sqrt((1.0 / 300 + 1.0 / 200) / 3 / k));
      for (double value : f.entries()) ASSERT_GT(value, 0);
    }
  }
}

TYPED_TEST(Initialize, RandomIsAFunctionOfTheSeed) {
  using T = TypeParam;
  const DenseStorage<T> dense(cases::make_dense(61, 43, Content::uniform, 1));
  const Matrix<T> x(this->context, dense.view());
  const auto a = this->start(x, 5, Initialization::random, 3);
  EXPECT_EQ(a.entries(), this->start(x, 5, Initialization::random, 3).entries());
  EXPECT_NE(a.entries(), this->start(x, 5, Initialization::random, 4).entries());
  EXPECT_NE(a.w(0, 0) / a.h(0, 0), a.w(0, 1) / a.h(1, 0)) << "W and H must not be the same numbers";
}

TYPED_TEST(Initialize, RandomTakesAnyRank) {
  using T = TypeParam;
  const DenseStorage<T> storage(cases::make_dense(7, 5, Content::uniform, 1));
  const Matrix<T> x(this->context, storage.view());
  for (Solver solver : {Solver::multiplicative_update, Solver::hals}) {
    Factors<T> f(7, 5, 40);
    const Result result =
        f.fit(x, {.solver = solver, .initialization = Initialization::random, .max_iterations = 2000, .tolerance = 0});
    EXPECT_LT(result.relative_error, solver == Solver::hals ? 1e-3 : 0.05);
    for (double value : f.entries()) ASSERT_TRUE(std::isfinite(value) && value >= 0);
  }
}

TYPED_TEST(Initialize, NndsvdRefusesTooLargeRanks) {
  using T = TypeParam;
  const DenseStorage<T> storage(cases::make_dense(7, 5, Content::uniform, 1));
  const Matrix<T> x(this->context, storage.view());
  for (auto initialization : {Initialization::nndsvd, Initialization::nndsvda, Initialization::nndsvdar}) {
    EXPECT_NO_THROW(this->start(x, 5, initialization));
    try {
      this->start(x, 6, initialization);
      ADD_FAILURE() << "accepted";
    } catch (const InvalidArgument& e) {
      EXPECT_THAT(e.what(), HasSubstr("6"));
      EXPECT_THAT(e.what(), HasSubstr("5"));
    }
  }
}

// Boutsidis & Gallopoulos 2008 from a full SVD. W is m x k, H is k x n.
void nndsvd(const oracle::Dense& x, int k, oracle::Dense& w, oracle::Dense& h) {
  Eigen::MatrixXd a(x.rows, x.columns);
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t j = 0; j < x.columns; ++j) a(i, j) = x(i, j);
  const Eigen::JacobiSVD<Eigen::MatrixXd> svd(a, Eigen::ComputeThinU | Eigen::ComputeThinV);
  w = oracle::Dense(x.rows, k);
  h = oracle::Dense(k, x.columns);
  for (int c = 0; c < k; ++c) {
    Eigen::VectorXd u = svd.matrixU().col(c), v = svd.matrixV().col(c);
    if (c == 0) {
      u = u.cwiseAbs();
      v = v.cwiseAbs();
    } else {
      const Eigen::VectorXd up = u.cwiseMax(0), vp = v.cwiseMax(0), un = (-u).cwiseMax(0), vn = (-v).cwiseMax(0);
      const bool positive = up.norm() * vp.norm() >= un.norm() * vn.norm();
      u = positive ? up : un;
      v = positive ? vp : vn;
    }
    const double share = c == 0 ? 1 : u.norm() * v.norm();
    const double scale = std::sqrt(svd.singularValues()[c] * share);
    for (std::int64_t i = 0; i < x.rows; ++i) w(i, c) = scale * u[i] / u.norm();
    for (std::int64_t j = 0; j < x.columns; ++j) h(c, j) = scale * v[j] / v.norm();
  }
  // As scikit-learn does for X of mean 1.
  for (auto* factor : {&w, &h})
    for (auto& value : factor->values) value = value < 1e-6 ? 0 : value;
}

// Singular values that fall by half each, and of mean 1: the randomized SVD then finds the leading ones to rounding.
oracle::Dense decaying(std::int64_t m, std::int64_t n) {
  std::mt19937 random(4);
  std::normal_distribution<double> normal(0, 1);
  oracle::Dense u(m, 12), v(12, n);
  for (auto& value : u.values) value = normal(random);
  for (auto& value : v.values) value = normal(random);
  for (std::int64_t c = 0; c < 12; ++c)
    for (std::int64_t i = 0; i < m; ++i) u(i, c) *= std::pow(0.5, c);
  auto x = oracle::multiply(u, v);
  const double lowest = *std::min_element(x.values.begin(), x.values.end());
  for (auto& value : x.values) value -= lowest;
  const double mean = oracle::sum(x) / static_cast<double>(m * n);
  for (auto& value : x.values) value /= mean;
  return x;
}

TYPED_TEST(Initialize, NndsvdIsBoutsidisAndGallopoulos) {
  using T = TypeParam;
  for (auto [m, n] : {std::pair<std::int64_t, std::int64_t>{120, 70}, {70, 120}}) {
    const DenseStorage<T> dense(decaying(m, n));
    const CsrStorage<T> sparse(sparsify(dense.oracle()));
    oracle::Dense w, h;
    nndsvd(dense.oracle(), 6, w, h);
    for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())}) {
      const auto plain = this->start(x, 6, Initialization::nndsvd);
      // The entries of singular vectors: eps times the ratio of the largest to the 6th gap, 2^6, in a sum of depth m +
      // n.
      const double tolerance = 64 * Tolerance<T>::sum(m + n);
      EXPECT_TRUE(matrix_near(plain.w.oracle(), w, tolerance));
      EXPECT_TRUE(matrix_near(plain.h.oracle(), h, tolerance));
      EXPECT_GT(std::ranges::count(plain.entries(), 0), 100) << "the cut-off parts are exact zeros";

      const double fill = std::sqrt(x.sum() / static_cast<double>(m * n) / 6);
      const auto averaged = this->start(x, 6, Initialization::nndsvda);
      const auto randomly = this->start(x, 6, Initialization::nndsvdar);
      const auto zeros = plain.entries(), average = averaged.entries(), random = randomly.entries();
      std::set<double> fills;
      for (std::size_t i = 0; i < zeros.size(); ++i) {
        if (zeros[i] != 0) {
          ASSERT_EQ(average[i], zeros[i]);
          ASSERT_EQ(random[i], zeros[i]);
        } else {
          ASSERT_TRUE(number_near(average[i], fill, Tolerance<T>::elementwise()));
          ASSERT_GT(random[i], 0);
          ASSERT_LE(random[i], fill / 100 * (1 + Tolerance<T>::elementwise()));
          fills.insert(random[i]);
        }
      }
      EXPECT_GT(fills.size(), 90u);
    }
  }
}

// An exact low rank leaves singular vectors of rounding noise beyond it: no NaN from dividing by their norms.
TYPED_TEST(Initialize, NndsvdBeyondTheRankOfX) {
  using T = TypeParam;
  const DenseStorage<T> storage(planted(61, 43, 2, 0, 3));
  const Matrix<T> x(this->context, storage.view());
  for (auto initialization : {Initialization::nndsvd, Initialization::nndsvda, Initialization::nndsvdar})
    for (double value : this->start(x, 10, initialization).entries()) ASSERT_TRUE(std::isfinite(value) && value >= 0);
}

TYPED_TEST(Initialize, EveryStartOfAllZeroX) {
  using T = TypeParam;
  const DenseStorage<T> dense(61, 43);
  const CsrStorage<T> sparse(oracle::Sparse{61, 43, {}});
  for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())})
    for (auto initialization :
         {Initialization::random, Initialization::nndsvd, Initialization::nndsvda, Initialization::nndsvdar})
      for (double value : this->start(x, 5, initialization).entries()) ASSERT_EQ(value, 0);
}

TYPED_TEST(Initialize, MultiplicativeUpdateLeavesEveryStartItAccepts) {
  using T = TypeParam;
  const DenseStorage<T> storage(decaying(120, 70));
  const Matrix<T> x(this->context, storage.view());
  for (auto initialization : {Initialization::random, Initialization::nndsvda, Initialization::nndsvdar}) {
    Factors<T> f(120, 70, 6);
    const Result result = f.fit(x, {.solver = Solver::multiplicative_update, .initialization = initialization});
    EXPECT_LT(result.loss, result.history.front().loss);
    EXPECT_EQ(result.dead_components, 0);
  }
}

}  // namespace
}  // namespace orthant::test
