// Beta-divergences against the textbook: terms, pass and loss of dense and sparse X for every instruction set, and what
// must hold for every fit.

#include "host/core/divergence.hpp"

#include <gtest/gtest.h>

#include "host/core/data_matrix.hpp"
#include "orthant/error.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/simd_targets.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using cases::Content;
using cases::MatrixCase;
using core::Side;

constexpr double kBetas[] = {-1, 0, 0.5, 1, 1.5, 2, 3};

// How errors of V show in a power of it.
template <class T>
double tolerance_of(double beta, std::int64_t depth) {
  const double power = std::abs(beta - 2) + std::abs(beta - 1) + 1;
  return power * (Tolerance<T>::sum(depth) + Tolerance<T>::elementwise());
}

// Terms are those of the textbook times term_scale().
core::Divergence in_units(double beta) { return {beta, 1e-12, true, beta == 1 || beta == 2 ? 1 : 0.25}; }

// Positive, so that no V is near zero and every beta is defined.
inline oracle::Dense positive(oracle::Dense d) {
  for (auto& value : d.values) value = static_cast<double>(static_cast<float>(value + 0.25));
  return d;
}

template <class Value>
class Divergence : public SimdTest<Value> {
 public:
  // check(X, the same for the oracle, rank, padding, beta)
  template <class Check>
  void for_each(Check check) {
    std::size_t beta = 0;
    for (const MatrixCase& c : cases::dense_cases()) {
      if (c.content == Content::denormal) continue;              // powers of it are out of range
      if (c.rank > 64 && c.rows * c.columns > 100000) continue;  // smaller X has these ranks too; the oracle is slow
      const DenseStorage<Value> storage(cases::make_dense(c, 11), c.layout, c.padding);
      const double of_case = kBetas[beta++ % std::size(kBetas)];
      SCOPED_TRACE(c.name() + " beta " + std::to_string(of_case));
      check(c, *this->staged(Matrix<Value>(this->context(), storage.view())), storage.oracle(), of_case);
    }
    for (const int rank : {13, 29, 61, 125}) {  // kernels have four widths, and beta 1 is a form of its own
      const MatrixCase c{20, 33, rank};
      SCOPED_TRACE(c.name() + " beta 1");
      const DenseStorage<Value> storage(cases::make_dense(c, 11));
      check(c, *this->staged(Matrix<Value>(this->context(), storage.view())), storage.oracle(), 1.0);
    }
    if (!cases::few_cases()) {
      for (Layout layout : cases::kLayouts) {
        const MatrixCase c{1201, 517, 20, -1, layout, 3};
        const DenseStorage<Value> storage(cases::make_dense(c, 11), c.layout, c.padding);
        SCOPED_TRACE(c.name());
        check(c, *this->staged(Matrix<Value>(this->context(), storage.view())), storage.oracle(), 1.0);
        check(c, *this->staged(Matrix<Value>(this->context(), storage.view())), storage.oracle(), 0.5);
      }
    }
    for (const MatrixCase& c : cases::sparse_cases()) {
      if (c.content == Content::denormal) continue;
      SCOPED_TRACE(c.name());
      const CsrStorage<Value> storage(cases::make_sparse(c, 12));
      check(c, *this->staged(Matrix<Value>(this->context(), storage.view())), oracle::densify(storage.oracle()), 1.0);
    }
  }

  core::Workspace workspace() { return core::Workspace(this->context().runtime()->memory()); }
};

oracle::Dense oriented(Side local, const oracle::Dense& x) { return local == Side::w ? x : oracle::transpose(x); }

oracle::Dense repeat_columns(const oracle::Dense& one, std::int64_t columns) {
  oracle::Dense d(one.rows, columns);
  for (std::int64_t c = 0; c < d.rows; ++c)
    for (std::int64_t j = 0; j < columns; ++j) d(c, j) = one(c, 0);
  return d;
}

oracle::Dense component_sums(const oracle::Dense& f) {
  oracle::Dense sums(f.rows, 1);
  for (std::int64_t c = 0; c < f.rows; ++c)
    for (std::int64_t j = 0; j < f.columns; ++j) sums(c, 0) += f(c, j);
  return sums;
}

