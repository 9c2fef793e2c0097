// factorize(): one iteration after the other against the textbook, and every option.

#include "orthant/factorize.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orthant/error.hpp"
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
class Factorize : public testing::Test {
 public:
  Context context = make_context();
};
TYPED_TEST_SUITE(Factorize, Precisions, PrecisionNames);

// The same iterations by the oracle. `w`, `h` are updated.
template <class X>
void iterate(const X& x, oracle::Dense& w, oracle::Dense& h, const Options& options) {
  const bool sklearn = options.penalty_scaling == PenaltyScaling::sklearn;
  const double scale_w = sklearn ? static_cast<double>(x.columns) : 1;
  const double scale_h = sklearn ? static_cast<double>(x.rows) : 1;
  const auto update = [&](const Penalty& penalty, double scale) {
    return [&options, p = oracle::Penalty{penalty.l1 * scale, penalty.l2 * scale}](
               const oracle::Dense& f, const oracle::Dense& g, const oracle::Dense& r) {
      return options.solver == Solver::hals   ? oracle::hals(f, g, r, p, options.sweeps)
             : options.solver == Solver::anls ? oracle::anls(f, g, r, p)
                                              : oracle::multiplicative_update(f, g, r, p);
    };
  };
  for (int i = 0; i < options.max_iterations; ++i)
    oracle::iterate(x, w, h, update(options.w_penalty, scale_w), update(options.h_penalty, scale_h));
}

template <class T, class X>
void expect_follows_oracle(const Matrix<T>& x, const X& exact, int k, const Options& options) {
  auto f = given_start<T>(x.rows(), x.columns(), k);
  auto w = f.w.oracle(), h = f.h.oracle();
  iterate(exact, w, h, options);
  const Result result = f.fit(x, options);
  EXPECT_EQ(result.iterations, options.max_iterations);
  EXPECT_EQ(result.stop_reason, StopReason::max_iterations);
  const double tolerance = options.max_iterations * Tolerance<T>::iteration(x.rows(), x.columns());
  EXPECT_TRUE(matrix_near(f.w.oracle(), w, tolerance));
  EXPECT_TRUE(matrix_near(f.h.oracle(), h, tolerance));
}

std::vector<Options> every_update() {
  std::vector<Options> all;
  for (Solver solver : {Solver::multiplicative_update, Solver::hals, Solver::anls})
    for (int sweeps : {1, 3})
      for (PenaltyScaling scaling : {PenaltyScaling::none, PenaltyScaling::sklearn})
        for (const auto& [w, h] :
             {std::pair<Penalty, Penalty>{{0, 0}, {0, 0}}, {{0.02, 0}, {0, 0.03}}, {{0.01, 0.02}, {0.03, 0.04}}}) {
          if (solver != Solver::hals && sweeps > 1) continue;
          if (scaling == PenaltyScaling::sklearn && w.l1 == 0) continue;
          Options o = plain({.solver = solver, .initialization = Initialization::given, .sweeps = sweeps});
          o.penalty_scaling = scaling;
          o.w_penalty = w;
          o.h_penalty = h;
          o.tolerance = 0;
          all.push_back(o);
        }
  return all;
}

TYPED_TEST(Factorize, DenseIterationsAreTheTextbooks) {
  using T = TypeParam;
  for (auto [m, n] : {std::pair<std::int64_t, std::int64_t>{61, 43}, {43, 61}})
    for (Layout layout : cases::kLayouts) {
      const DenseStorage<T> storage(cases::make_dense(m, n, Content::uniform, 1), layout, 3);
      const Matrix<T> x(this->context, storage.view());
      for (Options options : every_update())
        for (int iterations : {1, 2, 3}) {
          options.max_iterations = iterations;
          expect_follows_oracle(x, storage.oracle(), 5, options);
        }
    }
}

