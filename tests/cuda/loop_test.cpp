// What a fit asks of CUDA, counted by the rig: inside the loop nothing but replays of one graph.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "host/core/runtime.hpp"
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
Calls calls_of_iterations(const Matrix<T>& x, Solver solver, int iterations) {
  const auto count = [&](int n) {
    auto f = given_start<T>(x.rows(), x.columns(), 8);
    simt::reset_calls();
    f.fit(x, {.solver = solver,
              .initialization = Initialization::given,
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

// Kernels and library calls of one iteration; everything else that was called is an error.
void expect_replays_only(const Calls& calls, int iterations, int most_launches) {
  std::int64_t nodes = 0;
  for (const auto& [name, count] : calls) {
    if (name == "work:graph") continue;  // the replay itself
    if (name.starts_with("kernel:") || name.starts_with("work:")) {
      nodes += count;
      EXPECT_THAT(name, testing::Not(testing::HasSubstr("Memcpy")));
      EXPECT_THAT(name, testing::Not(testing::HasSubstr("Memset")));
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

// A segment long enough to be shared among groups of lanes, and its sum is that of the oracle.
TEST(CudaLoop, LongSegmentsAreShared) {
  oracle::Sparse entries{3, 9000, {}};
  for (std::int64_t j = 0; j < 9000; ++j) {
    if (j % 3 != 0) entries.entries.push_back({1, j, 1 + static_cast<double>(j % 7)});
    if (j % 50 == 0) entries.entries.push_back({2, j, 2});
  }
  const CsrStorage<float> storage(entries);
  const Context context = make_context();
  const Matrix<float> x(context, storage.view());
  for (int k : {3, 12, 20, 40, 200}) {
    const FactorStorage<float> h(cases::make_factor(k, 9000, 4));
    FactorStorage<float> r(k, 3);
    core::Workspace workspace(context.runtime()->memory());
    const StagedMatrix<float> staged(context.runtime()->backend(float{}), *x.data());
    for (int repeat = 0; repeat < 2; ++repeat) {  // the second time finds the counters as the first left them
      staged.product(core::Side::h, h.factor(), r.factor(), workspace);
      EXPECT_TRUE(entries_near(r.oracle(), transpose(multiply(storage.oracle(), transpose(h.oracle()))),
                               Tolerance<float>::sum(9000)))
          << "rank " << k;
    }
  }
}

}  // namespace
}  // namespace orthant::test
