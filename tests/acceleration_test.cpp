// Extrapolation with restart and inner updates: against textbook loops, and by what must hold for every fit.

#include <gmock/gmock.h>
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

constexpr Solver kSolvers[] = {Solver::multiplicative_update, Solver::hals, Solver::anls};

template <class T>
class Accelerated : public testing::Test {
 public:
  Context context = make_context();
};
TYPED_TEST_SUITE(Accelerated, Precisions, PrecisionNames);

/// Updates of W and of H in one iteration.
struct Sweeps {
  int w = 1, h = 1;
};

/// One iteration by the oracle, of the factors that are updated.
template <class X>
void iterate(const X& x, oracle::Dense& w, oracle::Dense& h, const Options& options, Sweeps sweeps) {
  const auto update = [&](bool updated, const Penalty& penalty, int times) {
    return [&options, updated, times, p = oracle::Penalty{penalty.l1, penalty.l2}](
               oracle::Dense f, const oracle::Dense& g, const oracle::Dense& r) {
      if (!updated) return f;
      if (options.solver == Solver::hals) return oracle::hals(f, g, r, p, times);
      if (options.solver == Solver::anls) return oracle::anls(f, g, r, p);
      for (int i = 0; i < times; ++i) f = oracle::multiplicative_update(f, g, r, p);
      return f;
    };
  };
  oracle::iterate(x, w, h, update(options.update_w, options.w_penalty, sweeps.w),
                  update(options.update_h, options.h_penalty, sweeps.h));
}

template <class X>
double objective(const X& x, const oracle::Dense& w, const oracle::Dense& h, const Options& options) {
  return oracle::loss(x, w, h) + oracle::Penalty{options.w_penalty.l1, options.w_penalty.l2}.of(w) +
         oracle::Penalty{options.h_penalty.l1, options.h_penalty.l2}.of(h);
}

// Returns the oracle's number of restarts.
template <class T, class X>
int expect_extrapolates_as_oracle(const Matrix<T>& x, const X& exact, Options options) {
  options.initialization = Initialization::given;
  options.acceleration = Acceleration::extrapolation;
  options.tolerance = 0;
  auto f = given_start<T>(x.rows(), x.columns(), 5);
  auto w = f.w.oracle(), h = f.h.oracle();
  const int restarts = oracle::extrapolate(
      w, h, options.max_iterations,
      [&](auto& a, auto& b) {
        iterate(exact, a, b, options, {options.sweeps, options.sweeps});
      },
      [&](const auto& a, const auto& b) { return objective(exact, a, b, options); });
  const Result result = f.fit(x, options);
  EXPECT_EQ(result.iterations, options.max_iterations);
  const double tolerance = options.max_iterations * Tolerance<T>::iteration(x.rows(), x.columns());
  EXPECT_TRUE(matrix_near(f.w.oracle(), w, tolerance));
  EXPECT_TRUE(matrix_near(f.h.oracle(), h, tolerance));
  EXPECT_NEAR(result.objective, objective(exact, w, h, options), Tolerance<T>::objective() * x.squared_norm());
  return restarts;
}

std::vector<Options> every_update() {
  std::vector<Options> all;
  for (Solver solver : kSolvers) {
    all.push_back({.solver = solver, .sweeps = 1});
    all.push_back({.solver = solver, .w_penalty = {0.01, 0.02}, .h_penalty = {0.03, 0.04}, .sweeps = 1});
    all.push_back({.solver = solver, .update_w = false, .sweeps = 1});
    all.push_back({.solver = solver, .update_h = false, .sweeps = 1});
    if (solver != Solver::anls) all.push_back({.solver = solver, .sweeps = 3});
  }
  return all;
}

TYPED_TEST(Accelerated, ExtrapolatedIterationsAreTheTextbooks) {
  using T = TypeParam;
  for (auto [m, n] : {std::pair<std::int64_t, std::int64_t>{61, 43}, {43, 61}}) {
    const CsrStorage<T> entries(cases::make_sparse({m, n, 5, 700}, 1));
    for (Options options : every_update())
      for (int iterations : {1, 2, 5}) {
        SCOPED_TRACE("solver " + std::to_string(static_cast<int>(options.solver)) + ", iterations " +
                     std::to_string(iterations) + ", updates " + std::to_string(options.update_w) +
                     std::to_string(options.update_h));
        options.max_iterations = iterations;
        for (Layout layout : cases::kLayouts) {
          const DenseStorage<T> storage(cases::make_dense(m, n, Content::uniform, 1), layout, 3);
          expect_extrapolates_as_oracle(Matrix<T>(this->context, storage.view()), storage.oracle(), options);
        }
        expect_extrapolates_as_oracle(Matrix<T>(this->context, entries.view()), entries.oracle(), options);
      }
  }
}