TYPED_TEST(Factorize, SparseIterationsAreTheTextbooks) {
  using T = TypeParam;
  for (auto [m, n] : {std::pair<std::int64_t, std::int64_t>{61, 43}, {43, 61}}) {
    const CsrStorage<T> storage(cases::make_sparse({m, n, 5, 700}, 1));
    const Matrix<T> x(this->context, storage.view());
    for (Options options : every_update())
      for (int iterations : {1, 2, 3}) {
        options.max_iterations = iterations;
        expect_follows_oracle(x, storage.oracle(), 5, options);
      }
  }
}

TYPED_TEST(Factorize, OneIterationOfEveryRank) {
  using T = TypeParam;
  for (int k : cases::kRanks)
    for (Solver solver : {Solver::multiplicative_update, Solver::hals}) {
      SCOPED_TRACE(k);
      const DenseStorage<T> dense(cases::make_dense(310, 257, Content::uniform, 1));
      const CsrStorage<T> sparse(cases::make_sparse({310, 257, k, 9000}, 1));
      const Options options = plain({.solver = solver, .initialization = Initialization::given, .max_iterations = 1});
      expect_follows_oracle(Matrix<T>(this->context, dense.view()), dense.oracle(), k, options);
      expect_follows_oracle(Matrix<T>(this->context, sparse.view()), sparse.oracle(), k, options);
    }
}

TYPED_TEST(Factorize, TakesFactorsInAnyLayout) {
  using T = TypeParam;
  const DenseStorage<T> storage(cases::make_dense(61, 43, Content::uniform, 1));
  const Matrix<T> x(this->context, storage.view());
  const Options options{.initialization = Initialization::given, .max_iterations = 4};
  auto expected = given_start<T>(61, 43, 5);
  const auto w0 = expected.w.oracle(), h0 = expected.h.oracle();
  expected.fit(x, options);
  for (Layout w_layout : cases::kLayouts)
    for (Layout h_layout : cases::kLayouts)
      for (std::int64_t padding : cases::kPaddings) {
        Factors<T> f(w0, h0, w_layout, h_layout, padding);
        const auto gaps = std::count_if(f.w.values().begin(), f.w.values().end(), [](T v) { return std::isnan(v); });
        f.fit(x, options);
        EXPECT_EQ(f.entries(), expected.entries());
        EXPECT_EQ(gaps, std::count_if(f.w.values().begin(), f.w.values().end(), [](T v) { return std::isnan(v); }));
      }
}

