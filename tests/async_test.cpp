// factorize_async(): the same results as factorize(), without the host.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>
#include <vector>

#include "host/core/backend.hpp"
#include "host/core/runtime.hpp"
#include "orthant/error.hpp"
#include "orthant/factorize.hpp"
#include "tests/assertions.hpp"
#include "tests/fit.hpp"
#include "tests/placed.hpp"
#include "tests/simd_targets.hpp"
#include "tests/test_context.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

template <class T>
class Async : public testing::Test {
 public:
  Context context = make_context();
  const oracle::Dense exact = planted(61, 43, 4, 0.1, 3);
  const DenseStorage<T> dense{exact};
  const CsrStorage<T> sparse{sparsify(exact)};

  // Both ways from the same start, compared bit by bit.
  void expect_same(const Matrix<T>& x, const Options& options, Layout w_layout = Layout::row_major) {
    const auto start = given_start<T>(61, 43, 4);
    Factors<T> a(start.w.oracle(), start.h.oracle(), w_layout), b(start.w.oracle(), start.h.oracle(), w_layout);
    const Result expected = a.fit(x, options);
    Placed<T> placed(context);
    const Pending pending = factorize_async<T>(x, placed(b.w.view()), placed(b.h.view()), options);
    const Result result = pending.get();
    EXPECT_TRUE(pending.ready());
    placed.fetch();
    EXPECT_EQ(b.entries(), a.entries());
    EXPECT_EQ(result.iterations, expected.iterations);
    EXPECT_EQ(result.stop_reason, expected.stop_reason);
    EXPECT_EQ(result.loss, expected.loss);
    EXPECT_EQ(result.objective, expected.objective);
    EXPECT_EQ(result.relative_error, expected.relative_error);
    EXPECT_EQ(result.kkt_residual, expected.kkt_residual);
    EXPECT_EQ(result.dead_components, expected.dead_components);
    ASSERT_EQ(result.history.size(), 1u);
    EXPECT_EQ(result.history[0].iteration, expected.iterations);
  }
};
TYPED_TEST_SUITE(Async, Precisions, PrecisionNames);

TYPED_TEST(Async, FollowsTheLoopThatTheHostControls) {
  using T = TypeParam;
  const Matrix<T> matrices[] = {Matrix<T>(this->context, this->dense.view()),
                                Matrix<T>(this->context, this->sparse.view())};
  // How many iterations at most, and after how many the loop looks.
  std::vector<std::pair<int, int>> lengths = {{0, 10}, {7, 3}, {3, 10}, {20, 10}, {17, 12}, {24, 7}};
  if (!cases::few_cases()) lengths.insert(lengths.end(), {{40, 10}, {70, 40}, {300, 7}});
  for (const Matrix<T>& x : matrices) {
    std::size_t number = 0;
    for (Options options :
         {plain({.tolerance = 0}), plain({.tolerance = 1e-3}),
          plain({.tolerance = 1e-2, .stopping = Stopping::projected_gradient}),
          plain({.solver = Solver::multiplicative_update, .tolerance = 1e-3}),
          plain({.w_penalty = {0.01, 0.02}, .h_penalty = {0.03, 0}, .tolerance = 1e-3}), plain({.update_w = false}),
          plain({.update_h = false}), plain({.update_w = false, .update_h = false}), plain({.sweeps = 3}),
          plain({.solver = Solver::anls, .tolerance = 1e-3}), Options{.acceleration = Acceleration::none},
          Options{.update_h = false}, Options{.tolerance = 1e-3}}) {
      for (std::size_t i = 0; i < lengths.size(); ++i) {
        // What the loop does does not depend on the update: few of the lengths go with each, and all with the default.
        const bool chosen = i % 3 == number % 3 || number == 12;
        if (cases::few_cases() && !chosen) continue;
        const auto [most, every] = lengths[i];
        options.initialization = Initialization::given;
        options.max_iterations = most;
        options.check_every = every;
        SCOPED_TRACE("at most " + std::to_string(most) + " checked every " + std::to_string(every));
        this->expect_same(x, options);
      }
      ++number;
    }
  }
}

