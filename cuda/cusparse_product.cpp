#include "cuda/cusparse_product.hpp"

#include <algorithm>
#include <type_traits>

#include "cuda/kernels/convert.hpp"
#include "cuda/kernels/factor_update.hpp"
#include "host/core/randomized_svd.hpp"

namespace orthant::cuda {
namespace {

using SparseMatrix =
    std::unique_ptr<const cusparseSpMatDescr, Destroy<cusparseConstSpMatDescr_t, cusparseDestroySpMat>>;
using DenseMatrix = std::unique_ptr<const cusparseDnMatDescr, Destroy<cusparseConstDnMatDescr_t, cusparseDestroyDnMat>>;

template <class T>
constexpr cudaDataType_t kType = std::is_same_v<T, float> ? CUDA_R_32F : CUDA_R_64F;

// The only one for rows whose results do not depend on the run; it uses what was preprocessed.
constexpr cusparseSpMMAlg_t kAlgorithm = CUSPARSE_SPMM_CSR_ALG3;

template <class T>
SparseMatrix describe(const Compressed<T>& x, std::int64_t length, const std::int32_t* offsets) {
  cusparseConstSpMatDescr_t matrix = nullptr;
  ORTHANT_CUDA(cusparseCreateConstCsr, &matrix, x.count, length, x.nonzeros, offsets, x.indices, x.values,
               CUSPARSE_INDEX_32I, CUSPARSE_INDEX_32I, CUSPARSE_INDEX_BASE_ZERO, kType<T>);
  return SparseMatrix(matrix);
}

// A product with factors, which are row-major as cuSPARSE sees them: count x rank.
template <class T>
class Call {
 public:
  Call(cusparseConstSpMatDescr_t matrix, core::Factor<const T> f, core::Factor<T> r) : matrix_(matrix) {
    cusparseConstDnMatDescr_t from = nullptr;
    ORTHANT_CUDA(cusparseCreateConstDnMat, &from, f.count, f.rank, f.ld, f.data, kType<T>, CUSPARSE_ORDER_ROW);
    from_.reset(from);
    ORTHANT_CUDA(cusparseCreateDnMat, &to_, r.count, r.rank, r.ld, r.data, kType<T>, CUSPARSE_ORDER_ROW);
    owned_to_.reset(to_);
  }

  std::size_t buffer_bytes(cusparseHandle_t handle) const {
    std::size_t bytes = 0;
    ORTHANT_CUDA(cusparseSpMM_bufferSize, handle, kPlain, kPlain, &one_, matrix_, from_.get(), &zero_, to_, kType<T>,
                 kAlgorithm, &bytes);
    return bytes;
  }
  void preprocess(cusparseHandle_t handle, void* buffer) const {
    ORTHANT_CUDA(cusparseSpMM_preprocess, handle, kPlain, kPlain, &one_, matrix_, from_.get(), &zero_, to_, kType<T>,
                 kAlgorithm, buffer);
  }
  void multiply(cusparseHandle_t handle, void* buffer) const {
    ORTHANT_CUDA(cusparseSpMM, handle, kPlain, kPlain, &one_, matrix_, from_.get(), &zero_, to_, kType<T>, kAlgorithm,
                 buffer);
  }

 private:
  static constexpr cusparseOperation_t kPlain = CUSPARSE_OPERATION_NON_TRANSPOSE;
  cusparseConstSpMatDescr_t matrix_;
  DenseMatrix from_, owned_to_;
  cusparseDnMatDescr_t to_ = nullptr;
  T one_ = 1, zero_ = 0;
};

// A call for factors of this rank that stands for those to come: it is not made, so that its memory can be any.
template <class T>
Call<T> any_call(const Gpu& gpu, cusparseConstSpMatDescr_t matrix, std::int64_t count, std::int64_t length, int rank) {
  auto* const memory = reinterpret_cast<T*>(gpu.scratch().values);
  return {matrix, {memory, rank, length, rank}, {memory, rank, count, rank}};
}

// Of the buffer, for factors of any rank but 1.
template <class T>
std::int64_t buffer_bytes(const Gpu& gpu, cusparseConstSpMatDescr_t matrix, std::int64_t count, std::int64_t length) {
  std::size_t bytes = 1;
  gpu.with_cusparse([&](cusparseHandle_t handle) {
    for (int rank : {2, kMaxRank + core::kOversampling}) {
      bytes = std::max(bytes, any_call<T>(gpu, matrix, count, length, rank).buffer_bytes(handle));
    }
  });
  return static_cast<std::int64_t>(bytes);
}

template <class T>
std::int64_t bytes_of(const Gpu& gpu, std::int64_t count, std::int64_t length, std::int64_t nonzeros) {
  const Scratch any = gpu.scratch();
  const auto* const integers = reinterpret_cast<const std::int32_t*>(any.counters);
  const SparseMatrix matrix =
      describe<T>({count, nonzeros, nullptr, integers, reinterpret_cast<const T*>(any.values)}, length, integers);
  return (count + 1) * static_cast<std::int64_t>(sizeof(std::int32_t)) +
         buffer_bytes<T>(gpu, matrix.get(), count, length);
}

}  // namespace

template <class T>
CusparseProduct<T>::CusparseProduct(const Gpu& gpu, const Compressed<T>& x, std::int64_t length)
    : gpu_(gpu), count_(x.count), length_(length), offsets_(gpu.memory(), x.count + 1) {
  narrow_integers(gpu, x.count + 1, x.offsets, offsets_.data());
  matrix_ = describe(x, length, offsets_.data());
  buffer_ = core::Buffer<std::byte>(gpu.memory(), buffer_bytes<T>(gpu, matrix_.get(), count_, length_));
  constexpr int kTypicalRank = 32;
  gpu.with_cusparse([&](cusparseHandle_t handle) {
    any_call<T>(gpu, matrix_.get(), count_, length_, kTypicalRank).preprocess(handle, buffer_.data());
  });
}

template <class T>
void CusparseProduct<T>::multiply(core::Factor<const T> f, core::Factor<T> r) const {
  gpu_.with_cusparse([&](cusparseHandle_t handle) { Call<T>(matrix_.get(), f, r).multiply(handle, buffer_.data()); });
}

std::int64_t cusparse_product_bytes(const Gpu& gpu, std::int64_t count, std::int64_t length, std::int64_t nonzeros,
                                    int element_size) {
  return element_size == sizeof(float) ? bytes_of<float>(gpu, count, length, nonzeros)
                                       : bytes_of<double>(gpu, count, length, nonzeros);
}

template class CusparseProduct<float>;
template class CusparseProduct<double>;

}  // namespace orthant::cuda