TYPED_TEST(Factorize, ReportsWhatItReturns) {
  using T = TypeParam;
  const auto exact = planted(61, 43, 4, 0.1, 3);
  const DenseStorage<T> dense(exact);
  const CsrStorage<T> sparse(sparsify(exact));
  for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())})
    for (Options options : every_update()) {
      options.max_iterations = 7;
      options.check_every = 3;
      auto f = given_start<T>(61, 43, 4);
      const Result result = f.fit(x, options);
      const auto w = f.w.oracle(), h = f.h.oracle();
      const bool scaled = options.penalty_scaling == PenaltyScaling::sklearn;
      const oracle::Penalty pw{options.w_penalty.l1 * (scaled ? 43 : 1), options.w_penalty.l2 * (scaled ? 43 : 1)};
      const oracle::Penalty ph{options.h_penalty.l1 * (scaled ? 61 : 1), options.h_penalty.l2 * (scaled ? 61 : 1)};
      const double loss = oracle::loss(dense.oracle(), w, h);
      const double norm = std::sqrt(oracle::squared_norm(dense.oracle()));
      EXPECT_TRUE(number_near(result.loss, loss, Tolerance<T>::objective()));
      EXPECT_TRUE(number_near(result.objective, loss + pw.of(w) + ph.of(h), Tolerance<T>::objective()));
      EXPECT_TRUE(number_near(result.relative_error, std::sqrt(2 * loss) / norm, Tolerance<T>::objective()));
      const double kkt = oracle::kkt_residual(dense.oracle(), w, h, pw, ph);
      EXPECT_TRUE(number_near(result.kkt_residual, kkt, Tolerance<T>::objective(), Tolerance<T>::iteration(61, 43)));
      // The stronger penalties leave some.
      int dead = 0;
      for (int c = 0; c < 4; ++c) {
        double w_sum = 0, h_sum = 0;
        for (std::int64_t i = 0; i < 61; ++i) w_sum += w(i, c);
        for (std::int64_t j = 0; j < 43; ++j) h_sum += h(c, j);
        dead += w_sum == 0 || h_sum == 0;
      }
      EXPECT_EQ(result.dead_components, dead);
      EXPECT_GE(result.seconds, result.initialization_seconds);
      EXPECT_GT(result.seconds_per_iteration, 0);

      std::vector<int> checked;
      for (const Progress& progress : result.history) {
        checked.push_back(progress.iteration);
        EXPECT_EQ(progress.max_iterations, 7);
        EXPECT_TRUE(
            number_near(progress.relative_error, std::sqrt(2 * progress.loss) / norm, Tolerance<T>::objective()));
        EXPECT_GE(progress.objective, progress.loss);
      }
      EXPECT_EQ(checked, (std::vector<int>{0, 3, 6, 7}));
      EXPECT_TRUE(number_near(result.history.back().loss, result.loss, Tolerance<T>::objective()));
      const auto start = given_start<T>(61, 43, 4);
      EXPECT_TRUE(number_near(result.history.front().loss,
                              oracle::loss(dense.oracle(), start.w.oracle(), start.h.oracle()),
                              Tolerance<T>::objective()));
    }
}

TYPED_TEST(Factorize, FrozenSideStaysAndTheOtherFollowsTheTextbook) {
  using T = TypeParam;
  const DenseStorage<T> storage(cases::make_dense(61, 43, Content::uniform, 1));
  const Matrix<T> x(this->context, storage.view());
  const auto exact = storage.oracle();
  for (Solver solver : {Solver::multiplicative_update, Solver::hals}) {
    Options options = plain({.solver = solver, .initialization = Initialization::given, .max_iterations = 3});
    const auto update = [&](const oracle::Dense& f, const oracle::Terms& t) {
      return solver == Solver::hals ? oracle::hals(f, t.gram, t.product)
                                    : oracle::multiplicative_update(f, t.gram, t.product);
    };
    const double tolerance = 3 * Tolerance<T>::iteration(61, 43);
    {
      options.update_w = false;
      auto f = given_start<T>(61, 43, 5);
      const auto w = f.w.oracle();
      auto h = f.h.oracle();
      for (int i = 0; i < 3; ++i) h = update(h, oracle::terms(exact, w));
      const Result result = f.fit(x, options);
      EXPECT_EQ(f.w.oracle().values, w.values);
      EXPECT_TRUE(matrix_near(f.h.oracle(), h, tolerance));
      const auto [g, r] = oracle::terms(exact, w);
      EXPECT_TRUE(number_near(result.kkt_residual, oracle::kkt(f.h.oracle(), g, r).residual(), tolerance, tolerance))
          << "of the updated side alone";
      options.update_w = true;
    }
    {
      options.update_h = false;
      auto f = given_start<T>(61, 43, 5);
      const auto h = f.h.oracle();
      auto w = f.w.oracle();
      const auto terms = oracle::terms(transpose(exact), transpose(h));
      for (int i = 0; i < 3; ++i) w = transpose(update(transpose(w), terms));
      f.fit(x, options);
      EXPECT_EQ(f.h.oracle().values, h.values);
      EXPECT_TRUE(matrix_near(f.w.oracle(), w, tolerance));
    }
  }
}