// The rounding of a tiny loss is seen, and the residual summed, without the host too.
TYPED_TEST(Async, SumsTheResidualWhereTheLossIsTiny) {
  using T = TypeParam;
  const auto noiseless = planted(61, 43, 4, 0, 3);
  const DenseStorage<T> without_noise(noiseless);
  const CsrStorage<T> entries(sparsify(noiseless));
  const Options options{.initialization = Initialization::random, .max_iterations = 300, .tolerance = 0};
  for (const Matrix<T>& x : {Matrix<T>(this->context, without_noise.view()), Matrix<T>(this->context, entries.view())})
    this->expect_same(x, options);
}

TYPED_TEST(Async, TakesRowMajorHAndColumnMajorW) {
  const Matrix<TypeParam> x(this->context, this->dense.view());
  this->expect_same(x, {.initialization = Initialization::given, .max_iterations = 7}, Layout::column_major);
}

TYPED_TEST(Async, TellsThatTheObjectiveIsNotFinite) {
  using T = TypeParam;
  const Matrix<T> x(this->context, this->dense.view());
  auto f = given_start<T>(61, 43, 4);
  f.w(3, 2) = std::numeric_limits<T>::infinity();
  Placed<T> placed(this->context);
  const Pending pending = factorize_async<T>(x, placed(f.w.view()), placed(f.h.view()),
                                             {.initialization = Initialization::given, .max_iterations = 5});
  EXPECT_THROW(pending.get(), NumericalError);
}

TYPED_TEST(Async, MarkersTellTheTimeOfWhatIsBetweenThem) {
  using T = TypeParam;
  const core::Backend<T>& backend = this->context.runtime()->backend(T());
  const core::Buffer<T> memory(backend.memory(), 100 * 100);
  const auto fill = [&](int times) {
    const auto started = std::chrono::steady_clock::now();
    const auto start = backend.mark();
    for (int i = 0; i < times; ++i) backend.fill({memory.data(), 100, 100, 100}, T(i));
    const double seconds = backend.mark()->seconds_since(*start);  // waits for all of them
    EXPECT_LE(seconds, std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
    return seconds;
  };
  double least = fill(1);
  for (int i = 0; i < 5; ++i) least = std::min(least, fill(1));  // others use the machine too
  EXPECT_GT(least, 0);
  EXPECT_GT(fill(200), least);
}

TYPED_TEST(Async, RefusesWhatNeedsTheHost) {
  using T = TypeParam;
  const Matrix<T> x(this->context, this->dense.view());
  auto f = given_start<T>(61, 43, 4);
  Placed<T> placed(this->context);
  const DenseView<T> w = placed(f.w.view()), h = placed(f.h.view());
  const auto refused = [&](DenseView<T> a, DenseView<T> b, const Options& options) {
    try {
      factorize_async<T>(x, a, b, options);
      return std::string("nothing");
    } catch (const InvalidArgument& e) {
      return e.name();
    }
  };
  EXPECT_EQ(refused(w, h, {}), "options.initialization");
  EXPECT_EQ(refused(w, h, {.initialization = Initialization::random, .on_check = [](const Progress&) { return true; }}),
            "options.on_check");
  DenseView<T> wrong = w;
  wrong.rows = 60;
  EXPECT_EQ(refused(wrong, h, {.initialization = Initialization::random}), "W.rows");
  if (kOnDevice) {
    EXPECT_EQ(refused(f.w.view(), h, {.initialization = Initialization::random}), "W.space");
    EXPECT_EQ(refused(w, f.h.view(), {.initialization = Initialization::random}), "H.space");
  }
}

}  // namespace
}  // namespace orthant::test
