// Symmetric products and sums of matrices of cuBLAS's substitute.

#include <cmath>
#include <limits>

#include "tests/simt/blas/testing.hpp"

namespace blas_test {
namespace {

cublasStatus_t syrk(cublasHandle_t handle, cublasFillMode_t uplo, cublasOperation_t op, std::int64_t n, std::int64_t k,
                    float alpha, const float* a, std::int64_t lda, float beta, float* c, std::int64_t ldc) {
  return cublasSsyrk_64(handle, uplo, op, n, k, &alpha, a, lda, &beta, c, ldc);
}
cublasStatus_t syrk(cublasHandle_t handle, cublasFillMode_t uplo, cublasOperation_t op, std::int64_t n, std::int64_t k,
                    double alpha, const double* a, std::int64_t lda, double beta, double* c, std::int64_t ldc) {
  return cublasDsyrk_64(handle, uplo, op, n, k, &alpha, a, lda, &beta, c, ldc);
}

template <class T>
void expect_symmetric_product(cublasHandle_t handle, cublasFillMode_t uplo, cublasOperation_t op) {
  constexpr std::int64_t kSize = 4, kInner = 3;
  const bool plain = op == CUBLAS_OP_N;
  const Matrix<T> a = (plain ? Matrix<T>{kSize, kInner, 5} : Matrix<T>{kInner, kSize, 3}).fill(2);
  const Matrix<T> c = Matrix<T>{kSize, kSize, 6}.fill(3);
  Matrix<T> expected = c;
  for (std::int64_t j = 0; j < kSize; ++j) {
    for (std::int64_t i = 0; i < kSize; ++i) {
      if (uplo == CUBLAS_FILL_MODE_LOWER ? i < j : i > j) continue;
      T sum = 0;
      for (std::int64_t l = 0; l < kInner; ++l) {
        sum += plain ? a.at(i, l) * a.at(j, l) : a.at(l, i) * a.at(l, j);
      }
      expected.at(i, j) = 2 * sum - c.at(i, j);
    }
  }
  const OnDevice<T> a_data(a.values), c_data(c.values);
  ASSERT_EQ(syrk(handle, uplo, op, kSize, kInner, T(2), a_data.data(), a.ld, T(-1), c_data.data(), c.ld),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c_data.read(), expected.values);
}

TEST_F(Cublas, SymmetricProductsFillOneTriangle) {
  for (const cublasFillMode_t uplo : {CUBLAS_FILL_MODE_LOWER, CUBLAS_FILL_MODE_UPPER}) {
    for (const cublasOperation_t op : {CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_OP_C}) {
      expect_symmetric_product<float>(handle, uplo, op);
      expect_symmetric_product<double>(handle, uplo, op);
    }
  }
}

TEST_F(Cublas, SymmetricProductFollowsTheMathMode) {
  const OnDevice<float> a({1 + 0x1p-11F}), c({0});
  const auto product = [&] {
    EXPECT_EQ(syrk(handle, CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, 1, 1, 1.0F, a.data(), 1, 0.0F, c.data(), 1),
              CUBLAS_STATUS_SUCCESS);
    return c.read()[0];
  };
  EXPECT_EQ(product(), 1 + 0x1p-10F + 0x1p-22F);
  ASSERT_EQ(cublasSetMathMode(handle, CUBLAS_TF32_TENSOR_OP_MATH), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(product(), 1 + 0x1p-9F + 0x1p-20F);
}

TEST_F(Cublas, SymmetricProductRefusesWrongArguments) {
  const OnDevice<float> a({1, 2}), c({std::numeric_limits<float>::quiet_NaN()});
  constexpr auto kLower = CUBLAS_FILL_MODE_LOWER;
  EXPECT_EQ(syrk(handle, kLower, CUBLAS_OP_N, 1, 2, 1.0F, a.data(), 1, 0.0F, c.data(), 1), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c.read()[0], 5);
  EXPECT_EQ(syrk(handle, CUBLAS_FILL_MODE_FULL, CUBLAS_OP_N, 1, 2, 1.0F, a.data(), 1, 0.0F, c.data(), 1),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(syrk(handle, kLower, CUBLAS_OP_T, 1, 2, 1.0F, a.data(), 1, 0.0F, c.data(), 1), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(syrk(handle, kLower, CUBLAS_OP_N, -1, 2, 1.0F, a.data(), 1, 0.0F, c.data(), 1),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(syrk(handle, kLower, CUBLAS_OP_N, 1, -2, 1.0F, a.data(), 1, 0.0F, c.data(), 1),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(syrk(handle, kLower, CUBLAS_OP_N, 1, 2, 1.0F, a.data(), 1, 0.0F, c.data(), 0), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(syrk(handle, kLower, CUBLAS_OP_N, 1, 2, 1.0F, nullptr, 1, 0.0F, c.data(), 1), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasSsyrk_64(handle, kLower, CUBLAS_OP_N, 1, 2, nullptr, a.data(), 1, a.data(), c.data(), 1),
            CUBLAS_STATUS_INVALID_VALUE);
}

TEST_F(Cublas, ReportsSumsThatOverlapOperands) {
  const OnDevice<float> all(std::vector<float>(12, 1));
  const float one = 1;
  ASSERT_EQ(syrk(handle, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, 2, 2, 1.0F, all.data(), 2, 0.0F, all.data() + 3, 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("cublasSsyrk_64: C overlaps cublasSsyrk_64: A"));
  const auto sum = [&](int a, int b, int c) {
    return cublasSgeam(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, &one, all.data() + a, 2, &one, all.data() + b, 2,
                       all.data() + c, 2);
  };
  ASSERT_EQ(sum(0, 4, 1), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("cublasSgeam: C overlaps cublasSgeam: A"));
  ASSERT_EQ(sum(0, 3, 0), CUBLAS_STATUS_SUCCESS);  // in place of A
  EXPECT_THAT(fault(), HasSubstr("cublasSgeam: C overlaps cublasSgeam: B"));
}

TEST_F(Cublas, SumsTransposes) {
  // C = 2 A' - B, with A of 3 x 2.
  const OnDevice<double> a({1, 2, 3, 4, 5, 6}), b({1, 1, 2, 2, 3, 3}), c(std::vector<double>(9, kGap));
  const double two = 2, minus = -1;
  EXPECT_EQ(cublasDgeam(handle, CUBLAS_OP_T, CUBLAS_OP_N, 2, 3, &two, a.data(), 3, &minus, b.data(), 2, c.data(), 3),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(c.read(), ElementsAre(1, 7, kGap, 2, 8, kGap, 3, 9, kGap));
}

TEST_F(Cublas, SumsInPlaceAsTheDocumentationAllows) {
  const OnDevice<float> a({1, 2, 3, 4}), nan(std::vector<float>(4, std::numeric_limits<float>::quiet_NaN()));
  const float three = 3, zero = 0;
  EXPECT_EQ(cublasSgeam(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, &three, a.data(), 2, &zero, nan.data(), 2, a.data(), 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(a.read(), ElementsAre(3, 6, 9, 12));
  EXPECT_EQ(cublasSgeam(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, &zero, nan.data(), 2, &three, a.data(), 2, a.data(), 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(a.read(), ElementsAre(9, 18, 27, 36));
  EXPECT_EQ(cublasSgeam(handle, CUBLAS_OP_T, CUBLAS_OP_N, 2, 2, &three, a.data(), 2, &zero, nan.data(), 2, a.data(), 2),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(
      cublasSgeam(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, &three, nan.data(), 1, &zero, a.data(), 2, nan.data(), 2),
      CUBLAS_STATUS_INVALID_VALUE);
}

}  // namespace
}  // namespace blas_test