// Long enough to be taken back, in double: in float other iterations would be.
TEST(Acceleration, RestartsAreTheTextbooks) {
  const Context context = make_context();
  const auto exact = planted(61, 43, 5, 0.2, 3);
  const DenseStorage<double> storage(exact);
  const Matrix<double> x(context, storage.view());
  for (Solver solver : {Solver::multiplicative_update, Solver::hals}) {
    const int restarts =
        expect_extrapolates_as_oracle(x, storage.oracle(), {.solver = solver, .sweeps = 2, .max_iterations = 80});
    EXPECT_GT(restarts, 0) << "solver " << static_cast<int>(solver);
  }
}

// An iteration that is taken back leaves the objective as it was, and the one after it does not raise it either.
TYPED_TEST(Accelerated, NoIterationRaisesTheObjective) {
  using T = TypeParam;
  const auto exact = cases::make_dense(120, 90, Content::uniform, 3);
  const DenseStorage<T> dense(exact);
  const CsrStorage<T> sparse(sparsify(exact));
  int taken_back = 0;
  for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())})
    for (Options options : every_update()) {
      options.initialization = Initialization::given;
      options.acceleration = Acceleration::extrapolation;
      options.max_iterations = cases::few_cases() ? 20 : 200;
      options.tolerance = 0;
      options.check_every = 1;
      auto f = given_start<T>(120, 90, 6);
      const Result result = f.fit(x, options);
      const double rise = Tolerance<T>::rise(120) * x.squared_norm() / 2;
      double least = result.history.front().objective;
      for (std::size_t i = 1; i < result.history.size(); ++i) {
        const double now = result.history[i].objective;
        ASSERT_LE(now, least + rise) << "iteration " << i << ", solver " << static_cast<int>(options.solver);
        taken_back += now == result.history[i - 1].objective;
        least = std::min(least, now);
      }
      EXPECT_LT(result.objective, result.history.front().objective);
      EXPECT_NEAR(result.loss, oracle::loss(exact, f.w.oracle(), f.h.oracle()),
                  Tolerance<T>::objective() * result.loss);
    }
  EXPECT_GT(taken_back, 0);
}

TYPED_TEST(Accelerated, ReachesALossSooner) {
  using T = TypeParam;
  const auto exact = cases::make_dense(120, 90, Content::uniform, 3);
  const DenseStorage<T> dense(exact);
  const Matrix<T> x(this->context, dense.view());
  for (Solver solver : {Solver::multiplicative_update, Solver::hals}) {
    const auto fit = [&](Acceleration acceleration) {
      auto f = given_start<T>(120, 90, 6);
      return f.fit(x, {.solver = solver,
                       .initialization = Initialization::given,
                       .sweeps = 1,
                       .acceleration = acceleration,
                       .max_iterations = 60,
                       .tolerance = 0});
    };
    EXPECT_LT(fit(Acceleration::extrapolation).loss, fit(Acceleration::none).loss);
  }
}

// Where the sums over X cannot resolve the loss, the residual decides.
TYPED_TEST(Accelerated, LossOfAnExactFactorizationGoesToZero) {
  using T = TypeParam;
  const DenseStorage<T> dense(planted(120, 90, 4, 0, 3));
  const Matrix<T> x(this->context, dense.view());
  Factors<T> f(120, 90, 4);
  const Result result = f.fit(x, {.sweeps = 3,
                                  .acceleration = Acceleration::extrapolation,
                                  .max_iterations = cases::few_cases() ? 1000 : 3000,
                                  .tolerance = 0,
                                  .check_every = 100});
  EXPECT_LT(result.relative_error, 100 * Tolerance<T>::elementwise());
}

// The objective does not move in an iteration that is taken back: that is not convergence.
TYPED_TEST(Accelerated, ARestartIsNotConvergence) {
  using T = TypeParam;
  const DenseStorage<T> dense(cases::make_dense(120, 90, Content::uniform, 3));
  const Matrix<T> x(this->context, dense.view());
  auto f = given_start<T>(120, 90, 20);
  const Result result = f.fit(x, {.initialization = Initialization::given,
                                  .sweeps = 1,
                                  .acceleration = Acceleration::extrapolation,
                                  .max_iterations = 1000,
                                  .tolerance = 5e-6,
                                  .check_every = 1});
  EXPECT_EQ(result.stop_reason, StopReason::converged);
  const auto& history = result.history;
  EXPECT_NE(history[history.size() - 1].objective, history[history.size() - 2].objective);
  int taken_back = 0;
  for (std::size_t i = 1; i < history.size(); ++i) taken_back += history[i].objective == history[i - 1].objective;
  EXPECT_GT(taken_back, 0);
}

TYPED_TEST(Accelerated, KeepsWhatIsFrozen) {
  using T = TypeParam;
  const DenseStorage<T> dense(planted(120, 90, 6, 0.2, 3));
  const Matrix<T> x(this->context, dense.view());
  for (bool update_w : {true, false}) {
    auto f = given_start<T>(120, 90, 6);
    const auto w = f.w.oracle().values, h = f.h.oracle().values;
    f.fit(x, {.initialization = Initialization::given,
              .update_w = update_w,
              .update_h = !update_w,
              .acceleration = Acceleration::extrapolation,
              .max_iterations = 20});
    EXPECT_EQ(f.w.oracle().values == w, !update_w);
    EXPECT_EQ(f.h.oracle().values == h, update_w);
  }
}