SIMD_TEST(Divergence, Terms) {
  using T = TypeParam;
  this->for_each([&](const MatrixCase& c, const core::DataMatrix<T>& x, const oracle::Dense& expected, double beta) {
    auto workspace = this->workspace();
    const FactorStorage<T> w(positive(cases::make_factor(c.rank, c.rows, 13)), c.padding);
    const FactorStorage<T> h(positive(cases::make_factor(c.rank, c.columns, 14)), 3 - c.padding);
    const core::Divergence divergence = in_units(beta);
    for (Side side : {Side::w, Side::h}) {
      const bool of_w = side == Side::w;
      const auto xt = oriented(side, expected);
      const auto terms = oracle::divergence_terms(xt, of_w ? w.oracle() : h.oracle(), of_w ? h.oracle() : w.oracle(),
                                                  beta, divergence.floor, {}, divergence.term_scale());
      FactorStorage<T> numerator(c.rank, xt.rows, c.padding), denominator(c.rank, xt.rows, 3 - c.padding);
      const bool closed = divergence.has_closed_denominator();
      x.divergence_terms(side, w.factor(), h.factor(), divergence, numerator.factor(),
                         closed ? core::Factor<T>{} : denominator.factor(), workspace);
      const double tolerance = tolerance_of<T>(beta, c.rank) + Tolerance<T>::sum(xt.columns);
      ASSERT_TRUE(entries_near(numerator.oracle(), terms.numerator, tolerance)) << "numerator, side " << of_w;
      ASSERT_TRUE(numerator.gaps_untouched());
      if (closed) continue;
      ASSERT_TRUE(entries_near(denominator.oracle(), terms.denominator, tolerance)) << "denominator, side " << of_w;
      ASSERT_TRUE(denominator.gaps_untouched());
    }
  });
}

SIMD_TEST(Divergence, PassIsTermsUpdateTerms) {
  using T = TypeParam;
  this->for_each([&](const MatrixCase& c, const core::DataMatrix<T>& x, const oracle::Dense& expected, double beta) {
    auto workspace = this->workspace();
    const core::Divergence divergence = in_units(beta);
    const oracle::Penalty penalty{0.01, 0.1};
    const auto rule =
        core::make_ratio_update(this->device_backend(), core::ScaledPenalty{0.01, 0.1}, divergence.form(0.1));
    for (Side side : {Side::w, Side::h}) {
      SCOPED_TRACE(side == Side::w ? "local W" : "local H");
      const auto xt = oriented(side, expected);
      FactorStorage<T> local(positive(cases::make_factor(c.rank, xt.rows, 14)), c.padding);
      const FactorStorage<T> fixed(positive(cases::make_factor(c.rank, xt.columns, 15)), 3 - c.padding);
      const bool closed = divergence.has_closed_denominator();
      const auto sums = component_sums(fixed.oracle());
      const FactorStorage<T> known(sums);
      FactorStorage<T> numerator(c.rank, xt.columns, c.padding), denominator(c.rank, xt.columns);

      const auto old = local.oracle();
      auto terms =
          oracle::divergence_terms(xt, old, fixed.oracle(), beta, divergence.floor, {}, divergence.term_scale());
      if (closed) terms.denominator = repeat_columns(sums, xt.rows);
      const auto updated = oracle::ratio_update(old, terms, penalty, beta);
      const auto kkt = oracle::kkt(old, terms, penalty);
      const auto after = oracle::divergence_terms(transpose(xt), fixed.oracle(), updated, beta, divergence.floor, {},
                                                  divergence.term_scale());

      core::KktSums kkt_sums{-1, -1};
      core::Factor<const T> known_factor = known.factor();
      known_factor.count = xt.rows;
      known_factor.ld = 0;
      x.divergence_pass(side, local.factor(), fixed.factor(), divergence,
                        closed ? known_factor : core::Factor<const T>{}, *rule, numerator.factor(),
                        closed ? core::Factor<T>{} : denominator.factor(), &kkt_sums, workspace);

      const double tolerance = 2 * tolerance_of<T>(beta, c.rank) + 2 * Tolerance<T>::sum(xt.columns);
      ASSERT_TRUE(entries_near(local.oracle(), updated, tolerance));
      ASSERT_TRUE(local.gaps_untouched());
      EXPECT_TRUE(number_near(kkt_sums.step_squared, kkt.step_squared, tolerance, tolerance * kkt.product_squared));
      EXPECT_TRUE(number_near(kkt_sums.product_squared, kkt.product_squared, tolerance));
      if (oracle::sum(xt) == 0) continue;  // all is 0 now, and powers of it are arbitrary
      const double power = std::abs(beta - 2) + 1;
      const double later = (1 + power) * tolerance + Tolerance<T>::sum(xt.rows);
      ASSERT_TRUE(matrix_near(numerator.oracle(), after.numerator, later));
      ASSERT_TRUE(numerator.gaps_untouched());
      if (closed) continue;
      ASSERT_TRUE(matrix_near(denominator.oracle(), after.denominator, later));
    }
  });
}

