// Symmetric products and sums of matrices of cuBLAS.

#include <string>
#include <type_traits>

#include "tests/simt/blas/cublas.hpp"

namespace simt {
namespace {

template <class T>
constexpr cudaDataType kType = std::is_same_v<T, float> ? CUDA_R_32F : CUDA_R_64F;

template <class T>
cublasStatus_t syrk(const char* name, cublasHandle_t handle, cublasFillMode_t uplo, cublasOperation_t op,
                    std::int64_t n, std::int64_t k, const T* alpha, const T* a, std::int64_t lda, const T* beta, T* c,
                    std::int64_t ldc) {
  return cublas(name, handle, [=] {
    if (n < 0 || k < 0 || !is_operation(op) || lda < least_ld(op == CUBLAS_OP_N ? n : k) || ldc < least_ld(n) ||
        (uplo != CUBLAS_FILL_MODE_LOWER && uplo != CUBLAS_FILL_MODE_UPPER) || alpha == nullptr || beta == nullptr) {
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (n == 0) return CUBLAS_STATUS_SUCCESS;
    if (c == nullptr || (k > 0 && a == nullptr)) return CUBLAS_STATUS_INVALID_VALUE;
    const std::string of = name;
    const Inputs inputs = kType<T> == CUDA_R_32F && allows_tf32(handle->math) ? Inputs::kTf32 : Inputs::kExact;
    const Part part = uplo == CUBLAS_FILL_MODE_LOWER ? Part::kLower : Part::kUpper;
    return submit(*handle, {name,
                            {operand(of + ": A", a, kType<T>, op, n, k, lda)},
                            {operand(of + ": C", c, kType<T>, CUBLAS_OP_N, n, n, ldc)},
                            scalars(*handle, of, alpha, beta, kType<T>),
                            [=](const Work& work) {
                              const Dense& factor = work.inputs[0];
                              multiply(work.scalars[0].value, factor, factor.transposed(), work.scalars[1].value,
                                       work.outputs[0], inputs, part);
                            }});
  });
}

/// Where A or B is C itself, it must be stored as C is.
template <class T>
bool is_in_place(const T* x, cublasOperation_t op, std::int64_t ld, const T* c, std::int64_t ldc) {
  return x != c || (op == CUBLAS_OP_N && ld == ldc);
}

void add(const Work& work) {
  const Dense& c = work.outputs[0];
  const double alpha = work.scalars[0].value, beta = work.scalars[1].value;
  const std::vector<double> a = read(work.inputs[0]), b = read(work.inputs[1]);
  std::vector<double> sums(static_cast<std::size_t>(c.rows));
  std::size_t next = 0;
  for (std::int64_t j = 0; j < c.columns; ++j) {
    for (double& sum : sums) {
      // A term whose factor is zero is left out, whatever it is.
      sum = (alpha == 0 ? 0 : alpha * a[next]) + (beta == 0 ? 0 : beta * b[next]);
      ++next;
    }
    write_column(1, sums, 0, c, j, Part::kAll);
  }
}

template <class T>
cublasStatus_t geam(const char* name, cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m,
                    int n, const T* alpha, const T* a, int lda, const T* beta, const T* b, int ldb, T* c, int ldc) {
  return cublas(name, handle, [=] {
    if (m < 0 || n < 0 || !is_operation(op_a) || !is_operation(op_b) || alpha == nullptr || beta == nullptr ||
        lda < least_ld(op_a == CUBLAS_OP_N ? m : n) || ldb < least_ld(op_b == CUBLAS_OP_N ? m : n) ||
        ldc < least_ld(m) || !is_in_place(a, op_a, lda, c, ldc) || !is_in_place(b, op_b, ldb, c, ldc)) {
      return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (m == 0 || n == 0) return CUBLAS_STATUS_SUCCESS;
    if (a == nullptr || b == nullptr || c == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    const std::string of = name;
    return submit(*handle, {name,
                            {operand(of + ": A", a, kType<T>, op_a, m, n, lda),
                             operand(of + ": B", b, kType<T>, op_b, m, n, ldb)},
                            {operand(of + ": C", c, kType<T>, CUBLAS_OP_N, m, n, ldc)},
                            scalars(*handle, of, alpha, beta, kType<T>),
                            add,
                            true});
  });
}

}  // namespace
}  // namespace simt

cublasStatus_t cublasSsyrk_64(cublasHandle_t handle, cublasFillMode_t uplo, cublasOperation_t op, std::int64_t n,
                              std::int64_t k, const float* alpha, const float* a, std::int64_t lda, const float* beta,
                              float* c, std::int64_t ldc) {
  return simt::syrk("cublasSsyrk_64", handle, uplo, op, n, k, alpha, a, lda, beta, c, ldc);
}
cublasStatus_t cublasDsyrk_64(cublasHandle_t handle, cublasFillMode_t uplo, cublasOperation_t op, std::int64_t n,
                              std::int64_t k, const double* alpha, const double* a, std::int64_t lda,
                              const double* beta, double* c, std::int64_t ldc) {
  return simt::syrk("cublasDsyrk_64", handle, uplo, op, n, k, alpha, a, lda, beta, c, ldc);
}

cublasStatus_t cublasSgeam(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n,
                           const float* alpha, const float* a, int lda, const float* beta, const float* b, int ldb,
                           float* c, int ldc) {
  return simt::geam("cublasSgeam", handle, op_a, op_b, m, n, alpha, a, lda, beta, b, ldb, c, ldc);
}
cublasStatus_t cublasDgeam(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n,
                           const double* alpha, const double* a, int lda, const double* beta, const double* b, int ldb,
                           double* c, int ldc) {
  return simt::geam("cublasDgeam", handle, op_a, op_b, m, n, alpha, a, lda, beta, b, ldb, c, ldc);
}
