#pragma once

// What the tests of both libraries share.

#include <cublas_v2.h>
#include <cusparse.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/simt/on_device.hpp"
#include "tests/simt/rig.hpp"

namespace blas_test {

using rig_test::OnDevice;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

template <class T>
constexpr cudaDataType kType = std::is_same_v<T, float> ? CUDA_R_32F : CUDA_R_64F;

/// What stands between the columns of a matrix, and must still stand there afterwards.
constexpr double kGap = -777;

/// A matrix of the host with gaps: element (i, j) is at `i * row_step + j * column_step`.
template <class T>
struct Matrix {
  std::int64_t rows, columns, ld;
  bool by_rows = false;
  std::vector<T> values = std::vector<T>(static_cast<std::size_t>(ld * (by_rows ? rows : columns)), T(kGap));

  T& at(std::int64_t i, std::int64_t j) { return values[static_cast<std::size_t>(by_rows ? i * ld + j : i + j * ld)]; }
  T at(std::int64_t i, std::int64_t j) const { return const_cast<Matrix*>(this)->at(i, j); }

  /// Small integers, whose products and sums are exact.
  Matrix& fill(int seed) {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) at(i, j) = static_cast<T>((i * 7 + j * 3 + seed) % 11 - 5);
    }
    return *this;
  }
};

/// Nothing is left, and nothing reported that the test has not taken.
class Rig : public testing::Test {
 protected:
  void SetUp() override {
    simt::take_report();
    live_ = simt::live();
  }
  void TearDown() override {
    EXPECT_EQ(simt::take_report(), "");
    EXPECT_TRUE(simt::live() == live_) << simt::live().handles - live_.handles << " handles left";
  }

  /// The work that is queued ends in a fault; the report about it.
  static std::string fault() {
    EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
    simt::clear_error();
    return simt::take_report();
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
    simt::reset_machine();
    EXPECT_EQ(cublasDestroy(handle), CUBLAS_STATUS_SUCCESS);
    Rig::TearDown();
  }

  cublasHandle_t handle = nullptr;
};

class Cusparse : public Rig {
 protected:
  void SetUp() override {
    Rig::SetUp();
    ASSERT_EQ(cusparseCreate(&handle), CUSPARSE_STATUS_SUCCESS);
  }
  void TearDown() override {
    simt::reset_machine();
    EXPECT_EQ(cusparseDestroy(handle), CUSPARSE_STATUS_SUCCESS);
    Rig::TearDown();
  }

  cusparseHandle_t handle = nullptr;
};

}  // namespace blas_test