SIMD_TEST(Divergence, Loss) {
  using T = TypeParam;
  this->for_each([&](const MatrixCase& c, const core::DataMatrix<T>& x, const oracle::Dense& expected, double beta) {
    if (beta <= 0 && oracle::sum(expected) == 0) return;
    auto workspace = this->workspace();
    const FactorStorage<T> w(positive(cases::make_factor(c.rank, c.rows, 16)), c.padding);
    const FactorStorage<T> h(positive(cases::make_factor(c.rank, c.columns, 17)));
    const core::Divergence divergence = in_units(beta);
    for (double value : expected.values) {
      if (beta <= 0 && value == 0) return;
    }
    double loss = -1;
    x.divergence(w.factor(), h.factor(), divergence, &loss, workspace);
    const double exact = oracle::divergence(expected, transpose(w.oracle()), h.oracle(), beta, divergence.floor);
    EXPECT_TRUE(number_near(loss, exact, 10 * Tolerance<double>::sum(c.rows * c.columns)));
  });
}

// Two sweeps over the columns of one factor against the textbook.
template <class T>
void check_descent(const MatrixCase& c, Side side, const core::DataMatrix<T>& x, const oracle::Dense& expected,
                   core::Workspace& workspace) {
  const auto xt = oriented(side, expected);
  FactorStorage<T> f(positive(cases::make_factor(c.rank, xt.rows, 14)), c.padding);
  const FactorStorage<T> fixed(positive(cases::make_factor(c.rank, xt.columns, 15)), 3 - c.padding);
  const FactorStorage<T> sums(component_sums(fixed.oracle()));
  const core::Divergence divergence{1, 1e-12};
  const auto exact = oracle::coordinate_descent(xt, f.oracle(), fixed.oracle(), {0.01, 0.1}, 2, divergence.floor);
  x.coordinate_descent(side, f.factor(), fixed.factor(), divergence, sums.factor().data, {0.01, 0.1}, 2, workspace);
  // Rounding of a component's step is relative to what pulls it; later components see it.
  ASSERT_TRUE(matrix_near(f.oracle(), exact, 2 * Tolerance<T>::hals_sweep(c.rank) + Tolerance<T>::sum(xt.columns)))
      << "side " << (side == Side::w);
  ASSERT_TRUE(f.gaps_untouched());
}

SIMD_TEST(Divergence, CoordinateDescent) {
  using T = TypeParam;
  const auto check = [&](const MatrixCase& c, const core::DataMatrix<T>& x, const oracle::Dense& expected) {
    auto workspace = this->workspace();
    for (Side side : {Side::w, Side::h}) check_descent(c, side, x, expected, workspace);
  };
  for (int rank : {1, 3, 17, 33}) {
    for (Layout layout : cases::kLayouts) {
      const MatrixCase c{70, 101, rank, -1, layout, 3};
      SCOPED_TRACE(c.name());
      const DenseStorage<T> storage(cases::make_dense(c, 11), c.layout, c.padding);
      check(c, *this->staged(Matrix<T>(this->context(), storage.view())), storage.oracle());
    }
    for (auto [rows, columns, nonzeros] : {std::tuple<std::int64_t, std::int64_t, std::int64_t>{70, 101, 900},
                                           {1, 300, 200},
                                           {300, 1, 200},
                                           {9, 9, 0}}) {
      const MatrixCase c{rows, columns, rank, nonzeros};
      SCOPED_TRACE(c.name());
      const CsrStorage<T> storage(cases::make_sparse(c, 12));
      check(c, *this->staged(Matrix<T>(this->context(), storage.view())), oracle::densify(storage.oracle()));
    }
  }
}

