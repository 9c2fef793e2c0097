#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include "tests/simt/rig.hpp"

namespace orthant::test {

/// A small device: how many columns a block takes, how often a kernel steps over its items, and how many lines of X are
/// converted at a time depend on the number of multiprocessors, on their memory and on the cache.
class CudaLimits : public testing::Test {
 public:
  CudaLimits() {
    cudaGetDeviceProperties(&large_, 0);
    small_ = large_;
    small_.multiProcessorCount = 1;
    small_.sharedMemPerBlockOptin = small_.sharedMemPerMultiprocessor = 48 << 10;
    small_.reservedSharedMemPerBlock = 0;
    small_.memPitch = 400;
    small_.l2CacheSize = 24 << 10;
    simt::set_properties(small_);
  }
  ~CudaLimits() override { simt::set_properties(large_); }

 protected:
  void TearDown() override { EXPECT_EQ(simt::take_report(), ""); }

  cudaDeviceProp small_{}, large_{};
};

}  // namespace orthant::test
