// Each call to CUDA and its libraries fails in turn, by the rig: every run ends in a typed error, nothing is leaked,
// and the same Context works afterwards.

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "orthant/cuda.hpp"
#include "orthant/error.hpp"
#include "orthant/factorize.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/placed.hpp"
#include "tests/simt/rig.hpp"
#include "tests/test_context.hpp"

namespace orthant::test {
namespace {

// Runs `task` with its n-th call failing. Returns what was thrown: "" if the task is done, which means that n is larger
// than the number of its calls, or that the call was one whose failure does not matter.
std::string run_with_failure(std::int64_t n, const std::function<void()>& task) {
  simt::fail_at(n);
  std::string error;
  try {
    task();
  } catch (const CudaError& e) {
    error = e.what();
    EXPECT_FALSE(e.call().empty());
    EXPECT_FALSE(e.code().empty());
  } catch (const OutOfMemory& e) {
    error = e.what();
  } catch (const BackendUnavailable& e) {
    error = e.what();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "call " << n << ": not a typed error of CUDA's, but " << e.what();
    error = e.what();
  }
  simt::fail_at(-1);
  return error;
}

// Repeats `task` for every n (or every `step`-th). Each run goes as far as the call that is to fail in it, and so is
// the proof that what failed before has left the Context as it was; `after`, from time to time, goes on to the end.
void fail_every_call(const std::function<void()>& task, const std::function<void()>& after, std::int64_t step = 1) {
  task();  // these make what is made once
  after();
  const std::int64_t before = simt::calls_made();
  task();
  const std::int64_t calls = simt::calls_made() - before;
  ASSERT_GT(calls, 0);
  const simt::Live live = simt::live();
  int errors = 0, runs = 0;
  for (std::int64_t n = 1; n <= calls; n += step) {
    const std::int64_t made = simt::calls_made();
    const std::string error = run_with_failure(n, task);
    errors += !error.empty();
    EXPECT_GE(simt::calls_made() - made, n) << "\"" << error << "\" came before the call that was to fail";
    const simt::Live now = simt::live();
    EXPECT_TRUE(now == live) << "after \"" << error << "\" at call " << n << ": allocations " << now.allocations
                             << " (before " << live.allocations << "), streams " << now.streams << " (" << live.streams
                             << "), graphs " << now.graphs << " (" << live.graphs << "), graph executables "
                             << now.graph_execs << " (" << live.graph_execs << "), handles " << now.handles << " ("
                             << live.handles << ")";
    EXPECT_EQ(simt::take_report(), "") << "at call " << n;
    if (++runs % 8 == 0) after();
    if (testing::Test::HasFailure()) return;
  }
  after();
  // The failures of releases alone are nobody's business.
  EXPECT_GT(errors, calls / step / 2);
}

class CudaFaults : public testing::Test {
 public:
  // A device for which the Context keeps little memory, since the rig protects and unprotects it for each wait.
  CudaFaults() {
    cudaGetDeviceProperties(&before_, 0);
    cudaDeviceProp properties = before_;
    properties.major = 8;
    simt::set_properties(properties);
  }
  ~CudaFaults() override { simt::set_properties(before_); }

  const oracle::Dense exact = planted(13, 9, 2, 0.1, 3);
  const DenseStorage<float> dense{exact};
  const CsrStorage<float> sparse{sparsify(exact)};

  void fit(const Context& context, Initialization start, Loss loss = Loss::frobenius()) const {
    Options options =
        plain({.loss = loss, .initialization = start, .max_iterations = 4, .tolerance = 0, .check_every = 3});
    if (loss != Loss::frobenius()) options.solver = Solver::multiplicative_update;
    for (const Matrix<float>& x : {Matrix<float>(context, dense.view()), Matrix<float>(context, sparse.view())}) {
      auto f = given_start<float>(13, 9, 2);
      const Result result = f.fit(x, options);
      EXPECT_LT(result.loss, result.history.front().loss);
    }
  }