// The problem of one side is convex: exact steps find in one what sweeps approach. From zero and from anywhere else.
TYPED_TEST(Factorize, AnlsFindsTheHThatManySweepsOfHalsApproach) {
  using T = TypeParam;
  const auto exact = planted(61, 43, 5, 0.3, 3);
  const DenseStorage<T> dense(exact);
  const CsrStorage<T> sparse(sparsify(exact));
  for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())})
    for (const Penalty& penalty : {Penalty{}, Penalty{0.05, 0.1}}) {
      Options options = plain({.h_penalty = penalty, .sweeps = 3000, .max_iterations = 1, .tolerance = 0});
      auto swept = given_start<T>(61, 43, 5), solved = swept, restarted = swept;
      transform<T>(x, std::as_const(swept.w).view(), swept.h.view(), options);
      options.solver = Solver::anls;
      options.sweeps = 1;
      const Result result = transform<T>(x, std::as_const(solved.w).view(), solved.h.view(), options);
      EXPECT_LT(result.kkt_residual, Tolerance<T>::hals_sweep(5));
      const double tolerance = 10 * Tolerance<T>::hals_sweep(5);  // both near the minimum, where the loss is flat
      EXPECT_TRUE(matrix_near(solved.h.oracle(), swept.h.oracle(), tolerance));
      options.initialization = Initialization::given;
      options.update_w = false;
      restarted.fit(x, options);
      EXPECT_TRUE(matrix_near(restarted.h.oracle(), solved.h.oracle(), Tolerance<T>::hals_sweep(5)));
    }
}

// With a frozen side the start of the other may still be computed; the frozen values are the caller's.
TYPED_TEST(Factorize, FrozenSideStaysWithComputedStart) {
  using T = TypeParam;
  const DenseStorage<T> storage(cases::make_dense(61, 43, Content::uniform, 1));
  const Matrix<T> x(this->context, storage.view());
  for (auto initialization : {Initialization::random, Initialization::nndsvda}) {
    Options options{.initialization = initialization, .update_w = false, .max_iterations = 3};
    auto f = given_start<T>(61, 43, 5);
    const auto w = f.w.oracle();
    f.fit(x, options);
    EXPECT_EQ(f.w.oracle().values, w.values);
  }
}

TYPED_TEST(Factorize, ZeroIterationsOnlyMeasureTheStart) {
  using T = TypeParam;
  const DenseStorage<T> storage(cases::make_dense(61, 43, Content::uniform, 1));
  const Matrix<T> x(this->context, storage.view());
  auto f = given_start<T>(61, 43, 5);
  const auto before = f.entries();
  const Result result = f.fit(x, {.initialization = Initialization::given, .max_iterations = 0});
  EXPECT_EQ(f.entries(), before);
  EXPECT_EQ(result.iterations, 0);
  EXPECT_EQ(result.stop_reason, StopReason::max_iterations);
  EXPECT_TRUE(number_near(result.loss, f.loss_of(x), Tolerance<T>::objective()));
  EXPECT_TRUE(number_near(result.kkt_residual, oracle::kkt_residual(storage.oracle(), f.w.oracle(), f.h.oracle()),
                          Tolerance<T>::objective()));
  EXPECT_EQ(result.history.size(), 1u);
}

TYPED_TEST(Factorize, StopsWhenTheLossHardlyFalls) {
  using T = TypeParam;
  const DenseStorage<T> storage(planted(61, 43, 4, 0.3, 3));
  const Matrix<T> x(this->context, storage.view());
  for (int every : {1, 5, 10}) {
    auto f = given_start<T>(61, 43, 4);
    const double tolerance = 1e-4;
    const Result result = f.fit(x, {.initialization = Initialization::given,
                                    .max_iterations = 5000,
                                    .tolerance = tolerance,
                                    .check_every = every});
    ASSERT_EQ(result.stop_reason, StopReason::converged);
    ASSERT_LT(result.iterations, 5000);
    EXPECT_EQ(result.iterations % every, 0);
    EXPECT_EQ(result.iterations, result.history.back().iteration);
    for (std::size_t i = 1; i < result.history.size(); ++i) {
      const Progress &a = result.history[i - 1], &b = result.history[i];
      const double decrease = (a.objective - b.objective) / (b.iteration - a.iteration);
      if (i + 1 == result.history.size())
        EXPECT_LE(decrease / a.objective, tolerance);
      else
        EXPECT_GT(decrease / b.objective, tolerance);
    }
  }
}

