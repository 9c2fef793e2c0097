// Matrix products of cuBLAS.

#include <string>
#include <type_traits>
#include <utility>

#include "tests/simt/blas/cublas.hpp"

namespace simt {
namespace {

struct Gemm {
  const char* name;
  cublasOperation_t op_a, op_b;
  std::int64_t m, n, k;
  const void* alpha;
  const void* a;
  cudaDataType a_type;
  std::int64_t lda, stride_a;
  const void* b;
  cudaDataType b_type;
  std::int64_t ldb, stride_b;
  const void* beta;
  const void* c;
  cudaDataType c_type;
  std::int64_t ldc, stride_c;
  std::int64_t batches;
  cublasComputeType_t compute;
  cublasGemmAlgo_t algorithm;
};

bool is_algorithm(cublasGemmAlgo_t algorithm) {
  const int number = algorithm;
  return (number >= CUBLAS_GEMM_DEFAULT && number <= CUBLAS_GEMM_ALGO23) ||
         (number >= CUBLAS_GEMM_DEFAULT_TENSOR_OP && number <= CUBLAS_GEMM_ALGO15_TENSOR_OP);
}

bool is_compute_type(cublasComputeType_t type) {
  switch (type) {
    case CUBLAS_COMPUTE_16F:
    case CUBLAS_COMPUTE_16F_PEDANTIC:
    case CUBLAS_COMPUTE_32F:
    case CUBLAS_COMPUTE_32F_PEDANTIC:
    case CUBLAS_COMPUTE_32F_FAST_16F:
    case CUBLAS_COMPUTE_32F_FAST_16BF:
    case CUBLAS_COMPUTE_32F_FAST_TF32:
    case CUBLAS_COMPUTE_32F_EMULATED_16BFX9:
    case CUBLAS_COMPUTE_64F:
    case CUBLAS_COMPUTE_64F_PEDANTIC:
    case CUBLAS_COMPUTE_64F_EMULATED_FIXEDPOINT:
    case CUBLAS_COMPUTE_32I:
    case CUBLAS_COMPUTE_32I_PEDANTIC:
      return true;
  }
  return false;
}

/// The documentation's table of cublasGemmEx, as far as the substitute goes: A and B have one type, and what takes
/// narrower types sums in single precision without a "fast" mode.
bool is_supported(const Gemm& call) {
  const auto types = [&](cudaDataType ab, cudaDataType c) {
    return call.a_type == ab && call.b_type == ab && call.c_type == c;
  };
  switch (call.compute) {
    case CUBLAS_COMPUTE_32F:
    case CUBLAS_COMPUTE_32F_PEDANTIC:
      return types(CUDA_R_32F, CUDA_R_32F) || types(CUDA_R_16F, CUDA_R_32F) || types(CUDA_R_16BF, CUDA_R_32F) ||
             types(CUDA_R_16F, CUDA_R_16F) || types(CUDA_R_16BF, CUDA_R_16BF);
    case CUBLAS_COMPUTE_32F_FAST_16BF:
    case CUBLAS_COMPUTE_32F_FAST_TF32:
      return types(CUDA_R_32F, CUDA_R_32F);
    case CUBLAS_COMPUTE_64F:
    case CUBLAS_COMPUTE_64F_PEDANTIC:
      return types(CUDA_R_64F, CUDA_R_64F);
    default:
      return false;
  }
}

/// In the order of the documentation's list.
cublasStatus_t check(const Gemm& call) {
  if (call.m < 0 || call.n < 0 || call.k < 0 || call.batches < 0) return CUBLAS_STATUS_INVALID_VALUE;
  if (!is_operation(call.op_a) || !is_operation(call.op_b)) return CUBLAS_STATUS_INVALID_VALUE;
  if (call.lda < least_ld(call.op_a == CUBLAS_OP_N ? call.m : call.k) ||
      call.ldb < least_ld(call.op_b == CUBLAS_OP_N ? call.k : call.n) || call.ldc < least_ld(call.m)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (!is_compute_type(call.compute) || !is_algorithm(call.algorithm)) return CUBLAS_STATUS_INVALID_VALUE;
  if (call.alpha == nullptr || call.beta == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  const bool some = call.m > 0 && call.n > 0 && call.batches > 0;
  if (some && (call.c == nullptr || (call.k > 0 && (call.a == nullptr || call.b == nullptr)))) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  return is_supported(call) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

/// What the compute type and the math mode make of single precision: the coarsest that they allow.
Inputs inputs_of(const Gemm& call, cublasMath_t math) {
  if (call.compute == CUBLAS_COMPUTE_32F_FAST_16BF) return Inputs::kBf16;
  if (call.compute == CUBLAS_COMPUTE_32F_FAST_TF32) return Inputs::kTf32;
  const bool allowed = call.compute == CUBLAS_COMPUTE_32F && allows_tf32(math);
  return allowed ? Inputs::kTf32 : Inputs::kExact;
}

/// The products of the batch: A and B of each, and its C.
void add_operands(const Gemm& call, Work& work) {
  const std::string name = call.name;
  for (std::int64_t i = 0; i < call.batches; ++i) {
    const std::string of = call.batches > 1 ? " of product " + std::to_string(i) : "";
    const Dense a = operand(name + ": A" + of, call.a, call.a_type, call.op_a, call.m, call.k, call.lda);
    const Dense b = operand(name + ": B" + of, call.b, call.b_type, call.op_b, call.k, call.n, call.ldb);
    const Dense c = operand(name + ": C" + of, call.c, call.c_type, CUBLAS_OP_N, call.m, call.n, call.ldc);
    work.inputs.insert(work.inputs.end(), {a.moved(i * call.stride_a), b.moved(i * call.stride_b)});
    work.outputs.push_back(c.moved(i * call.stride_c));
  }
}

cublasStatus_t gemm(const cublasContext& handle, const Gemm& call) {
  if (const cublasStatus_t status = check(call); status != CUBLAS_STATUS_SUCCESS) return status;
  if (call.m == 0 || call.n == 0 || call.batches == 0) return CUBLAS_STATUS_SUCCESS;
  if (call.batches > 1 && call.stride_c == 0) {
    report(std::string(call.name) + ": all products of the batch are written to the same C");
  }
  const cudaDataType scale =
      call.compute == CUBLAS_COMPUTE_64F || call.compute == CUBLAS_COMPUTE_64F_PEDANTIC ? CUDA_R_64F : CUDA_R_32F;
  const Inputs inputs = inputs_of(call, handle.math);
  Work work{call.name, {}, {}, scalars(handle, call.name, call.alpha, call.beta, scale), {}};
  add_operands(call, work);
  work.run = [inputs](const Work& self) {
    for (std::size_t i = 0; i < self.outputs.size(); ++i) {
      multiply(self.scalars[0].value, self.inputs[2 * i], self.inputs[2 * i + 1], self.scalars[1].value,
               self.outputs[i], inputs, Part::kAll);
    }
  };
  return submit(handle, std::move(work));
}

template <class T>
cublasStatus_t typed_gemm(const char* name, cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                          std::int64_t m, std::int64_t n, std::int64_t k, const T* alpha, const T* a, std::int64_t lda,
                          const T* b, std::int64_t ldb, const T* beta, T* c, std::int64_t ldc) {
  constexpr bool is_single = std::is_same_v<T, float>;
  constexpr cudaDataType type = is_single ? CUDA_R_32F : CUDA_R_64F;
  return cublas(name, handle, [=] {
    const bool pedantic = handle->math == CUBLAS_PEDANTIC_MATH;
    const cublasComputeType_t compute = is_single ? (pedantic ? CUBLAS_COMPUTE_32F_PEDANTIC : CUBLAS_COMPUTE_32F)
                                                  : (pedantic ? CUBLAS_COMPUTE_64F_PEDANTIC : CUBLAS_COMPUTE_64F);
    return gemm(*handle, {name,
                          op_a,
                          op_b,
                          m,
                          n,
                          k,
                          alpha,
                          a,
                          type,
                          lda,
                          0,
                          b,
                          type,
                          ldb,
                          0,
                          beta,
                          c,
                          type,
                          ldc,
                          0,
                          1,
                          compute,
                          CUBLAS_GEMM_DEFAULT});
  });
}

}  // namespace
}  // namespace simt

using simt::cublas;

cublasStatus_t cublasGemmEx_64(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, std::int64_t m,
                               std::int64_t n, std::int64_t k, const void* alpha, const void* a, cudaDataType a_type,
                               std::int64_t lda, const void* b, cudaDataType b_type, std::int64_t ldb, const void* beta,
                               void* c, cudaDataType c_type, std::int64_t ldc, cublasComputeType_t compute,
                               cublasGemmAlgo_t algorithm) {
  constexpr const char* kName = "cublasGemmEx_64";
  return cublas(kName, handle, [=] {
    return simt::gemm(*handle, {kName,  op_a, op_b, m,    n, k,      alpha, a, a_type, lda,     0,        b,
                                b_type, ldb,  0,    beta, c, c_type, ldc,   0, 1,      compute, algorithm});
  });
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
                            const void* alpha, const void* a, cudaDataType a_type, int lda, const void* b,
                            cudaDataType b_type, int ldb, const void* beta, void* c, cudaDataType c_type, int ldc,
                            cublasComputeType_t compute, cublasGemmAlgo_t algorithm) {
  constexpr const char* kName = "cublasGemmEx";
  return cublas(kName, handle, [=] {
    return simt::gemm(*handle, {kName,  op_a, op_b, m,    n, k,      alpha, a, a_type, lda,     0,        b,
                                b_type, ldb,  0,    beta, c, c_type, ldc,   0, 1,      compute, algorithm});
  });
}

cublasStatus_t cublasGemmStridedBatchedEx_64(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                                             std::int64_t m, std::int64_t n, std::int64_t k, const void* alpha,
                                             const void* a, cudaDataType a_type, std::int64_t lda,
                                             long long int stride_a, const void* b, cudaDataType b_type,
                                             std::int64_t ldb, long long int stride_b, const void* beta, void* c,
                                             cudaDataType c_type, std::int64_t ldc, long long int stride_c,
                                             std::int64_t batches, cublasComputeType_t compute,
                                             cublasGemmAlgo_t algorithm) {
  constexpr const char* kName = "cublasGemmStridedBatchedEx_64";
  return cublas(kName, handle, [=] {
    return simt::gemm(*handle, {kName,  op_a, op_b,     m,    n, k,      alpha, a,        a_type,  lda,     stride_a, b,
                                b_type, ldb,  stride_b, beta, c, c_type, ldc,   stride_c, batches, compute, algorithm});
  });
}

cublasStatus_t cublasSgemm(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
                           const float* alpha, const float* a, int lda, const float* b, int ldb, const float* beta,
                           float* c, int ldc) {
  return simt::typed_gemm("cublasSgemm", handle, op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
cublasStatus_t cublasSgemm_64(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, std::int64_t m,
                              std::int64_t n, std::int64_t k, const float* alpha, const float* a, std::int64_t lda,
                              const float* b, std::int64_t ldb, const float* beta, float* c, std::int64_t ldc) {
  return simt::typed_gemm("cublasSgemm_64", handle, op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
cublasStatus_t cublasDgemm(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
                           const double* alpha, const double* a, int lda, const double* b, int ldb, const double* beta,
                           double* c, int ldc) {
  return simt::typed_gemm("cublasDgemm", handle, op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
cublasStatus_t cublasDgemm_64(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, std::int64_t m,
                              std::int64_t n, std::int64_t k, const double* alpha, const double* a, std::int64_t lda,
                              const double* b, std::int64_t ldb, const double* beta, double* c, std::int64_t ldc) {
  return simt::typed_gemm("cublasDgemm_64", handle, op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