// How long a column is decides where a backend keeps it, and how many work on it.
SIMD_TEST(Divergence, CoordinateDescentOfLongColumns) {
  using T = TypeParam;
  for (std::int64_t length : {300, 1000, 3000, 7000, 13001}) {
    for (Layout layout : cases::kLayouts) {
      const MatrixCase c{5, length, 1, -1, layout, 3};
      SCOPED_TRACE(c.name());
      const DenseStorage<T> storage(cases::make_dense(c, 11), c.layout, c.padding);
      auto workspace = this->workspace();
      check_descent(c, Side::w, *this->staged(Matrix<T>(this->context(), storage.view())), storage.oracle(), workspace);
    }
  }
}

SIMD_TEST(Divergence, CoordinateDescentOfRowsOfManyLengths) {
  using T = TypeParam;
  auto all = cases::row_lengths();
  // On the CPU fewer entries share vectors at high ranks: of 200, 163 at most.
  if (!kOnDevice) all.push_back({200, 200, {165, 164, 163, 162, 1}});
  for (const cases::RowLengths& c : all) {
    SCOPED_TRACE(c.name());
    const oracle::Sparse x = cases::make_sparse(c);
    const CsrStorage<T> storage(x);
    auto workspace = this->workspace();
    check_descent({x.rows, x.columns, c.rank, 0, Layout::row_major, c.padding}, Side::w,
                  *this->staged(Matrix<T>(this->context(), storage.view())), oracle::densify(x), workspace);
  }
}

SIMD_TEST(Divergence, FirstZeroIsFound) {
  using T = TypeParam;
  for (Layout layout : cases::kLayouts) {
    auto values = cases::make_dense(70, 300, Content::uniform, 3);
    for (auto& value : values.values) value += 0.5;
    const auto zero_of = [&]() -> std::optional<core::BadEntry> {
      const DenseStorage<T> storage(values, layout, 3);
      return Matrix<T>(this->context(), storage.view()).data()->find_zero();
    };
    EXPECT_FALSE(zero_of());
    values(69, 1) = values(41, 299) = values(41, 7) = values(52, 0) = 0;
    const auto zero = zero_of();
    ASSERT_TRUE(zero);
    EXPECT_EQ(zero->row, 41);
    EXPECT_EQ(zero->column, 7);
  }
  oracle::Sparse full{2, 3, {{0, 0, 1}, {0, 1, 1}, {0, 2, 1}, {1, 0, 1}, {1, 1, 1}, {1, 2, 1}}};
  const auto zero_of = [&]() -> std::optional<core::BadEntry> {
    const CsrStorage<T> storage(full);
    return Matrix<T>(this->context(), storage.view()).data()->find_zero();
  };
  EXPECT_FALSE(zero_of());
  full.entries[4].value = 0;
  ASSERT_TRUE(zero_of());
  EXPECT_EQ(zero_of()->row, 1);
  EXPECT_EQ(zero_of()->column, 1);
  full.entries.erase(full.entries.begin() + 2);
  EXPECT_EQ(zero_of()->row, 0);
  EXPECT_EQ(zero_of()->column, 2);
}

template <class T>
class DivergenceFit : public testing::Test {
 public:
  Context context = make_context();
};
TYPED_TEST_SUITE(DivergenceFit, Precisions, PrecisionNames);

Options multiplicative(double beta) {
  Options options = plain({});
  options.loss = {beta};
  options.solver = Solver::multiplicative_update;
  options.initialization = Initialization::given;
  options.tolerance = 0;
  options.check_every = 1;
  return options;
}