TYPED_TEST(Factorize, StopsWhenTheProjectedGradientIsSmall) {
  using T = TypeParam;
  const DenseStorage<T> storage(planted(61, 43, 4, 0.3, 3));
  const Matrix<T> x(this->context, storage.view());
  auto f = given_start<T>(61, 43, 4);
  const Result result = f.fit(x, plain({.initialization = Initialization::given,
                                        .max_iterations = 20000,
                                        .tolerance = 1e-3,
                                        .stopping = Stopping::projected_gradient}));
  ASSERT_EQ(result.stop_reason, StopReason::converged);
  EXPECT_GT(result.iterations, 10);
  for (std::size_t i = 0; i + 1 < result.history.size(); ++i) EXPECT_GT(result.history[i].kkt_residual, 1e-3);
  EXPECT_LE(result.history.back().kkt_residual, 1e-3);
  EXPECT_LE(oracle::kkt_residual(storage.oracle(), f.w.oracle(), f.h.oracle()), 1.5e-3);
}

TYPED_TEST(Factorize, ToleranceZeroNeverStopsEarly) {
  using T = TypeParam;
  // Rank 1: at its minimum after a few iterations, where the loss does not change any more.
  const DenseStorage<T> storage(planted(30, 20, 1, 0.1, 3));
  const Matrix<T> x(this->context, storage.view());
  for (Stopping stopping : {Stopping::loss, Stopping::projected_gradient}) {
    auto f = given_start<T>(30, 20, 1);
    const Result result = f.fit(
        x, {.initialization = Initialization::given, .max_iterations = 300, .tolerance = 0, .stopping = stopping});
    EXPECT_EQ(result.iterations, 300);
    EXPECT_EQ(result.stop_reason, StopReason::max_iterations);
  }
}

// What is measured at a check is not in the way of the update: factors have the same bits however often one looks.
TYPED_TEST(Factorize, FactorsDoNotDependOnHowOftenTheyAreChecked) {
  using T = TypeParam;
  const DenseStorage<T> dense(planted(61, 43, 7, 0.3, 3));
  const CsrStorage<T> sparse(cases::make_sparse({61, 43, 7, 700}, 5));
  for (const Matrix<T>& x : {Matrix<T>(this->context, dense.view()), Matrix<T>(this->context, sparse.view())}) {
    for (const Options& every : every_update()) {
      for (const Loss& loss : {Loss::frobenius(), Loss::kullback_leibler()}) {
        if (loss != Loss::frobenius() && every.solver == Solver::anls) continue;
        Options options = every;
        options.loss = loss;
        options.max_iterations = 12;
        options.check_every = 12;
        auto once = given_start<T>(61, 43, 7), often = given_start<T>(61, 43, 7);
        once.fit(x, options);
        options.check_every = 1;
        often.fit(x, options);
        ASSERT_EQ(once.entries(), often.entries())
            << "solver " << static_cast<int>(options.solver) << " sweeps " << options.sweeps << " beta " << loss.beta;
      }
    }
  }
}

TYPED_TEST(Factorize, CallsBackAtEveryCheck) {
  using T = TypeParam;
  const DenseStorage<T> storage(planted(61, 43, 4, 0.3, 3));
  const Matrix<T> x(this->context, storage.view());
  std::vector<Progress> seen;
  Options options{.initialization = Initialization::given, .max_iterations = 25, .tolerance = 0};
  options.on_check = [&](const Progress& progress) {
    seen.push_back(progress);
    return true;
  };
  auto f = given_start<T>(61, 43, 4);
  const Result result = f.fit(x, options);
  ASSERT_EQ(seen.size(), result.history.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].iteration, result.history[i].iteration);
    EXPECT_EQ(seen[i].objective, result.history[i].objective);
    EXPECT_EQ(seen[i].kkt_residual, result.history[i].kkt_residual);
    EXPECT_GE(seen[i].seconds, i > 0 ? seen[i - 1].seconds : 0);
  }
  EXPECT_EQ(seen.back().iteration, 25);
}

