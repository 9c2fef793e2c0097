// The CPU backend and threads: tasks and who makes them, fits from the caller's own parallel region, statistics by any
// number of threads.

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "host/cpu/parallel.hpp"
#include "orthant/factorize.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/test_context.hpp"

namespace orthant::test {
namespace {

/// Every way through the kernels that hands out memory by thread: storages, orders, losses, solvers.
std::vector<Options> ways(bool sparse) {
  std::vector<Options> options;
  for (const Loss loss : {Loss::frobenius(), Loss::kullback_leibler(), Loss{.beta = 1.5}})
    for (const Solver solver : {Solver::hals, Solver::multiplicative_update, Solver::anls}) {
      if (solver == Solver::anls && loss.beta != 2) continue;
      if (loss.beta == 1.5 && (sparse || solver == Solver::hals)) continue;
      options.push_back({.loss = loss, .solver = solver, .initialization = Initialization::given, .max_iterations = 3});
    }
  return options;
}

// One thread's fit is the same when many run at once, each with one thread or more.
template <class T>
void expect_same_in_region(int own_threads) {
  const auto exact = planted(150, 130, 4, 0.1, 3);
  const DenseStorage<T> rows(exact), columns(exact, Layout::column_major);
  const CsrStorage<T> sparse(sparsify(exact));
  const auto fits = [&] {
    std::vector<std::vector<double>> results;
    const Context context = make_context(own_threads);
    for (const Matrix<T>& x :
         {Matrix<T>(context, rows.view()), Matrix<T>(context, columns.view()), Matrix<T>(context, sparse.view())})
      for (const Options& options : ways(x.sparse())) {
        auto f = given_start<T>(150, 130, 4);
        f.fit(x, options);
        results.push_back(f.entries());
      }
    return results;
  };
  const auto expected = fits();
  constexpr int kCallers = 3;
  std::vector<std::vector<double>> results[kCallers];
#pragma omp parallel num_threads(kCallers)
  results[omp_get_thread_num()] = fits();
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

TEST(CallersRegion, FitsOfOneThreadAreThoseOutsideOfIt) {
  expect_same_in_region<float>(1);
  expect_same_in_region<double>(1);
}

TEST(CallersRegion, FitsOfTwoThreadsAreThoseOutsideOfIt) { expect_same_in_region<float>(2); }

// Also of more threads than there are tasks or ranges of them, and where one range takes much longer than the others.
TEST(ForEachTask, MakesEveryTaskOnce) {
  for (int threads : {1, 2, 3, 70})
    for (int tasks : {0, 1, 2, 7, 500}) {
      std::vector<std::atomic<int>> made(static_cast<std::size_t>(tasks));
      std::atomic<int> strangers = 0;
      cpu::for_each_task(tasks, threads, [&](int i, int worker) {
        ++made[static_cast<std::size_t>(i)];
        if (worker < 0 || worker >= threads) ++strangers;
        if (i == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      });
      EXPECT_EQ(std::count(made.begin(), made.end(), 1), tasks) << threads << " threads";
      EXPECT_EQ(strangers, 0);
    }
}

TEST(ForEachTask, TellsAnErrorAfterAllAreMade) {
  std::atomic<int> made = 0;
  EXPECT_THROW(cpu::for_each_task(100, 2,
                                  [&](int i) {
                                    ++made;
                                    if (i == 3) throw std::runtime_error("of a task");
                                  }),
               std::runtime_error);
  EXPECT_EQ(made, 100);
}

// Enough entries for several chunks, and to be worth waking threads for.
TEST(SparseStatistics, AreTheSameBitsForAnyNumberOfThreads) {
  oracle::Sparse entries{1000, 900, {}};
  double sum = 0, squares = 0;
  for (std::int64_t p = 0; p < 90'000; ++p) {
    const float value = 0.1F * static_cast<float>(1 + p % 97);
    entries.entries.push_back({p / 90, p % 90 * 10, value});
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  const CsrStorage<float> storage(entries);
  const Matrix<float> one(make_context(1), storage.view());
  EXPECT_NEAR(one.sum(), sum, 1e-12 * sum);
  EXPECT_NEAR(one.squared_norm(), squares, 1e-12 * squares);
  for (int threads : {2, 3}) {
    const Matrix<float> several(make_context(threads), storage.view());
    EXPECT_EQ(several.sum(), one.sum());
    EXPECT_EQ(several.squared_norm(), one.squared_norm());
  }
}

}  // namespace
}  // namespace orthant::test
