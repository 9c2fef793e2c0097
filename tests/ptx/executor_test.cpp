// The rig runs PTX in place of what the host's compiler made: run with ORTHANT_PTX.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "cuda/device.hpp"
#include "tests/ptx/kernels/launched.hpp"
#include "tests/simt/rig.hpp"

namespace ptx_test {
namespace {

class Executor : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(cudaMalloc(&out_, kCount * sizeof(double)), cudaSuccess); }
  void TearDown() override {
    simt::clear_error();
    ASSERT_EQ(cudaFree(out_), cudaSuccess);
  }

  static constexpr int kCount = 20;
  double* out_ = nullptr;
};

TEST_F(Executor, RunsThePtx) {
  ASSERT_EQ(launch_compiled_for(out_, kCount), cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << simt::take_report();
  std::vector<double> found(kCount);
  ASSERT_EQ(cudaMemcpy(found.data(), out_, kCount * sizeof(double), cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_THAT(found, testing::Each(std::atoi(std::getenv("ORTHANT_PTX_ARCHITECTURE")) * 10 + 0.5));
}

TEST_F(Executor, FaultsAreReportedAndStick) {
  ASSERT_EQ(launch_compiled_for(out_, kCount + 1), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  const std::string report = simt::take_report();
  EXPECT_THAT(report, testing::HasSubstr("compiled_for<double>"));
  EXPECT_THAT(report, testing::HasSubstr("thread (20, 0, 0), launched.cu:16"));
  EXPECT_THAT(report, testing::HasSubstr("outside every live allocation"));
}

__global__ void without_ptx(double* out) { *out = 1; }

TEST_F(Executor, KernelWithoutPtx) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(1);
  config.blockDim = dim3(1);
  ASSERT_EQ(cudaLaunchKernelEx(&config, without_ptx, out_), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_THAT(simt::take_report(), testing::ContainsRegex("without_ptx.*: not in the PTX files of"));
}

}  // namespace
}  // namespace ptx_test