 private:
  cudaDeviceProp before_{};
};

TEST_F(CudaFaults, OfAFitOnAContextThatLivesOn) {
  const Context context = make_context();
  const auto after = [&] { fit(context, Initialization::given); };
  fail_every_call([&] { fit(context, Initialization::random); }, after);
  fail_every_call([&] { fit(context, Initialization::nndsvda); }, after, 7);  // mostly the same calls, many times
}

TEST_F(CudaFaults, OfAFitByCusparse) {
  const Context context = Context::cuda({.sparse_product = SparseProduct::cusparse});
  const auto fit_sparse = [&] {
    const Matrix<float> x(context, sparse.view());
    auto f = given_start<float>(13, 9, 2);
    EXPECT_LT(
        f.fit(x, plain({.initialization = Initialization::given, .max_iterations = 2, .tolerance = 0})).relative_error,
        0.9);
  };
  fail_every_call(fit_sparse, fit_sparse);
}

TEST_F(CudaFaults, OfExactLeastSquares) {
  const Context context = make_context();
  const DenseStorage<float> gram(oracle::gram(transpose(exact))), products(transpose(exact));
  const auto solve = [&] {
    DenseStorage<float> solution(9, 13);
    EXPECT_LT(nnls<float>(context, gram.view(), products.view(), solution.view()).kkt_residual, 1e-4);
    auto f = given_start<float>(13, 9, 2);
    const Options options =
        plain({.solver = Solver::anls, .initialization = Initialization::given, .max_iterations = 2});
    EXPECT_LT(f.fit(Matrix<float>(context, dense.view()), options).relative_error, 0.9);
  };
  fail_every_call(
      solve, [&] { fit(context, Initialization::given); }, 3);
}

// The triangle of this rank wants more shared memory than a block has unasked.
TEST_F(CudaFaults, OfAskingForSharedMemory) {
  const Context context = make_context();
  const DenseStorage<float> gram(oracle::gram(cases::make_factor(110, 120, 1))),
      products(cases::make_factor(110, 1, 2));
  const auto solve = [&] {
    DenseStorage<float> solution(110, 1);
    EXPECT_LT(nnls<float>(context, gram.view(), products.view(), solution.view()).kkt_residual, 1e-4);
  };
  simt::reset_calls();
  solve();
  EXPECT_EQ(simt::calls()["cudaFuncSetAttribute"], 1);
  fail_every_call(solve, solve);
}

TEST_F(CudaFaults, OfAFitOfADivergence) {
  const Context context = make_context();
  const auto fit_it = [&] { fit(context, Initialization::random, Loss::kullback_leibler()); };
  fail_every_call(fit_it, fit_it);
}

TEST_F(CudaFaults, OfAFitOfWhatCounts) {
  const Context context = make_context();
  const auto fit_it = [&] {
    const Options options{
        .initialization = Initialization::random, .max_iterations = 4, .tolerance = 0, .check_every = 3};
    const CsrView<float> entries = sparse.view();
    for (const Matrix<float>& x :
         {Matrix<float>(context, dense.view(), {.missing = Missing::zeros}),
          Matrix<float>(context, dense.view(), dense.view()), Matrix<float>(context, entries, entries.values)}) {
      auto f = given_start<float>(13, 9, 2);
      const Result result = f.fit(x, options);
      EXPECT_LT(result.loss, result.history.front().loss);
    }
  };
  fail_every_call(fit_it, fit_it);
}

// The loop within a graph, with points that are extrapolated.
TEST_F(CudaFaults, OfAFitThatIsEnqueued) {
  const Context context = make_context();
  const DenseStorage<float> small(planted(5, 4, 2, 0.1, 3));
  const auto fit_it = [&] {
    const Matrix<float> x(context, small.view());
    auto f = given_start<float>(5, 4, 2);
    Placed<float> placed(context);
    const DenseView<float> w = placed(f.w.view()), h = placed(f.h.view());
    const Result result = factorize_async<float>(x, w, h,
                                                 {.initialization = Initialization::random,
                                                  .acceleration = Acceleration::extrapolation,
                                                  .max_iterations = 20,
                                                  .tolerance = 0,
                                                  .check_every = 18})
                              .get();
    EXPECT_EQ(result.iterations, 20);
    EXPECT_LT(result.relative_error, 0.9);
  };
  fail_every_call(fit_it, fit_it, 7);
}

TEST_F(CudaFaults, OfAnExtrapolatedFit) {
  const Context context = make_context();
  const DenseStorage<float> small(planted(5, 4, 2, 0.1, 3));
  const auto fit_it = [&] {
    auto f = given_start<float>(5, 4, 2);
    EXPECT_LT(f.fit(Matrix<float>(context, small.view()), {.initialization = Initialization::given,
                                                           .acceleration = Acceleration::extrapolation,
                                                           .max_iterations = 3,
                                                           .tolerance = 0})
                  .relative_error,
              0.9);
  };
  fail_every_call(fit_it, fit_it, 5);
}

TEST_F(CudaFaults, OfMakingAMatrixThatIsNotAsGiven) {
  const Context context = make_context();
  const DenseStorage<double> wide(planted(5, 4, 2, 0.1, 3));
  const DenseStorage<float> small(planted(5, 4, 2, 0.1, 3));
  CsrStorage<float> unsorted({3, 4, {{0, 1, 1}, {0, 2, 2}, {2, 0, 3}, {2, 3, 4}}});
  std::swap(unsorted.indices()[0], unsorted.indices()[1]);
  const CooStorage<float, std::int64_t> coordinates({3, 4, {{2, 3, 4}, {0, 1, 1}, {2, 0, 3}, {0, 1, 2}}});
  const auto make = [&] {
    EXPECT_EQ(Matrix<float>(context, unsorted.view()).nonzeros(), 4);
    EXPECT_EQ(Matrix<float>(context, coordinates.view()).nonzeros(), 3);
    EXPECT_EQ(Matrix<float>(context, wide.view()).rows(), 5);
  };
  fail_every_call(make, make, 2);
  Placed<float> placed(context);
  const DenseView<const float> view = placed(small.view());
  const auto store = [&] {
    const Matrix<float> x(context, view, {.storage = Storage::bf16});
    auto f = given_start<float>(5, 4, 2);
    EXPECT_LT(
        f.fit(x, plain({.initialization = Initialization::given, .max_iterations = 2, .tolerance = 0})).relative_error,
        0.9);
  };
  fail_every_call(store, store, 2);
}

TEST_F(CudaFaults, OfMakingAContext) {
  fail_every_call([&] { fit(make_context(), Initialization::random); }, [] {});
}

}  // namespace
}  // namespace orthant::test
