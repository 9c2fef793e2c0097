// What a fit asks of CUDA, counted by the rig: inside the loop nothing but replays of one graph.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"
#include "orthant/factorize.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/placed.hpp"
#include "tests/simt/rig.hpp"
#include "tests/test_context.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using Calls = std::map<std::string, std::int64_t>;

// Calls of `iterations` more iterations: the difference of two fits, between whose checks they lie.
template <class T>
Calls calls_of_iterations(const Matrix<T>& x, Solver solver, int iterations, Loss loss = Loss::frobenius(),
                          Acceleration acceleration = Acceleration::none) {
  const auto count = [&](int n) {
    auto f = given_start<T>(x.rows(), x.columns(), 8);
    simt::reset_calls();
    f.fit(x, {.loss = loss,
              .solver = solver,
              .initialization = Initialization::given,
              .sweeps = 1,
              .acceleration = acceleration,
              .max_iterations = n,
              .tolerance = 0,
              .check_every = 1000});
    return simt::calls();
  };
  count(1);  // makes what is made once
  const Calls few = count(3), many = count(3 + iterations);
  Calls difference;
  for (const auto& [name, calls] : many) {
    const auto before = few.find(name);
    const std::int64_t more = calls - (before == few.end() ? 0 : before->second);
    if (more != 0) difference[name] = more;
  }
  return difference;
}