TYPED_TEST(DivergenceFit, ObjectiveNeverRises) {
  using T = TypeParam;
  auto exact = planted(90, 60, 5, 0.2, 3);
  for (auto& value : exact.values) value += 0.01;
  for (Layout layout : cases::kLayouts) {
    const DenseStorage<T> storage(exact, layout);
    const Matrix<T> x(this->context, storage.view());
    for (double beta : {-1.0, 0.0, 0.5, 1.0, 1.5, 2.5, 3.0}) {
      for (Penalty penalty : {Penalty{0, 0}, {0.05, 0}, {0, 0.05}, {0.1, 100}}) {
        SCOPED_TRACE("beta " + std::to_string(beta) + " penalty " + std::to_string(penalty.l1) + " " +
                     std::to_string(penalty.l2));
        Options options = multiplicative(beta);
        options.w_penalty = options.h_penalty = penalty;
        options.max_iterations = 60;
        auto f = given_start<T>(90, 60, 5);
        const Result result = f.fit(x, options);
        for (std::size_t i = 1; i < result.history.size(); ++i) {
          ASSERT_LE(result.history[i].objective, result.history[i - 1].objective * (1 + 10 * Tolerance<T>::eps))
              << "iteration " << i;
        }
        EXPECT_LT(result.objective, result.history.front().objective / 2);
        EXPECT_TRUE(
            number_near(result.loss, oracle::divergence(storage.oracle(), f.w.oracle(), f.h.oracle(), beta), 1e-9));
        EXPECT_NEAR(result.loss, loss<T>(x, f.w.view(), f.h.view(), {beta}), 1e-9 * result.loss);
        EXPECT_TRUE(std::isnan(result.relative_error));
      }
    }
  }
}

// Entry by entry the divergence falls in far fewer iterations, dense and sparse, with and without a fixed side.
TYPED_TEST(DivergenceFit, CoordinateDescentConvergesSooner) {
  using T = TypeParam;
  const auto exact = planted(120, 90, 6, 0.3, 3);
  const DenseStorage<T> dense(exact);
  const CsrStorage<T> sparse(sparsify(exact));
  for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())}) {
    Options options = multiplicative(1);
    options.max_iterations = 100;
    auto by_mu = given_start<T>(120, 90, 6), by_entry = given_start<T>(120, 90, 6);
    const Result mu = by_mu.fit(x, options);
    options.solver = Solver::hals;
    options.max_iterations = 25;
    const Result entry = by_entry.fit(x, options);
    EXPECT_LT(entry.loss, mu.loss);
    for (std::size_t i = 1; i < entry.history.size(); ++i) {
      ASSERT_LE(entry.history[i].objective, entry.history[i - 1].objective * (1 + 10 * Tolerance<T>::eps)) << i;
    }
    EXPECT_TRUE(
        number_near(entry.loss, oracle::divergence(dense.oracle(), by_entry.w.oracle(), by_entry.h.oracle(), 1), 1e-9));
  }
}

// For a fixed W the problem is convex: both solvers end at the same H, a stationary point.
TYPED_TEST(DivergenceFit, CoordinateDescentFindsTheMinimum) {
  using T = TypeParam;
  const auto exact = planted(80, 40, 5, 0.3, 6);
  const CsrStorage<T> sparse(sparsify(exact));
  const Matrix<T> x(this->context, sparse.view());
  Options options = multiplicative(1);
  options.solver = Solver::hals;
  options.check_every = 50;
  options.max_iterations = 200;
  options.h_penalty = {0.2, 0.5};
  auto by_entry = given_start<T>(80, 40, 5), by_mu = given_start<T>(80, 40, 5);
  const Result entry = transform<T>(x, by_entry.w.view(), by_entry.h.view(), options);
  EXPECT_LT(entry.kkt_residual, 100 * Tolerance<T>::elementwise());
  options.solver = Solver::multiplicative_update;
  options.max_iterations = 20000;
  options.check_every = 1000;
  // On the CPU: so many iterations take long in the rig.
  const Matrix<T> on_cpu(Context::cpu({.threads = 2}), sparse.view());
  const Result mu = transform<T>(on_cpu, by_mu.w.view(), by_mu.h.view(), options);
  EXPECT_TRUE(number_near(entry.objective, mu.objective, Tolerance<T>::objective()));
}

