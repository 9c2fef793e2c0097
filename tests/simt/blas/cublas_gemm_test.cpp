// Products of cuBLAS's substitute, against textbook loops.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tests/simt/blas/testing.hpp"

namespace blas_test {
namespace {

constexpr cublasOperation_t kOperations[] = {CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_OP_C};

/// One product, in numbers of the host.
template <class T>
struct Product {
  cublasOperation_t op_a, op_b;
  std::int64_t m, n, k;
  T alpha, beta;
  Matrix<T> a, b, c;

  Product(cublasOperation_t first, cublasOperation_t second, std::int64_t rows, std::int64_t columns,
          std::int64_t inner)
      : op_a(first),
        op_b(second),
        m(rows),
        n(columns),
        k(inner),
        alpha(2),
        beta(-3),
        a(op_a == CUBLAS_OP_N ? Matrix<T>{m, k, m + 2} : Matrix<T>{k, m, k + 1}),
        b(op_b == CUBLAS_OP_N ? Matrix<T>{k, n, k + 3} : Matrix<T>{n, k, n}),
        c{m, n, m + 1} {
    a.fill(1);
    b.fill(4);
    c.fill(8);
  }

  std::vector<T> expected() const {
    Matrix<T> result = c;
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        T sum = 0;
        for (std::int64_t l = 0; l < k; ++l) {
          sum += (op_a == CUBLAS_OP_N ? a.at(i, l) : a.at(l, i)) * (op_b == CUBLAS_OP_N ? b.at(l, j) : b.at(j, l));
        }
        result.at(i, j) = alpha * sum + beta * c.at(i, j);
      }
    }
    return result.values;
  }
};

template <class T>
cublasStatus_t gemm_ex_64(cublasHandle_t handle, const Product<T>& p, const T* a, const T* b, T* c) {
  return cublasGemmEx_64(
      handle, p.op_a, p.op_b, p.m, p.n, p.k, &p.alpha, a, kType<T>, p.a.ld, b, kType<T>, p.b.ld, &p.beta, c, kType<T>,
      p.c.ld, std::is_same_v<T, float> ? CUBLAS_COMPUTE_32F_PEDANTIC : CUBLAS_COMPUTE_64F, CUBLAS_GEMM_DEFAULT);
}
template <class T>
cublasStatus_t gemm_ex(cublasHandle_t handle, const Product<T>& p, const T* a, const T* b, T* c) {
  const auto number = [](std::int64_t value) { return static_cast<int>(value); };
  return cublasGemmEx(handle, p.op_a, p.op_b, number(p.m), number(p.n), number(p.k), &p.alpha, a, kType<T>,
                      number(p.a.ld), b, kType<T>, number(p.b.ld), &p.beta, c, kType<T>, number(p.c.ld),
                      std::is_same_v<T, float> ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_64F_PEDANTIC,
                      CUBLAS_GEMM_ALGO3_TENSOR_OP);
}
cublasStatus_t typed(cublasHandle_t handle, const Product<float>& p, const float* a, const float* b, float* c) {
  return cublasSgemm_64(handle, p.op_a, p.op_b, p.m, p.n, p.k, &p.alpha, a, p.a.ld, b, p.b.ld, &p.beta, c, p.c.ld);
}
cublasStatus_t typed(cublasHandle_t handle, const Product<double>& p, const double* a, const double* b, double* c) {
  return cublasDgemm_64(handle, p.op_a, p.op_b, p.m, p.n, p.k, &p.alpha, a, p.a.ld, b, p.b.ld, &p.beta, c, p.c.ld);
}

template <class T, class Call>
void expect_product(cublasHandle_t handle, const Product<T>& p, Call call) {
  SCOPED_TRACE(testing::Message() << p.op_a << " " << p.op_b << ", " << p.m << " x " << p.n << " x " << p.k);
  const OnDevice<T> a(p.a.values), b(p.b.values), c(p.c.values);
  ASSERT_EQ(call(handle, p, a.data(), b.data(), c.data()), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c.read(), p.expected());
}