TYPED_TEST(Factorize, CallerMayStop) {
  using T = TypeParam;
  const DenseStorage<T> storage(planted(61, 43, 4, 0.3, 3));
  const Matrix<T> x(this->context, storage.view());
  for (int last : {0, 10, 20}) {
    Options options{.initialization = Initialization::given, .max_iterations = 1000, .tolerance = 0};
    options.on_check = [&](const Progress& progress) { return progress.iteration < last; };
    auto f = given_start<T>(61, 43, 4);
    const Result result = f.fit(x, options);
    EXPECT_EQ(result.stop_reason, StopReason::stopped_by_caller);
    EXPECT_EQ(result.iterations, last);
    EXPECT_TRUE(number_near(result.loss, f.loss_of(x), Tolerance<T>::objective()));
    auto expected = given_start<T>(61, 43, 4);
    expected.fit(x, {.initialization = Initialization::given, .max_iterations = last, .tolerance = 0});
    EXPECT_EQ(f.entries(), expected.entries()) << last;
  }
}

// Also where W and H are copies of the caller's: they are copied back.
TYPED_TEST(Factorize, ExceptionsPassThroughTheCallback) {
  using T = TypeParam;
  struct Mine {
    int iteration;
  };
  const DenseStorage<T> storage(planted(61, 43, 4, 0.3, 3));
  const Matrix<T> x(this->context, storage.view());
  Options options{.initialization = Initialization::given, .max_iterations = 1000, .tolerance = 0};
  options.on_check = [&](const Progress& progress) -> bool {
    if (progress.iteration == 10) throw Mine{progress.iteration};
    return true;
  };
  auto f = given_start<T>(61, 43, 4);
  try {
    f.fit(x, options);
    FAIL() << "swallowed the exception";
  } catch (const Mine& mine) {
    EXPECT_EQ(mine.iteration, 10);
  }
  // What the iterations before have made is kept, also where the callback runs out of memory.
  options.on_check = [](const Progress& progress) -> bool {
    if (progress.iteration == 10) throw OutOfMemory(1, 0);
    return true;
  };
  const auto start = given_start<T>(61, 43, 4);
  Factors<T> elsewhere(start.w.oracle(), start.h.oracle(), Layout::column_major, Layout::row_major);
  EXPECT_THROW(elsewhere.fit(x, options), OutOfMemory);
  EXPECT_EQ(elsewhere.entries(), f.entries());
  auto again = given_start<T>(61, 43, 4);
  EXPECT_EQ(again.fit(x, {.initialization = Initialization::given, .max_iterations = 5, .tolerance = 0}).iterations, 5);
}