// From below, steps come up to the minimum and not beyond, whatever the penalties: where one component makes all of the
// fit the first step is the minimum itself.
TYPED_TEST(DivergenceFit, CoordinateDescentDoesNotOvershootFromBelow) {
  using T = TypeParam;
  Options options = multiplicative(1);
  options.solver = Solver::hals;
  options.initialization = Initialization::given;
  options.tolerance = 0;
  options.check_every = 1;
  options.sweeps = 1;

  oracle::Dense all_ones(2, 2);
  for (double& value : all_ones.values) value = 1;
  const DenseStorage<T> ones(all_ones);
  options.w_penalty = {0, 1};
  options.update_h = false;
  options.max_iterations = 2;
  Factors<T> one(2, 2, 1);
  for (int i = 0; i < 2; ++i) one.w(i, 0) = T(1e-3), one.h(0, i) = T(0.01);
  const Result of_one = one.fit(Matrix<T>(this->context, ones.view()), options);
  // 2 = 0.02 w + w^2
  EXPECT_TRUE(number_near(one.w(0, 0), -0.01 + std::sqrt(0.0001 + 2), Tolerance<T>::elementwise()));
  EXPECT_TRUE(number_near(of_one.history[1].objective, of_one.history[2].objective, Tolerance<T>::elementwise()));

  const auto exact = planted(30, 20, 3, 0.3, 6);
  const DenseStorage<T> dense(exact);
  const CsrStorage<T> sparse(sparsify(exact));
  options.update_h = true;
  options.max_iterations = 15;
  for (double l2 : {0.0, 0.01, 10.0}) {
    for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())}) {
      options.w_penalty = options.h_penalty = {0, l2};
      auto f = given_start<T>(30, 20, 3);
      for (T& value : f.w.values()) value *= T(1e-3);
      for (T& value : f.h.values()) value *= T(1e-3);
      const Result result = f.fit(x, options);
      for (std::size_t i = 1; i < result.history.size(); ++i) {
        ASSERT_LE(result.history[i].objective, result.history[i - 1].objective * (1 + 10 * Tolerance<T>::eps))
            << "l2 " << l2 << " iteration " << i;
      }
    }
  }
}

// Sparse X and the same X with its zeros stored: the closed form of the sums over zeros is the sum over zeros.
TYPED_TEST(DivergenceFit, SparseIsDense) {
  using T = TypeParam;
  const auto sparse = cases::make_sparse({90, 60, 5, 700}, 5);
  const CsrStorage<T> compressed(sparse);
  const DenseStorage<T> full(oracle::densify(sparse));
  Options options = multiplicative(1);
  options.max_iterations = 30;
  for (auto [update_w, update_h] : {std::pair{true, true}, {true, false}, {false, true}}) {
    options.update_w = update_w;
    options.update_h = update_h;
    auto a = given_start<T>(90, 60, 5), b = given_start<T>(90, 60, 5);
    const Result of_sparse = a.fit(Matrix<T>(this->context, compressed.view()), options);
    const Result of_dense = b.fit(Matrix<T>(this->context, full.view()), options);
    EXPECT_TRUE(number_near(of_sparse.loss, of_dense.loss, Tolerance<T>::objective()));
    EXPECT_TRUE(number_near(of_sparse.kkt_residual, of_dense.kkt_residual, Tolerance<T>::objective()));
  }
}

// At a stationary point, reached from a planted answer, the residual is nothing; a step away it is not.
TYPED_TEST(DivergenceFit, KktResidualVanishesAtAnExactFit) {
  using T = TypeParam;
  auto w = positive(cases::make_factor(4, 60, 1)), h = positive(cases::make_factor(4, 50, 2));
  const DenseStorage<T> storage(oracle::multiply(transpose(w), h));
  const Matrix<T> x(this->context, storage.view());
  for (double beta : {0.0, 0.5, 1.0, 3.0}) {
    Options options = multiplicative(beta);
    options.max_iterations = 0;
    Factors<T> at(transpose(w), h);
    EXPECT_LT(at.fit(x, options).kkt_residual, 100 * Tolerance<T>::elementwise()) << beta;
    auto away = given_start<T>(60, 50, 4);
    EXPECT_GT(away.fit(x, options).kkt_residual, 0.01) << beta;
  }
}

// Large counts, rows and columns of zeros: nothing but numbers comes out, and the empty lines' factors are 0.
TYPED_TEST(DivergenceFit, CountsOfAnySize) {
  using T = TypeParam;
  auto counts = cases::make_dense(80, 50, Content::zero_lines, 8);
  for (auto& value : counts.values) value = std::floor(std::pow(value, 6) * 1e6);
  const CsrStorage<T> sparse(sparsify(counts));
  const DenseStorage<T> dense(counts);
  for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())}) {
    Options options = multiplicative(1);
    options.initialization = Initialization::random;
    options.max_iterations = 200;
    Factors<T> f(80, 50, 6);
    const Result result = f.fit(x, options);
    for (double value : f.entries()) ASSERT_TRUE(std::isfinite(value) && value >= 0);
    EXPECT_TRUE(std::isfinite(result.loss));
    EXPECT_LT(result.loss, result.history.front().loss);
    for (int c = 0; c < 6; ++c) EXPECT_EQ(f.w.oracle()(1, c), 0);
    for (int c = 0; c < 6; ++c) EXPECT_EQ(f.h.oracle()(c, 2), 0);
  }
}