template <class T>
void expect_products(cublasHandle_t handle) {
  for (const cublasOperation_t op_a : kOperations) {
    for (const cublasOperation_t op_b : kOperations) {
      expect_product(handle, Product<T>(op_a, op_b, 1, 1, 1), gemm_ex_64<T>);
      expect_product(handle, Product<T>(op_a, op_b, 4, 3, 5), gemm_ex_64<T>);
      expect_product(handle, Product<T>(op_a, op_b, 2, 7, 1), gemm_ex<T>);
      expect_product(handle, Product<T>(op_a, op_b, 5, 1, 3), [](auto... arguments) { return typed(arguments...); });
      expect_product(handle, Product<T>(op_a, op_b, 3, 2, 0), gemm_ex_64<T>);
    }
  }
}

TEST_F(Cublas, ProductsOfAllOperationsLeaveGapsAlone) {
  expect_products<float>(handle);
  expect_products<double>(handle);
}

// The example of NVIDIA's samples, cuBLAS/Level-3/gemm: [1 2; 3 4] [5 6; 7 8].
TEST_F(Cublas, ExampleOfTheSamples) {
  const OnDevice<double> a({1, 3, 2, 4}), b({5, 7, 6, 8}), c(std::vector<double>(4));
  const double one = 1, zero = 0;
  EXPECT_EQ(cublasDgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &one, a.data(), 2, b.data(), 2, &zero, c.data(), 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(c.read(), ElementsAre(19, 43, 22, 50));
  const OnDevice<float> single_a({1, 3, 2, 4}), single_b({5, 7, 6, 8}), single_c(std::vector<float>(4));
  const float single_one = 1, single_zero = 0;
  EXPECT_EQ(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &single_one, single_a.data(), 2, single_b.data(), 2,
                        &single_zero, single_c.data(), 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(single_c.read(), ElementsAre(19, 43, 22, 50));
}

TEST_F(Cublas, ReadsTheResultOnlyIfBetaIsNotZero) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const bool reads : {false, true}) {
    Product<float> p(CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2);
    p.beta = reads ? 1.0F : 0.0F;
    const OnDevice<float> a(p.a.values), b(p.b.values), c(std::vector<float>(p.c.values.size(), nan));
    ASSERT_EQ(gemm_ex_64(handle, p, a.data(), b.data(), c.data()), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(std::isnan(c.read()[0]), reads);
    EXPECT_TRUE(std::isnan(c.read()[2])) << "a gap";
  }
}

/// x * 1, as a product of 1 x 1 matrices.
float one_product(cublasHandle_t handle, float x, cublasComputeType_t compute) {
  const OnDevice<float> a({x}), b({1}), c({0});
  const float one = 1, zero = 0;
  EXPECT_EQ(cublasGemmEx_64(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.data(), CUDA_R_32F, 1, b.data(),
                            CUDA_R_32F, 1, &zero, c.data(), CUDA_R_32F, 1, compute, CUBLAS_GEMM_DEFAULT),
            CUBLAS_STATUS_SUCCESS);
  return c.read()[0];
}

TEST_F(Cublas, Tf32RoundsInputsToTenBitsTiesAway) {
  const auto rounded = [&](float x) { return one_product(handle, x, CUBLAS_COMPUTE_32F_FAST_TF32); };
  EXPECT_EQ(rounded(1 + 0x1p-10F), 1 + 0x1p-10F);
  EXPECT_EQ(rounded(1 + 0x1p-11F), 1 + 0x1p-10F);
  EXPECT_EQ(rounded(-1 - 0x1p-11F), -1 - 0x1p-10F);
  EXPECT_EQ(rounded(1 + 0x1p-11F - 0x1p-23F), 1.0F);
  EXPECT_EQ(rounded(2 - 0x1p-23F), 2.0F);
  EXPECT_EQ(rounded(0x1p-140F), 0x1p-136F * 0) << "half of the smallest that is left";
  EXPECT_EQ(rounded(std::numeric_limits<float>::infinity()), std::numeric_limits<float>::infinity());
  for (const std::uint32_t nan : {0x7FC00000U, 0x7FFFFFFFU, 0x7F800001U}) {
    EXPECT_TRUE(std::isnan(rounded(std::bit_cast<float>(nan))));
  }
}

TEST_F(Cublas, Bf16RoundsInputsToSevenBitsTiesToEven) {
  const auto rounded = [&](float x) { return one_product(handle, x, CUBLAS_COMPUTE_32F_FAST_16BF); };
  EXPECT_EQ(rounded(1 + 0x1p-7F), 1 + 0x1p-7F);
  EXPECT_EQ(rounded(1 + 0x1p-8F), 1.0F);
  EXPECT_EQ(rounded(1 + 0x1p-8F + 0x1p-23F), 1 + 0x1p-7F);
  EXPECT_EQ(rounded(1 + 3 * 0x1p-8F), 1 + 0x1p-6F);
  EXPECT_TRUE(std::isnan(rounded(std::numeric_limits<float>::quiet_NaN())));
}

TEST_F(Cublas, MathModeAllowsTf32WhereTheComputeTypeDoes) {
  constexpr float kFine = 1 + 0x1p-11F;
  EXPECT_EQ(one_product(handle, kFine, CUBLAS_COMPUTE_32F), kFine);
  ASSERT_EQ(cublasSetMathMode(handle, CUBLAS_TF32_TENSOR_OP_MATH), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(one_product(handle, kFine, CUBLAS_COMPUTE_32F), 1 + 0x1p-10F);
  EXPECT_EQ(one_product(handle, kFine, CUBLAS_COMPUTE_32F_PEDANTIC), kFine);
  ASSERT_EQ(cublasSetMathMode(handle, CUBLAS_PEDANTIC_MATH), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(one_product(handle, kFine, CUBLAS_COMPUTE_32F), kFine);
}

template <class Narrow>
void expect_narrow_product(cublasHandle_t handle, cudaDataType type) {
  const OnDevice<Narrow> a({Narrow(3.0F), Narrow(0.5F)}), b({Narrow(2.0F), Narrow(-4.0F)}), narrow_c({Narrow(1.0F)});
  const OnDevice<float> c({1});
  const float one = 1;
  EXPECT_EQ(cublasGemmEx_64(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 2, &one, a.data(), type, 1, b.data(), type, 2, &one,
                            c.data(), CUDA_R_32F, 1, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c.read()[0], 5.0F);
  EXPECT_EQ(cublasGemmEx_64(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 2, &one, a.data(), type, 1, b.data(), type, 2, &one,
                            narrow_c.data(), type, 1, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(static_cast<float>(narrow_c.read()[0]), 5.0F);
}

TEST_F(Cublas, TakesHalfPrecision) {
  expect_narrow_product<__half>(handle, CUDA_R_16F);
  expect_narrow_product<__nv_bfloat16>(handle, CUDA_R_16BF);
}

// The documentation's table, without the types that the substitute does not know.
TEST_F(Cublas, SupportsTheDocumentedTypes) {
  struct Supported {
    cublasComputeType_t compute;
    cudaDataType a, b, c;
  };
  const std::vector<Supported> table = {
      {CUBLAS_COMPUTE_32F, CUDA_R_32F, CUDA_R_32F, CUDA_R_32F},
      {CUBLAS_COMPUTE_32F, CUDA_R_16F, CUDA_R_16F, CUDA_R_32F},
      {CUBLAS_COMPUTE_32F, CUDA_R_16F, CUDA_R_16F, CUDA_R_16F},
      {CUBLAS_COMPUTE_32F, CUDA_R_16BF, CUDA_R_16BF, CUDA_R_32F},
      {CUBLAS_COMPUTE_32F, CUDA_R_16BF, CUDA_R_16BF, CUDA_R_16BF},
      {CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_32F, CUDA_R_32F, CUDA_R_32F},
      {CUBLAS_COMPUTE_32F_FAST_16BF, CUDA_R_32F, CUDA_R_32F, CUDA_R_32F},
      {CUBLAS_COMPUTE_64F, CUDA_R_64F, CUDA_R_64F, CUDA_R_64F},
  };
  const auto is_in_table = [&](cublasComputeType_t compute, cudaDataType a, cudaDataType b, cudaDataType c) {
    if (compute == CUBLAS_COMPUTE_32F_PEDANTIC) compute = CUBLAS_COMPUTE_32F;
    if (compute == CUBLAS_COMPUTE_64F_PEDANTIC) compute = CUBLAS_COMPUTE_64F;
    for (const Supported& each : table) {
      if (each.compute == compute && each.a == a && each.b == b && each.c == c) return true;
    }
    return false;
  };
  const OnDevice<double> a({0}), b({0}), c({0});
  const double one = 1;
  for (const cublasComputeType_t compute :
       {CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_PEDANTIC, CUBLAS_COMPUTE_32F_FAST_TF32, CUBLAS_COMPUTE_32F_FAST_16BF,
        CUBLAS_COMPUTE_64F, CUBLAS_COMPUTE_64F_PEDANTIC}) {
    for (const cudaDataType a_type : {CUDA_R_16F, CUDA_R_16BF, CUDA_R_32F, CUDA_R_64F}) {
      for (const cudaDataType b_type : {CUDA_R_16F, CUDA_R_16BF, CUDA_R_32F, CUDA_R_64F}) {
        for (const cudaDataType c_type : {CUDA_R_16F, CUDA_R_16BF, CUDA_R_32F, CUDA_R_64F}) {
          EXPECT_EQ(cublasGemmEx_64(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.data(), a_type, 1, b.data(),
                                    b_type, 1, &one, c.data(), c_type, 1, compute, CUBLAS_GEMM_DEFAULT),
                    is_in_table(compute, a_type, b_type, c_type) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED)
              << compute << ": " << a_type << " " << b_type << " " << c_type;
        }
      }
    }
  }
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

constexpr float kOne = 1;

/// The arguments of a valid call, of which a test makes one wrong: 2 x 3 times 3 x 4.
struct Arguments {
  cublasOperation_t op_a = CUBLAS_OP_N, op_b = CUBLAS_OP_N;
  std::int64_t m = 2, n = 4, k = 3, lda = 2, ldb = 3, ldc = 2;
  const float* alpha = &kOne;
  const float* beta = &kOne;
  const float* a = nullptr;
  const float* b = nullptr;
  float* c = nullptr;
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  cublasGemmAlgo_t algorithm = CUBLAS_GEMM_DEFAULT;

  cublasStatus_t call(cublasHandle_t handle) const {
    return cublasGemmEx_64(handle, op_a, op_b, m, n, k, alpha, a, CUDA_R_32F, lda, b, CUDA_R_32F, ldb, beta, c,
                           CUDA_R_32F, ldc, compute, algorithm);
  }
};

TEST_F(Cublas, RefusesWrongArguments) {
  const OnDevice<float> a(std::vector<float>(6)), b(std::vector<float>(12)), c(std::vector<float>(8));
  const auto status = [&](auto change) {
    Arguments arguments{.a = a.data(), .b = b.data(), .c = c.data()};
    change(arguments);
    return arguments.call(handle);
  };
  using A = Arguments;
  EXPECT_EQ(status([](A&) {}), CUBLAS_STATUS_SUCCESS);
  for (const auto& wrong : std::vector<std::function<void(A&)>>{
           [](A& x) { x.m = -1; },
           [](A& x) { x.n = -1; },
           [](A& x) { x.k = -1; },
           [](A& x) { x.lda = 1; },
           [](A& x) { x.ldb = 2; },
           [](A& x) { x.ldc = 1; },
           [](A& x) { x.op_a = CUBLAS_OP_T; },  // lda must be 3
           [](A& x) { x.op_b = CUBLAS_OP_C; },  // ldb must be 4
           [](A& x) { x.m = 0, x.lda = 0; },    // at least 1 even if empty
           [](A& x) { x.op_a = CUBLAS_OP_CONJG, x.lda = 3; },
           [](A& x) { x.op_b = CUBLAS_OP_CONJG, x.ldb = 4; },
           [](A& x) { x.alpha = nullptr; },
           [](A& x) { x.beta = nullptr; },
           [](A& x) { x.a = nullptr; },
           [](A& x) { x.b = nullptr; },
           [](A& x) { x.c = nullptr; },
           [](A& x) { x.compute = static_cast<cublasComputeType_t>(0); },
           [](A& x) { x.algorithm = static_cast<cublasGemmAlgo_t>(50); },
       }) {
    EXPECT_EQ(status(wrong), CUBLAS_STATUS_INVALID_VALUE);
  }
  EXPECT_EQ(status([](A& x) { x.compute = CUBLAS_COMPUTE_32I; }), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(status([](A& x) { x.m = 0, x.a = x.b = x.c = nullptr; }), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(status([](A& x) { x.k = 0, x.a = x.b = nullptr; }), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(Arguments{}.call(nullptr), CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

TEST_F(Cublas, ReportsOperandsThatAreNotThere) {
  const OnDevice<float> a(std::vector<float>(6)), b(std::vector<float>(12)), c(std::vector<float>(8));
  std::vector<float> on_host(12);
  const Arguments good{.a = a.data(), .b = b.data(), .c = c.data()};
  Arguments wrong = good;
  wrong.ldb = 4;  // the last column would end at element 15
  EXPECT_EQ(wrong.call(handle), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("cublasGemmEx_64: B needs 60 bytes at byte 0 of an allocation of 48 bytes"));
  wrong = good;
  wrong.a = a.data() + 1;
  EXPECT_EQ(wrong.call(handle), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("A needs 24 bytes at byte 4"));
  wrong = good;
  wrong.c = on_host.data();
  EXPECT_EQ(wrong.call(handle), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("which is in no allocation"));
  wrong = good;
  wrong.a = reinterpret_cast<const float*>(reinterpret_cast<const char*>(b.data()) + 2);
  EXPECT_EQ(wrong.call(handle), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("A is not aligned"));
  float* gone = nullptr;
  ASSERT_EQ(cudaMallocAsync(reinterpret_cast<void**>(&gone), 48, nullptr), cudaSuccess);
  ASSERT_EQ(cudaFreeAsync(gone, nullptr), cudaSuccess);
  wrong = good;
  wrong.b = gone;
  EXPECT_EQ(wrong.call(handle), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("which has been freed"));
}

TEST_F(Cublas, ReportsResultsThatOverlapOperands) {
  // A, B and C of 2 x 2 in one array, at these elements.
  const OnDevice<float> all(std::vector<float>(32, 1));
  const float one = 1;
  const auto call = [&](int a, int b, int c, int ld) {
    return cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_T, 2, 2, 2, &one, all.data() + a, ld, all.data() + b, ld, &one,
                       all.data() + c, ld);
  };
  const auto report = [&](int a, int b, int c, int ld) {
    EXPECT_EQ(call(a, b, c, ld), CUBLAS_STATUS_SUCCESS);
    return fault();
  };
  const std::string of_a = "cublasSgemm: C overlaps cublasSgemm: A", of_b = "cublasSgemm: C overlaps cublasSgemm: B";
  EXPECT_THAT(report(0, 4, 0, 2), HasSubstr(of_a));
  EXPECT_THAT(report(0, 8, 3, 2), HasSubstr(of_a));
  EXPECT_THAT(report(0, 8, 5, 2), HasSubstr(of_b));
  EXPECT_THAT(report(0, 8, 11, 2), HasSubstr(of_b));
  // Columns of one that lie between those of the others.
  EXPECT_THAT(report(0, 2, 3, 6), HasSubstr(of_b));
  EXPECT_THAT(report(0, 2, 7, 6), HasSubstr(of_a));
  EXPECT_THAT(report(6, 2, 1, 6), HasSubstr(of_a));
  EXPECT_EQ(call(0, 2, 4, 6), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(call(2, 4, 0, 6), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(call(0, 8, 4, 2), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(call(0, 0, 4, 2), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

TEST_F(Cublas, RunsInTheOrderOfItsStream) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cublasSetStream(handle, stream), CUBLAS_STATUS_SUCCESS);
  const OnDevice<float> a({2}), b({3}), c({0}), d({0});
  float factor = 1;
  const float zero = 0;
  simt::reset_calls();
  // d = c b, where c = a b comes from the call before.
  ASSERT_EQ(
      cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &factor, a.data(), 1, b.data(), 1, &zero, c.data(), 1),
      CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(
      cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &factor, c.data(), 1, b.data(), 1, &zero, d.data(), 1),
      CUBLAS_STATUS_SUCCESS);
  factor = 100;  // a factor of the host's is read by the call
  EXPECT_EQ(simt::calls()["work:cublasSgemm"], 0);
  EXPECT_EQ(d.read()[0], 0);  // on the legacy stream, which does not wait for this one
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(simt::calls()["work:cublasSgemm"], 2);
  EXPECT_EQ(d.read()[0], 18);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST_F(Cublas, ReadsFactorsOfTheDeviceWhenItRuns) {
  const OnDevice<float> a({2}), b({3}), c({5}), factors({1, 1});
  ASSERT_EQ(cublasSetPointerMode(handle, CUBLAS_POINTER_MODE_DEVICE), CUBLAS_STATUS_SUCCESS);
  const auto call = [&](const float* alpha, const float* beta) {
    return cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, alpha, a.data(), 1, b.data(), 1, beta, c.data(), 1);
  };
  const float late[] = {10, 100};
  ASSERT_EQ(cudaMemcpyAsync(factors.data(), late, sizeof late, cudaMemcpyDefault, nullptr), cudaSuccess);
  ASSERT_EQ(call(factors.data(), factors.data() + 1), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c.read()[0], 560);
  const float on_host = 1;
  ASSERT_EQ(call(&on_host, factors.data()), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("alpha, which the pointer mode says is of the device"));
  EXPECT_EQ(c.read()[0], 560);
  ASSERT_EQ(cublasSetPointerMode(handle, CUBLAS_POINTER_MODE_HOST), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(call(&on_host, factors.data()), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_THAT(simt::take_report(), HasSubstr("beta is in device memory, but the pointer mode says host"));
}

TEST_F(Cublas, MultipliesBatches) {
  // 2 x 1 times 1 x 2, three times; C with a gap between the products.
  const OnDevice<float> a({1, 2, 3, 4, 5, 6}), b({1, 10, 100, 1000}), c(std::vector<float>(14, -1));
  const float one = 1, zero = 0;
  const auto call = [&](long long stride_c, std::int64_t batches) {
    return cublasGemmStridedBatchedEx_64(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 1, &one, a.data(), CUDA_R_32F, 2, 2,
                                         b.data(), CUDA_R_32F, 1, 1, &zero, c.data(), CUDA_R_32F, 2, stride_c, batches,
                                         CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
  };
  EXPECT_EQ(call(5, 3), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(c.read(), ElementsAre(1, 2, 10, 20, -1, 30, 40, 300, 400, -1, 500, 600, 5000, 6000));
  EXPECT_EQ(call(5, -1), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(call(5, 0), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(call(0, 2), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(simt::take_report(), HasSubstr("written to the same C"));
  EXPECT_EQ(call(6, 3), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("C of product 2 needs 16 bytes at byte 48"));
}

}  // namespace
}  // namespace blas_test
