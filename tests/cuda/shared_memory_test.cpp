// What kernels do with the shared memory of a device: as much at a time as fits, and the same results.

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "host/core/backend.hpp"
#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"
#include "orthant/factorize.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/matrices.hpp"
#include "tests/simt/rig.hpp"
#include "tests/staged.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

/// KiB of shared memory: of a block that asks, of a multiprocessor, and what each block there costs beside its own.
struct Kind {
  const char* name;
  std::size_t block, multiprocessor, reserved;
};
constexpr Kind kUsual{"nothing to ask for", 48, 48, 0}, kTuring{"7.5", 64, 64, 0}, kAda{"8.9", 99, 100, 1},
    kHopper{"9.0", 227, 228, 1};
constexpr Kind kKinds[] = {kUsual, kTuring, kAda, kHopper};

class CudaSharedMemory : public testing::Test {
 public:
  CudaSharedMemory() { cudaGetDeviceProperties(&before_, 0); }
  ~CudaSharedMemory() override {
    simt::set_kernel_executor({});
    simt::set_properties(before_);
    EXPECT_EQ(simt::take_report(), "");
  }

  // A Context on such a device, of one multiprocessor: few columns are work for all.
  Context context_on(const Kind& kind) const {
    cudaDeviceProp properties = before_;
    properties.sharedMemPerBlockOptin = kind.block << 10;
    properties.sharedMemPerMultiprocessor = kind.multiprocessor << 10;
    properties.reservedSharedMemPerBlock = kind.reserved << 10;
    properties.multiProcessorCount = 1;
    simt::set_properties(properties);
    return Context::cuda();
  }

  // How the one kernel that `call` makes is launched; it does not run.
  static simt::KernelCall launch_of(const std::function<void()>& call) {
    std::vector<simt::KernelCall> launches;
    simt::set_kernel_executor([&](const simt::KernelCall& launch) { launches.push_back(launch); });
    call();
    simt::set_kernel_executor({});
    EXPECT_EQ(launches.size(), 1U);
    return launches.at(0);
  }

 private:
  cudaDeviceProp before_{};
};

template <class T>
struct Update {
  FactorStorage<T> f, r;
  DenseStorage<T> gram;

  Update(int rank, std::int64_t count)
      : f(cases::make_factor(rank, count, 1)),
        r(cases::make_factor(rank, count, 2)),
        gram(oracle::gram(cases::make_factor(rank, 4, 3))) {}
  core::Terms<T> terms() const { return {{gram.view().data, f.factor().rank}, r.factor()}; }
};

// 32 columns to a block, as long as two blocks fit into a multiprocessor. By hand from what a block keeps.
template <class T>
void expect_columns(const Context& context, int rank, unsigned columns) {
  SCOPED_TRACE("rank " + std::to_string(rank) + ", bytes of a number " + std::to_string(sizeof(T)));
  const StagedBackend<T> backend(context.runtime()->backend(T{}));
  Update<T> update(rank, 256);
  simt::reset_calls();
  const simt::KernelCall launch =
      CudaSharedMemory::launch_of([&] { backend.multiplicative(update.f.factor(), update.terms(), {}, nullptr); });
  EXPECT_EQ(256 / launch.grid.x, columns);
  EXPECT_EQ(simt::calls()["cudaFuncSetAttribute"], launch.shared_bytes > 40 << 10 ? 1 : 0);
}

TEST_F(CudaSharedMemory, UpdatesTakeTheColumnsThatFit) {
  const struct {
    Kind kind;
    int largest_float, largest_double;  // rank of 32 columns
  } of_kinds[] = {{kTuring, 285, 93}, {kAda, 293, 97}, {kHopper, 805, 353}};
  for (const auto& [kind, largest_float, largest_double] : of_kinds) {
    SCOPED_TRACE(kind.name);
    const Context context = context_on(kind);
    expect_columns<float>(context, 64, 32);
    expect_columns<float>(context, largest_float, 32);
    expect_columns<float>(context, largest_float + 1, 16);
    expect_columns<double>(context, largest_double, 32);
    expect_columns<double>(context, largest_double + 1, 16);
  }
}

// Where no block can have more than it has unasked, nothing is asked for.
TEST_F(CudaSharedMemory, NothingIsAskedForWhereThereIsNoMore) {
  const Context context = context_on(kUsual);
  const StagedBackend<float> backend(context.runtime()->backend(float{}));
  Update<float> update(285, 64);
  simt::reset_calls();
  const auto launch = launch_of([&] { backend.multiplicative(update.f.factor(), update.terms(), {}, nullptr); });
  EXPECT_EQ(launch.grid.x, 2U);
  EXPECT_GT(launch.shared_bytes, 47U << 10);
  EXPECT_EQ(simt::calls().count("cudaFuncSetAttribute"), 0U);
}

template <class T>
void expect_textbook(const Context& context, int rank) {
  SCOPED_TRACE("rank " + std::to_string(rank) + ", bytes of a number " + std::to_string(sizeof(T)));
  const StagedBackend<T> backend(context.runtime()->backend(T{}));
  Update<T> update(rank, 64);
  const auto before = update.f.oracle(), g = update.gram.oracle(), r = update.r.oracle();
  core::KktSums kkt{-1, -1};
  backend.multiplicative(update.f.factor(), update.terms(), {}, &kkt);
  ASSERT_EQ(simt::take_report(), "");
  EXPECT_TRUE(entries_near(update.f.oracle(), oracle::multiplicative_update(before, g, r, {}),
                           Tolerance<T>::elementwise() + Tolerance<T>::sum(rank)));
}

TEST_F(CudaSharedMemory, UpdatesAreTheTextbooksOnEveryDevice) {
  for (const Kind& kind : kKinds) {
    SCOPED_TRACE(kind.name);
    const Context context = context_on(kind);
    for (int rank : {285, 293, 805, 1024}) expect_textbook<float>(context, rank);
    for (int rank : {93, 97, 353, 1024}) expect_textbook<double>(context, rank);
  }
}

// Iterations are recorded: memory is asked for in the capture.
TEST_F(CudaSharedMemory, RecordedIterationsMayTakeMore) {
  constexpr int kRank = 120;
  const DenseStorage<double> storage(planted(130, 125, 7, 0.1, 3));
  const auto loss = [&](const Kind& kind, bool asks) {
    SCOPED_TRACE(kind.name);
    const Context context = context_on(kind);
    const Matrix<double> x(context, storage.view());
    auto f = given_start<double>(130, 125, kRank);
    simt::reset_calls();
    const Result result =
        f.fit(x, {.initialization = Initialization::given, .max_iterations = 5, .tolerance = 0, .check_every = 5});
    EXPECT_GT(simt::calls()["cudaGraphLaunch"], 0);
    EXPECT_EQ(simt::calls()["cudaFuncSetAttribute"] > 0, asks);
    return result.loss;
  };
  EXPECT_TRUE(number_near(loss(kHopper, true), loss(kUsual, false), Tolerance<double>::objective()));
}

}  // namespace
}  // namespace orthant::test
