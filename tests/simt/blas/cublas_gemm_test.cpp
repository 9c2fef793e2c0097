// Products of cuBLAS's substitute, against textbook loops.

#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/simt/blas/testing.hpp"

namespace blas_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The example of NVIDIA/CUDALibrarySamples, cuBLAS/Level-3/gemm.
TEST_F(Cublas, DocumentedExample) {
  const OnDevice<double> a({1, 3, 2, 4}), b({5, 7, 6, 8}), c(std::vector<double>(4));
  const double one = 1, zero = 0;
  EXPECT_EQ(cublasDgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &one, a.data(), 2, b.data(), 2, &zero, c.data(), 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(c.read(), ElementsAre(19, 43, 22, 50));
}

}  // namespace
}  // namespace blas_test
