// Launches stay within what a device offers, and what it cannot use is refused.

#include <cuda_runtime.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "host/core/backend.hpp"
#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"
#include "orthant/error.hpp"
#include "orthant/factorize.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/cuda/small_device.hpp"
#include "tests/fit.hpp"
#include "tests/matrices.hpp"
#include "tests/simt/rig.hpp"
#include "tests/staged.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using testing::HasSubstr;

// The columns of F fill what a block has of shared memory unasked to the last byte at these ranks, for 4, 8 and 16
// columns; the sums over the block need a few bytes more.
TEST_F(CudaLimits, SharedMemoryOfUpdatesIncludesThatOfTheSums) {
  const Context context = Context::cuda();
  const StagedBackend<double> backend(context.runtime()->backend(double{}));
  for (int rank : {202, 203, 204, 419, 422, 423, 853, 856, 860, 861}) {
    SCOPED_TRACE("rank " + std::to_string(rank));
    FactorStorage<double> f(cases::make_factor(rank, 32, 1)), r(cases::make_factor(rank, 32, 2));
    const DenseStorage<double> gram(oracle::gram(cases::make_factor(rank, 4, 3)));
    const auto before = f.oracle();
    core::KktSums kkt{-1, -1};
    backend.multiplicative(f.factor(), {{gram.view().data, rank}, r.factor()}, {}, &kkt);
    ASSERT_EQ(simt::take_report(), "");
    EXPECT_TRUE(entries_near(f.oracle(), oracle::multiplicative_update(before, gram.oracle(), r.oracle(), {}),
                             Tolerance<double>::elementwise() + Tolerance<double>::sum(rank)));
  }
}

// Rows for blocks of 128 threads and of 512, more of each than there are blocks: a block's sums of one row must be over
// before those of the next.
TEST_F(CudaLimits, CoordinateDescentTakesRowAfterRow) {
  cases::RowLengths rows{1200, 4, {}};
  for (int i = 0; i < 40; ++i) rows.lengths.push_back(i % 5 == 0 ? 1100 + i : 260 + i);
  CsrStorage<float> storage(cases::make_sparse(rows));
  const std::vector<float> weights(storage.values().size(), 0.5F);
  const auto fit = [&] {
    const Matrix<float> x(Context::cuda(), storage.view(), weights.data());
    auto f = given_start<float>(40, 1200, rows.rank);
    f.fit(x, {.loss = Loss::kullback_leibler(),
              .solver = Solver::hals,
              .initialization = Initialization::given,
              .max_iterations = 2,
              .tolerance = 0});
    return f.entries();
  };
  const auto small = fit();
  simt::set_properties(large_);
  EXPECT_EQ(small, fit());
}

// Lines as long as a device can count are copied one by one, and those that lie without gaps at once.
TEST_F(CudaLimits, CopiesAreNotLimitedByThePitch) {
  const auto exact = planted(61, 103, 5, 0.1, 3);
  const Context context = Context::cuda();
  const auto start = given_start<float>(61, 103, 5);
  const auto fit = [&](std::int64_t padding, Layout w_layout) {
    const DenseStorage<float> storage(exact, Layout::row_major, padding);
    Factors<float> f(start.w.oracle(), start.h.oracle(), w_layout, Layout::row_major, padding);
    f.fit(Matrix<float>(context, storage.view()), {.initialization = Initialization::given, .max_iterations = 3});
    return f.entries();
  };
  const auto expected = fit(0, Layout::row_major);
  EXPECT_EQ(fit(3, Layout::row_major), expected);
  EXPECT_EQ(fit(60, Layout::column_major), expected);
  EXPECT_EQ(simt::take_report(), "");
}

// Factors are transposed there, whose columns then count as components.
TEST_F(CudaLimits, CoordinateDescentRefusesMoreLinesThanItCanCount) {
  const Context context = Context::cuda();
  const Options options{.loss = Loss::kullback_leibler()};
  const std::int64_t most = std::numeric_limits<int>::max();
  EXPECT_GT(plan<float>(context, {.rows = most, .columns = 3}, 2, options).workspace, 0);
  for (const auto& [name, shape] : {std::pair{"X.rows", MatrixShape{.rows = most + 1, .columns = 3}},
                                    std::pair{"X.columns", MatrixShape{.rows = 3, .columns = most + 1}}}) {
    try {
      plan<float>(context, shape, 2, options);
      ADD_FAILURE() << "accepted";
    } catch (const InvalidArgument& e) {
      EXPECT_EQ(e.name(), name);
    }
  }
}

TEST_F(CudaLimits, RefusesMemoryOfAnotherDevice) {
  simt::set_device_count(2);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, 3 * 4 * sizeof(float)), cudaSuccess);
  ASSERT_EQ(cudaMemset(memory, 0, 3 * 4 * sizeof(float)), cudaSuccess);
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  const DenseView<const float> view{static_cast<const float*>(memory), 3, 4, 4, Layout::row_major, MemorySpace::device};
  try {
    Matrix<float>(Context::cuda(), view);
    ADD_FAILURE() << "accepted";
  } catch (const InvalidArgument& e) {
    EXPECT_EQ(e.name(), "X");
    EXPECT_EQ(e.value(), "in the memory of device 1");
    EXPECT_EQ(e.expected(), "memory of device 0, that of the Context");
  }
  EXPECT_EQ(Matrix<float>(Context::cuda({.device = 1}), view).sum(), 0);
  EXPECT_EQ(cudaFree(memory), cudaSuccess);
  simt::set_device_count(1);
}

TEST_F(CudaLimits, RefusesDriversThatAreTooOld) {
  simt::set_driver_version(12040);
  try {
    Context::cuda();
    ADD_FAILURE() << "accepted";
  } catch (const BackendUnavailable& e) {
    EXPECT_THAT(e.what(), HasSubstr("older than this build of Orthant needs (it supports CUDA 12.4, needed is " +
                                    std::to_string(CUDART_VERSION / 1000) + ")"));
  }
  simt::set_driver_version(CUDART_VERSION);
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  EXPECT_NO_THROW(Context::cuda());
}

}  // namespace
}  // namespace orthant::test