TYPED_TEST(Accelerated, SameBitsFromRunToRunAndForAnyNumberOfThreads) {
  using T = TypeParam;
  const std::int64_t m = kOnDevice ? 150 : 700, n = 300;  // on the CPU several chunks
  const auto exact = planted(m, n, 6, 0.2, 3);
  const DenseStorage<T> dense(exact);
  const CsrStorage<T> sparse(sparsify(exact));
  const auto fits = [&](const Context& where, Solver solver) {
    std::vector<std::vector<double>> all;
    for (const Matrix<T>& x : {Matrix<T>(where, dense.view()), Matrix<T>(where, sparse.view())}) {
      auto f = given_start<T>(m, n, 6);
      f.fit(x, {.solver = solver,
                .initialization = Initialization::given,
                .acceleration = Acceleration::extrapolation,
                .max_iterations = kOnDevice ? 10 : 30,
                .tolerance = 0});
      all.push_back(f.entries());
    }
    return all;
  };
  for (Solver solver : {Solver::multiplicative_update, Solver::hals}) {
    const auto expected = fits(this->context, solver);
    EXPECT_EQ(fits(this->context, solver), expected);
    if (kOnDevice) continue;
    for (int threads : {1, 2, 3}) EXPECT_EQ(fits(Context::cpu({.threads = threads}), solver), expected);
  }
}

// The counts that the formula of Options::sweeps gives, by hand.
TYPED_TEST(Accelerated, SweepsAreChosenByTheirCost) {
  using T = TypeParam;
  struct Case {
    std::int64_t m, n, nonzeros;
    Solver solver;
    Sweeps expected;
  };
  for (const Case& c :
       {Case{61, 43, -1, Solver::hals, {5, 7}}, Case{61, 43, -1, Solver::multiplicative_update, {19, 27}},
        Case{20, 400, -1, Solver::hals, {8, 3}}, Case{20, 400, -1, Solver::multiplicative_update, {32, 9}},
        Case{61, 43, 700, Solver::hals, {2, 3}}}) {
    SCOPED_TRACE(std::to_string(c.m) + " x " + std::to_string(c.n) + ", nonzeros " + std::to_string(c.nonzeros));
    const auto content = cases::make_dense(c.m, c.n, Content::uniform, 1);
    const DenseStorage<T> dense(content);
    oracle::Sparse some{c.m, c.n, {}};
    for (std::int64_t p = 0; p < c.nonzeros; ++p) {
      const std::int64_t i = p * 3 % (c.m * c.n);
      some.entries.push_back({i / c.n, i % c.n, content.values[i] + 0.1});
    }
    const CsrStorage<T> sparse(some);
    const bool is_sparse = c.nonzeros >= 0;
    const Matrix<T> x = is_sparse ? Matrix<T>(this->context, sparse.view()) : Matrix<T>(this->context, dense.view());
    const Options options{.solver = c.solver,
                          .initialization = Initialization::given,
                          .acceleration = Acceleration::none,
                          .max_iterations = 1};
    auto f = given_start<T>(c.m, c.n, 5);
    auto w = f.w.oracle(), h = f.h.oracle();
    if (is_sparse) {
      iterate(sparse.oracle(), w, h, options, c.expected);
    } else {
      iterate(dense.oracle(), w, h, options, c.expected);
    }
    f.fit(x, options);
    EXPECT_TRUE(matrix_near(f.w.oracle(), w, c.expected.w * Tolerance<T>::iteration(c.m, c.n)));
    EXPECT_TRUE(matrix_near(f.h.oracle(), h, c.expected.h * Tolerance<T>::iteration(c.m, c.n)));
  }
}

// Where more would each visit X, or one is exact.
TYPED_TEST(Accelerated, AutoIsOneSweepWhereMoreWouldNotPay) {
  using T = TypeParam;
  auto exact = planted(61, 43, 5, 0.1, 3);
  for (auto& value : exact.values) value += 0.01;
  const DenseStorage<T> dense(exact);
  const Matrix<T> x(this->context, dense.view());
  for (auto [loss, solver] : {std::pair{Loss::kullback_leibler(), Solver::hals},
                              {Loss::kullback_leibler(), Solver::multiplicative_update},
                              {Loss::frobenius(), Solver::anls}}) {
    auto chosen = given_start<T>(61, 43, 5), one = given_start<T>(61, 43, 5);
    Options options{
        .loss = loss, .solver = solver, .initialization = Initialization::given, .sweeps = 1, .max_iterations = 3};
    one.fit(x, options);
    options.sweeps = 0;
    chosen.fit(x, options);
    EXPECT_EQ(chosen.entries(), one.entries());
  }
}

}  // namespace
}  // namespace orthant::test