// The rig fills factors when a stream is waited for, not when that is enqueued.
TEST(CudaLoop, TimeOfTheStartIsTheDevices) {
  const CsrStorage<float> x(cases::make_sparse({300'000, 2, 0, 10}, 12));
  Factors<float> f(300'000, 2, 2);
  const Result result = f.fit(Matrix<float>(make_context(), x.view()),
                              {.initialization = Initialization::random, .max_iterations = 1, .tolerance = 0});
  EXPECT_GT(result.initialization_seconds, 1e-9 * 600'000) << "no processor makes a random number in a nanosecond";
}

// Kernels and library calls of one iteration; everything else that was called is an error.
void expect_replays_only(const Calls& calls, int iterations, int most_launches) {
  std::int64_t nodes = 0;
  for (const auto& [name, count] : calls) {
    if (name == "work:graph") continue;  // the replay itself
    if (name.starts_with("kernel:") || name.starts_with("work:")) {
      nodes += count;
      EXPECT_THAT(name, testing::Not(testing::HasSubstr("memcpy")));
      EXPECT_THAT(name, testing::Not(testing::HasSubstr("memset")));
    } else if (name == "cudaGraphLaunch") {
      EXPECT_EQ(count, iterations);
    } else {
      EXPECT_EQ(name, "cudaGetDevice") << count << " calls";  // whose device is current
    }
  }
  EXPECT_GT(nodes, 0);
  EXPECT_LE(nodes, most_launches * iterations) << [&] {
    std::string list;
    for (const auto& [name, count] : calls) list += name + ": " + std::to_string(count) + "\n";
    return list;
  }();
}

TEST(CudaLoop, DenseIterationsAreReplaysOfSixLaunches) {
  const DenseStorage<float> storage(planted(61, 43, 5, 0.1, 3));
  const Matrix<float> x(make_context(), storage.view());
  for (Solver solver : {Solver::hals, Solver::multiplicative_update, Solver::anls})
    expect_replays_only(calls_of_iterations(x, solver, 10), 10, 6);
}

TEST(CudaLoop, SparseIterationsAreReplaysOfAtMostEightLaunches) {
  const CsrStorage<double> storage(sparsify(planted(61, 43, 5, 0.1, 3)));
  for (SparseProduct product : {SparseProduct::row_gather, SparseProduct::cusparse}) {
    const Matrix<double> x(Context::cuda({.sparse_product = product}), storage.view());
    for (Solver solver : {Solver::hals, Solver::multiplicative_update, Solver::anls})
      expect_replays_only(calls_of_iterations(x, solver, 10), 10, 8);
  }
}

// And: two dot products, the steps of the momentum and the condition between them, the points, a Gram matrix of these.
TEST(CudaLoop, ExtrapolatedIterationsAreReplaysOfEightLaunchesMore) {
  const auto exact = planted(61, 43, 5, 0.1, 3);
  const DenseStorage<float> dense(exact);
  const CsrStorage<float> sparse(sparsify(exact));
  for (Solver solver : {Solver::hals, Solver::multiplicative_update}) {
    const auto calls = [&](const Matrix<float>& x) {
      return calls_of_iterations(x, solver, 10, Loss::frobenius(), Acceleration::extrapolation);
    };
    expect_replays_only(calls(Matrix<float>(make_context(), dense.view())), 10, 6 + 8);
    expect_replays_only(calls(Matrix<float>(make_context(), sparse.view())), 10, 8 + 8);
  }
}

// Terms of either factor (with their sums over a divided walk), the two updates, the component sums.
TEST(CudaLoop, IterationsOfADivergenceAreReplaysOfAtMostTenLaunches) {
  auto exact = planted(61, 430, 5, 0.1, 3);
  for (auto& value : exact.values) value += 0.01;
  const DenseStorage<float> dense(exact);
  const CsrStorage<float> sparse(sparsify(exact));
  const Context context = make_context();
  const Matrix<float> x(context, dense.view()), of_sparse(context, sparse.view());
  const auto calls = [](const Matrix<float>& m, Loss loss) {
    return calls_of_iterations(m, Solver::multiplicative_update, 10, loss);
  };
  for (double beta : {0.0, 0.5, 1.0}) expect_replays_only(calls(x, {beta}), 10, beta == 1 ? 8 : 10);
  expect_replays_only(calls(of_sparse, Loss::kullback_leibler()), 10, 6);
}

// The same where not all entries count; hals is a transpose of the fixed factor (of dense X) and a descent for each.
TEST(CudaLoop, IterationsOfIncompleteXAreReplaysToo) {
  const auto exact = planted(21, 33, 5, 0.1, 3);
  const DenseStorage<float> dense(exact), weights(cases::make_dense(21, 33, cases::Content::uniform, 4));
  const CsrStorage<float> sparse(sparsify(exact));
  const Context context = make_context();
  const Matrix<float> masked(context, dense.view(), {.missing = Missing::zeros});
  const Matrix<float> weighted(context, dense.view(), weights.view());
  const Matrix<float> stored(context, sparse.view(), sparse.view().values);
  for (const Matrix<float>* x : {&masked, &weighted, &stored}) {
    for (double beta : {1.0, 2.0}) {
      expect_replays_only(calls_of_iterations(*x, Solver::hals, 10, {beta}), 10, x == &stored ? 2 : 4);
      expect_replays_only(calls_of_iterations(*x, Solver::multiplicative_update, 10, {beta}), 10, 4);
    }
  }
}

// Without the host the rounds between checks are loops within the graph: what is recorded stays as short.
TEST(CudaLoop, WhatIsRecordedDoesNotGrowWithTheIterationsBetweenChecks) {
  const DenseStorage<float> storage(planted(13, 9, 2, 0.1, 3));
  const Context context = make_context();
  const Matrix<float> x(context, storage.view());
  const auto recorded = [&](int most, int every) {
    auto f = given_start<float>(13, 9, 2);
    Placed<float> placed(context);
    const DenseView<float> w = placed(f.w.view()), h = placed(f.h.view());
    simt::reset_calls();
    const Pending pending = factorize_async<float>(
        x, w, h,
        {.initialization = Initialization::given, .max_iterations = most, .tolerance = 0, .check_every = every});
    const std::int64_t launches = simt::calls().at("cudaLaunchKernelEx");
    EXPECT_EQ(pending.get().iterations, most);
    return launches;
  };
  recorded(1, 1);  // makes what is made once
  const std::int64_t one_round = recorded(16, 16);
  EXPECT_LE(recorded(100, 100), 2 * one_round);
  EXPECT_LE(recorded(90, 1000), 2 * one_round);  // one round, and not the longer one that never comes
  EXPECT_LE(recorded(150, 100), 4 * one_round);
}

// The handles of the loops' conditions belong to the graph that was recorded.
TEST(CudaLoop, TheGraphLivesAsLongAsWhatRunsOfIt) {
  const DenseStorage<float> storage(planted(13, 9, 2, 0.1, 3));
  const Context context = make_context();
  const Matrix<float> x(context, storage.view());
  auto f = given_start<float>(13, 9, 2);
  Placed<float> placed(context);
  const simt::Live before = simt::live();
  {
    const Pending pending = factorize_async<float>(x, placed(f.w.view()), placed(f.h.view()),
                                                   {.initialization = Initialization::random, .max_iterations = 3});
    EXPECT_EQ(simt::live().graph_execs, before.graph_execs + 1);
    EXPECT_EQ(simt::live().graphs, before.graphs + 1);
  }
  EXPECT_EQ(simt::live().graph_execs, before.graph_execs);
  EXPECT_EQ(simt::live().graphs, before.graphs);
}

// Segments of which some are long enough to be shared among groups of lanes.
oracle::Sparse long_segments() {
  oracle::Sparse entries{3, 9000, {}};
  for (std::int64_t j = 0; j < 9000; ++j) {
    if (j % 3 != 0) entries.entries.push_back({1, j, 1 + static_cast<double>(j % 7)});
    if (j % 50 == 0) entries.entries.push_back({2, j, 2});
  }
  return entries;
}

// The sum of a shared segment is that of the oracle: for groups of 4, 8, 16 and 32 lanes, and one that is not full in a
// second launch; columns that begin at 16 bytes, at pairs, and anywhere.
constexpr int kRanksOfGroups[] = {3, 12, 20, 21, 22, 40, 41, 130, 200, 201};

TEST(CudaLoop, LongSegmentsAreShared) {
  const CsrStorage<float> storage(long_segments());
  const Context context = make_context();
  const Matrix<float> x(context, storage.view());
  for (int k : kRanksOfGroups) {
    for (std::int64_t padding : {0, 1}) {
      const FactorStorage<float> h(cases::make_factor(k, 9000, 4), padding);
      FactorStorage<float> r(k, 3, padding);
      core::Workspace workspace(context.runtime()->memory());
      const StagedMatrix<float> staged(context.runtime()->backend(float{}), *x.data());
      for (int repeat = 0; repeat < 2; ++repeat) {  // the second time finds the counters as the first left them
        staged.product(core::Side::h, h.factor(), r.factor(), workspace);
        EXPECT_TRUE(entries_near(r.oracle(), transpose(multiply(storage.oracle(), transpose(h.oracle()))),
                                 Tolerance<float>::sum(9000)))
            << "rank " << k;
        EXPECT_TRUE(r.gaps_untouched());
      }
    }
  }
}

// The same for a divergence, with a denominator (over the entries) and without.
template <class T>
void check_terms_of_long_segments(const std::vector<int>& ranks) {
  const CsrStorage<T> storage(long_segments());
  const Context context = make_context();
  const Matrix<T> x(context, storage.view());
  const StagedMatrix<T> staged(context.runtime()->backend(T{}), *x.data());
  for (int k : ranks) {
    SCOPED_TRACE("rank " + std::to_string(k));
    auto positive_w = cases::make_factor(k, 3, 5), positive_h = cases::make_factor(k, 9000, 4);
    for (auto* f : {&positive_w, &positive_h})
      for (auto& value : f->values) value = std::abs(value) + 0.25;
    const FactorStorage<T> w(positive_w), h(positive_h);
    oracle::Dense numerator(k, 3), denominator(k, 3);
    const auto wo = w.oracle(), ho = h.oracle();
    for (const auto& [i, j, value] : storage.oracle().entries) {
      double v = 0;
      for (int c = 0; c < k; ++c) v += wo(c, i) * ho(c, j);
      for (int c = 0; c < k; ++c) numerator(c, i) += value * std::pow(v, -1.5) * ho(c, j);
      for (int c = 0; c < k; ++c) denominator(c, i) += std::pow(v, -0.5) * ho(c, j);
    }
    core::Workspace workspace(context.runtime()->memory());
    FactorStorage<T> made(k, 3), below(k, 3), alone(k, 3);
    for (int repeat = 0; repeat < 2; ++repeat) {
      staged.divergence_terms(core::Side::w, w.factor(), h.factor(), {0.5}, made.factor(), below.factor(), workspace);
      EXPECT_TRUE(entries_near(made.oracle(), numerator, Tolerance<T>::sum(9000)));
      EXPECT_TRUE(entries_near(below.oracle(), denominator, Tolerance<T>::sum(9000)));
      staged.divergence_terms(core::Side::w, w.factor(), h.factor(), {0.5}, alone.factor(), {}, workspace);
      EXPECT_EQ(alone.oracle().values, made.oracle().values);
    }
  }
}
TEST(CudaLoop, LongSegmentsAreSharedByDivergencesToo) {
  check_terms_of_long_segments<double>({std::begin(kRanksOfGroups), std::end(kRanksOfGroups)});
  check_terms_of_long_segments<float>({12, 20, 40, 130, 200});
}

}  // namespace
}  // namespace orthant::test