TYPED_TEST(DivergenceFit, TransformFindsTheBestH) {
  using T = TypeParam;
  auto w = positive(cases::make_factor(4, 60, 1)), h = positive(cases::make_factor(4, 50, 2));
  const DenseStorage<T> storage(oracle::multiply(transpose(w), h));
  const Matrix<T> x(this->context, storage.view());
  for (double beta : {0.0, 1.0, 1.5}) {
    Options options = multiplicative(beta);
    options.max_iterations = 3000;
    options.check_every = 100;
    Factors<T> f(transpose(w), oracle::Dense(4, 50));
    const Result result = transform<T>(x, f.w.view(), f.h.view(), options);
    EXPECT_TRUE(matrix_near(f.h.oracle(), h, 1e-2)) << beta;
    EXPECT_LT(result.loss, 1e-4 * result.history.front().loss) << beta;
  }
}

TYPED_TEST(DivergenceFit, WhatCannotBeComputedIsRefused) {
  using T = TypeParam;
  auto values = cases::make_dense(20, 10, Content::uniform, 1);
  values(3, 4) = 0;
  const DenseStorage<T> storage(values);
  const Matrix<T> x(this->context, storage.view());
  const CsrStorage<T> sparse(sparsify(values));
  const Matrix<T> compressed(this->context, sparse.view());
  Factors<T> f(20, 10, 2);
  const auto name_of_error = [&](const Matrix<T>& matrix, const Options& options) -> std::string {
    try {
      f.fit(matrix, options);
    } catch (const InvalidArgument& e) {
      return e.name();
    }
    return "none";
  };
  Options options = multiplicative(0);
  options.initialization = Initialization::random;
  EXPECT_EQ(name_of_error(x, options), "X(3, 4)");
  options.loss.beta = 0.5;
  EXPECT_EQ(name_of_error(x, options), "none");
  EXPECT_EQ(name_of_error(compressed, options), "options.loss.beta");
  options.loss = Loss::kullback_leibler();
  EXPECT_EQ(name_of_error(compressed, options), "none");
  options.solver = Solver::hals;
  EXPECT_EQ(name_of_error(x, options), "none");
  options.solver = Solver::anls;
  EXPECT_EQ(name_of_error(x, options), "options.solver");
  options.solver = Solver::multiplicative_update;
  options.loss.beta = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(name_of_error(x, options), "options.loss.beta");
  // Their losses would be differences of nearly the same numbers, divided by next to nothing.
  for (double beta : {1e-16, -1e-9, 1 - 0x1p-53, 1 + 1e-9}) {
    options.loss.beta = beta;
    EXPECT_EQ(name_of_error(x, options), "options.loss.beta") << beta;
  }
  options.loss.beta = 1 + 2e-6;
  EXPECT_EQ(name_of_error(x, options), "none");
  EXPECT_THROW(loss<T>(x, f.w.view(), f.h.view(), Loss::itakura_saito()), InvalidArgument);
}

TYPED_TEST(DivergenceFit, LossOfFactorsThatAreNotNumbersIsNone) {
  using T = TypeParam;
  const auto values = cases::make_dense(20, 10, Content::zero_lines, 1);
  const DenseStorage<T> storage(values);
  const CsrStorage<T> entries(sparsify(values));
  auto f = given_start<T>(20, 10, 2);
  f.w(3, 1) = std::numeric_limits<T>::quiet_NaN();
  for (const Matrix<T>& x : {Matrix<T>(this->context, storage.view()), Matrix<T>(this->context, entries.view())})
    for (Loss of : {Loss::frobenius(), Loss::kullback_leibler()})
      EXPECT_TRUE(std::isnan(loss<T>(x, f.w.view(), f.h.view(), of))) << of.beta;
}

}  // namespace
}  // namespace orthant::test