// Refused before anything is touched, by the name the caller used.
TYPED_TEST(Factorize, RefusesBadArguments) {
  using T = TypeParam;
  const DenseStorage<T> storage(cases::make_dense(61, 43, Content::uniform, 1));
  const Matrix<T> x(this->context, storage.view());
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double inf = std::numeric_limits<double>::infinity();

  const auto expect_refused = [&](auto change, const char* name) {
    SCOPED_TRACE(name);
    auto f = given_start<T>(61, 43, 5);
    Options options{.initialization = Initialization::given, .max_iterations = 3};
    auto w = f.w.view();
    auto h = f.h.view();
    change(options, w, h);
    const auto before = f.entries();
    try {
      factorize<T>(x, w, h, options);
      ADD_FAILURE() << "accepted";
    } catch (const InvalidArgument& e) {
      EXPECT_THAT(e.name(), HasSubstr(name));
      EXPECT_FALSE(e.value().empty());
      EXPECT_FALSE(e.expected().empty());
    }
    EXPECT_EQ(f.entries(), before);
  };
  using V = DenseView<T>;
  expect_refused([](Options& o, V&, V&) { o.sweeps = -1; }, "sweeps");
  expect_refused(
      [](Options& o, V&, V&) {
        o.solver = Solver::anls;
        o.sweeps = 2;
      },
      "sweeps");
  expect_refused(
      [](Options& o, V&, V&) {
        o.loss = {1.5};
        o.solver = Solver::multiplicative_update;
        o.sweeps = 2;
      },
      "sweeps");
  for (Solver solver : {Solver::hals, Solver::multiplicative_update})
    expect_refused(
        [&](Options& o, V&, V&) {
          o.loss = Loss::kullback_leibler();
          o.solver = solver;
          o.acceleration = Acceleration::extrapolation;
        },
        "acceleration");
  expect_refused([](Options& o, V&, V&) { o.check_every = 0; }, "check_every");
  expect_refused([](Options& o, V&, V&) { o.max_iterations = -1; }, "max_iterations");
  expect_refused([](Options& o, V&, V&) { o.tolerance = -1e-3; }, "tolerance");
  expect_refused([&](Options& o, V&, V&) { o.tolerance = nan; }, "tolerance");
  expect_refused([](Options& o, V&, V&) { o.w_penalty.l1 = -1; }, "w_penalty.l1");
  expect_refused([&](Options& o, V&, V&) { o.w_penalty.l2 = inf; }, "w_penalty.l2");
  expect_refused([&](Options& o, V&, V&) { o.h_penalty.l1 = nan; }, "h_penalty.l1");
  expect_refused([](Options& o, V&, V&) { o.h_penalty.l2 = -1; }, "h_penalty.l2");
  expect_refused([](Options&, V& w, V&) { w.data = nullptr; }, "W");
  expect_refused([](Options&, V&, V& h) { h.data = nullptr; }, "H");
  expect_refused([](Options&, V& w, V&) { w.rows = 60; }, "W");
  expect_refused([](Options&, V&, V& h) { h.columns = 42; }, "H");
  expect_refused([](Options&, V& w, V&) { w.columns = 4; }, "");
  expect_refused([](Options&, V& w, V&) { w.ld = 4; }, "W");
  expect_refused([](Options&, V&, V& h) { h.ld = 4; }, "H");
  expect_refused([](Options&, V& w, V& h) { w.columns = h.rows = 0; }, "");
  expect_refused([](Options&, V& w, V&) { w.space = MemorySpace::device; }, "W");
  expect_refused(
      [](Options& o, V&, V&) {
        o.solver = Solver::multiplicative_update;
        o.initialization = Initialization::nndsvd;
      },
      "initialization");
  expect_refused([](Options& o, V&, V&) { o.solver = static_cast<Solver>(3); }, "solver");
  expect_refused([](Options& o, V&, V&) { o.initialization = static_cast<Initialization>(5); }, "initialization");
  expect_refused([](Options& o, V&, V&) { o.acceleration = static_cast<Acceleration>(-1); }, "acceleration");
  expect_refused([](Options& o, V&, V&) { o.stopping = static_cast<Stopping>(2); }, "stopping");
  expect_refused([](Options& o, V&, V&) { o.penalty_scaling = static_cast<PenaltyScaling>(2); }, "penalty_scaling");
}

