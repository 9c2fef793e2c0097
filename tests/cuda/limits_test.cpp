// Launches stay within what a device offers.

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <string>

#include "host/core/backend.hpp"
#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/matrices.hpp"
#include "tests/simt/rig.hpp"
#include "tests/staged.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

// Small devices: how many columns a block takes depends on the number of multiprocessors.
class CudaLimits : public testing::Test {
 public:
  CudaLimits() {
    cudaGetDeviceProperties(&before_, 0);
    cudaDeviceProp properties = before_;
    properties.multiProcessorCount = 1;
    properties.major = 8;  // for which the Context keeps less memory
    simt::set_properties(properties);
  }
  ~CudaLimits() override { simt::set_properties(before_); }

 private:
  cudaDeviceProp before_{};
};

// The columns of F fill what a block has of shared memory to the last byte at these ranks, for 4, 8 and 16 columns;
// the sums over the block need a few bytes more.
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

}  // namespace
}  // namespace orthant::test
