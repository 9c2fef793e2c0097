#pragma once

// What the tests of both libraries share.

#include <cublas_v2.h>
#include <cusparse.h>
#include <gtest/gtest.h>

#include "tests/simt/on_device.hpp"
#include "tests/simt/rig.hpp"

namespace blas_test {

using rig_test::OnDevice;

/// Nothing is left, and nothing reported that the test has not taken.
class Rig : public testing::Test {
 protected:
  void SetUp() override {
    simt::take_report();
    live_ = simt::live();
  }
  void TearDown() override {
    EXPECT_EQ(simt::take_report(), "");
    simt::clear_error();
    EXPECT_TRUE(simt::live() == live_) << simt::live().handles - live_.handles << " handles left";
  }

 private:
  simt::Live live_;
};

class Cublas : public Rig {
 protected:
  void SetUp() override {
    Rig::SetUp();
    ASSERT_EQ(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
  }
  void TearDown() override {
    if (handle != nullptr) {
      EXPECT_EQ(cublasDestroy(handle), CUBLAS_STATUS_SUCCESS);
    }
    Rig::TearDown();
  }

  cublasHandle_t handle = nullptr;
};

}  // namespace blas_test