// Nothing that is done to them would change them, which would look like convergence.
TYPED_TEST(Factorize, RefusesStartsThatNothingLeaves) {
  using T = TypeParam;
  const DenseStorage<T> storage(cases::make_dense(61, 43, Content::uniform, 1));
  const Matrix<T> x(this->context, storage.view());
  const T tiny = std::sqrt(std::numeric_limits<T>::min()) / 1000;
  const auto refused = [&](Solver solver, T w, T h) {
    Options options{.solver = solver, .initialization = Initialization::given, .max_iterations = 3};
    auto f = given_start<T>(61, 43, 5);
    for (T& value : f.w.values()) value *= w;
    for (T& value : f.h.values()) value *= h;
    try {
      f.fit(x, options);
    } catch (const InvalidArgument& e) {
      return e.name();
    }
    return std::string();
  };
  for (T none : {T(0), tiny}) {
    EXPECT_EQ(refused(Solver::hals, none, none), "W and H");
    EXPECT_EQ(refused(Solver::anls, none, none), "W and H");
    EXPECT_EQ(refused(Solver::multiplicative_update, none, 1), "W");
    EXPECT_EQ(refused(Solver::multiplicative_update, 1, none), "H");
  }
  const T cube = std::cbrt(std::numeric_limits<T>::min());
  EXPECT_EQ(refused(Solver::multiplicative_update, cube / 1000, cube / 1000), "W and H");
  EXPECT_EQ(refused(Solver::hals, cube / 1000, cube / 1000), "");
  EXPECT_EQ(refused(Solver::hals, 0, 1), "");
  EXPECT_EQ(refused(Solver::multiplicative_update, T(1e-3), T(1e-3)), "");
}

TYPED_TEST(Factorize, NamesBadEntriesOfTheGivenStart) {
  using T = TypeParam;
  const DenseStorage<T> storage(cases::make_dense(61, 43, Content::uniform, 1));
  const Matrix<T> x(this->context, storage.view());
  for (double bad : {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    auto f = given_start<T>(61, 43, 5);
    f.w(17, 3) = static_cast<T>(bad);
    try {
      f.fit(x, {.initialization = Initialization::given});
      ADD_FAILURE() << "accepted " << bad;
    } catch (const InvalidArgument& e) {
      EXPECT_EQ(e.name(), "W(17, 3)");
    }
    f = given_start<T>(61, 43, 5);
    f.h(4, 40) = static_cast<T>(bad);
    try {
      f.fit(x, {.initialization = Initialization::given});
      ADD_FAILURE() << "accepted " << bad;
    } catch (const InvalidArgument& e) {
      EXPECT_EQ(e.name(), "H(4, 40)");
    }
  }
}

TYPED_TEST(Factorize, LeavingTheFiniteNumbersIsAnError) {
  using T = TypeParam;
  const T huge = std::numeric_limits<T>::max() / 4;
  const DenseStorage<T> storage(cases::make_dense(61, 43, Content::uniform, 1));
  const Matrix<T> x(this->context, storage.view());
  for (Solver solver : {Solver::multiplicative_update, Solver::hals, Solver::anls}) {
    auto f = given_start<T>(61, 43, 5);
    for (auto& value : f.w.values()) value *= huge;
    for (auto& value : f.h.values()) value *= huge;
    try {
      f.fit(x, {.solver = solver, .initialization = Initialization::given, .max_iterations = 30, .tolerance = 0});
      ADD_FAILURE() << "no error";
    } catch (const NumericalError& e) {
      EXPECT_GE(e.iteration(), 0);
      EXPECT_LE(e.iteration(), 10) << "found at the first check";
      EXPECT_THAT(e.what(), HasSubstr("iteration"));
    }
  }
}

TYPED_TEST(Factorize, DeterministicMayBeAskedFor) {
  using T = TypeParam;
  const DenseStorage<T> storage(cases::make_dense(61, 43, Content::uniform, 1));
  const Matrix<T> x(this->context, storage.view());
  auto a = given_start<T>(61, 43, 5), b = given_start<T>(61, 43, 5);
  a.fit(x, {.initialization = Initialization::given, .max_iterations = 5, .deterministic = true});
  b.fit(x, {.initialization = Initialization::given, .max_iterations = 5});
  EXPECT_EQ(a.entries(), b.entries());
}

}  // namespace
}  // namespace orthant::test
