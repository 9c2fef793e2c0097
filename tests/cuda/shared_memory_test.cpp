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
#include "tests/cuda/counted_resource.hpp"
#include "tests/fit.hpp"
#include "tests/matrices.hpp"
#include "tests/placed.hpp"
#include "tests/simd_targets.hpp"
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
  Context context_on(const Kind& kind, const CudaConfig& config = {}) const {
    cudaDeviceProp properties = before_;
    properties.sharedMemPerBlockOptin = kind.block << 10;
    properties.sharedMemPerMultiprocessor = kind.multiprocessor << 10;
    properties.reservedSharedMemPerBlock = kind.reserved << 10;
    properties.multiProcessorCount = 1;
    simt::set_properties(properties);
    return Context::cuda(config);
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
class CudaSharedMemoryOf : public CudaSharedMemory {};
TYPED_TEST_SUITE(CudaSharedMemoryOf, Precisions, PrecisionNames);

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
    int small_float, small_double;      // the largest rank of a thread for each of 64 columns
    int largest_float, largest_double;  // and of 32 columns
  } of_kinds[] = {{kTuring, 56, 32, 285, 93}, {kAda, 64, 32, 293, 97}, {kHopper, 112, 64, 805, 353}};
  for (const auto& [kind, small_float, small_double, largest_float, largest_double] : of_kinds) {
    SCOPED_TRACE(kind.name);
    const Context context = context_on(kind);
    expect_columns<float>(context, small_float, 64);
    expect_columns<float>(context, small_float + 1, 32);
    expect_columns<float>(context, largest_float, 32);
    expect_columns<float>(context, largest_float + 1, 16);
    expect_columns<double>(context, small_double, 64);
    expect_columns<double>(context, small_double + 1, 32);
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

// Who solves: a warp (0), a block with its triangle in shared memory (1) or in global memory (2).
template <class T>
int place_of(const Context& context, int rank) {
  const StagedBackend<T> backend(context.runtime()->backend(T{}));
  Update<T> update(rank, 5);
  simt::reset_calls();
  CudaSharedMemory::launch_of([&] { backend.nnls(update.f.factor(), update.terms(), {}, nullptr, nullptr, nullptr); });
  const std::string before_place = "solve<(orthant::cuda::Place)";
  int place = -1;
  for (const auto& [name, count] : simt::calls()) {
    const std::size_t found = name.find(before_place);
    if (found != std::string::npos) place = name.at(found + before_place.size()) - '0';
  }
  return place;
}

TEST_F(CudaSharedMemory, ExactSolutionsAreWhereTheyFit) {
  const struct {
    Kind kind;
    int largest;  // rank of a triangle in shared memory
  } of_kinds[] = {{kUsual, 100}, {kTuring, 115}, {kAda, 148}, {kHopper, 232}};
  for (const auto& [kind, largest] : of_kinds) {
    SCOPED_TRACE(kind.name);
    const Context context = context_on(kind);
    EXPECT_EQ(place_of<float>(context, 64), 0);
    EXPECT_EQ(place_of<double>(context, 64), kind.block > 48 ? 0 : 1);
    EXPECT_EQ(place_of<float>(context, 65), 1);
    EXPECT_EQ(place_of<float>(context, largest), 1);
    EXPECT_EQ(place_of<double>(context, largest), 1);
    EXPECT_EQ(place_of<float>(context, largest + 1), 2);
    EXPECT_EQ(place_of<double>(context, largest + 1), 2);
  }
}

// The same operations in the same order, whoever makes them and wherever the triangle is.
TYPED_TEST(CudaSharedMemoryOf, ExactSolutionsAreTheSameOnEveryDevice) {
  using T = TypeParam;
  for (int rank : {33, 64, 100, 116, 148, 149, 233}) {
    SCOPED_TRACE("rank " + std::to_string(rank));
    const DenseStorage<T> gram(oracle::gram(cases::make_factor(rank, rank + 9, 1)));
    std::vector<double> expected;
    for (const Kind& kind : kKinds) {
      SCOPED_TRACE(kind.name);
      const Context context = this->context_on(kind);
      const StagedBackend<T> backend(context.runtime()->backend(T{}));
      FactorStorage<T> f(cases::make_factor(rank, 5, 3)), r(cases::make_factor(rank, 5, 2));
      NnlsResult result{-1, -1};
      backend.nnls(f.factor(), {{gram.view().data, rank}, r.factor()}, {0.01, 0.1}, nullptr, &result, nullptr);
      ASSERT_EQ(simt::take_report(), "");
      const std::vector<double> found = f.oracle().values;
      if (expected.empty()) expected = found;
      EXPECT_EQ(found, expected);
      EXPECT_GE(result.kkt_residual, 0);
      EXPECT_LT(result.kkt_residual, Tolerance<T>::nnls_kkt(rank));
    }
  }
}

// Triangles in global memory: one for each column, or for each multiprocessor as many as there may be. Exactly.
TEST_F(CudaSharedMemory, ScratchOfExactSolutionsIsPlanned) {
  const auto scratch = [&](const Kind& kind, int rank, std::int64_t columns) {
    const Context context = context_on(kind);
    return context.runtime()->backend(float{}).nnls_scratch(rank, columns);
  };
  EXPECT_EQ(scratch(kHopper, 232, 1000), 0);
  EXPECT_EQ(scratch(kHopper, 233, 1000), 8 * 234 * 235 / 2);
  EXPECT_EQ(scratch(kHopper, 233, 3), 3 * 234 * 235 / 2);
  EXPECT_EQ(scratch(kUsual, 100, 1000), 0);
  EXPECT_EQ(scratch(kUsual, 101, 1000), 8 * 102 * 103 / 2);

  constexpr int kRank = 104;
  const DenseStorage<float> storage(planted(113, 110, 5, 0.1, 3));
  const auto workspace_of = [&](const Kind& kind, Solver solver) {
    const Context context = context_on(kind);
    return plan<float>(context, {.rows = 113, .columns = 110}, kRank, {.solver = solver}).workspace;
  };
  EXPECT_EQ(workspace_of(kHopper, Solver::anls), workspace_of(kHopper, Solver::hals));
  EXPECT_EQ(workspace_of(kUsual, Solver::anls), workspace_of(kUsual, Solver::hals) + 8 * 8 * 105 * 106 / 2);
}

// That much is allocated, once, before iterations are recorded.
TEST_F(CudaSharedMemory, ScratchOfExactSolutionsIsAllocatedAsPlanned) {
  constexpr int kRank = 104;
  const DenseStorage<float> storage(planted(113, 110, 5, 0.1, 3));
  double expected = 0;
  for (const Kind& kind : {kHopper, kUsual}) {
    SCOPED_TRACE(kind.name);
    CountingMemory memory;
    const Context context = context_on(kind, {.memory = &memory.resource()});
    const Options options{
        .solver = Solver::anls, .initialization = Initialization::given, .max_iterations = 3, .tolerance = 0};
    const Matrix<float> x(context, storage.view());
    Placed<float> placed(context);
    auto f = given_start<float>(113, 110, kRank);
    const DenseView<float> w = placed(f.w.view()), h = placed(f.h.view());
    factorize<float>(x, w, h, options);  // what a Context makes when it is first used, and keeps
    const std::int64_t before = memory.live();
    memory.reset();
    const Result result = factorize<float>(x, w, h, options);
    const auto planned =
        static_cast<double>(plan<float>(context, {.rows = 113, .columns = 110}, kRank, options).workspace);
    EXPECT_NEAR(static_cast<double>(memory.peak() - before), planned, kPlanTolerance * planned);
    if (expected == 0) expected = result.loss;
    EXPECT_TRUE(number_near(result.loss, expected, Tolerance<float>::objective()));
  }
}

}  // namespace
}  // namespace orthant::test
