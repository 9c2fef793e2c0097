// Descriptors of cuSPARSE. What NVIDIA's library 12.6 does with each wrong argument was observed: these functions need
// no device.

#include <cstdint>
#include <limits>
#include <tuple>

#include "tests/simt/blas/cusparse.hpp"

namespace simt {
namespace {

bool is_aligned(const void* pointer, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(pointer) % alignment == 0;
}

/// Zero for what is no index type.
std::size_t index_bytes(cusparseIndexType_t type) {
  switch (type) {
    case CUSPARSE_INDEX_16U:
      return 2;
    case CUSPARSE_INDEX_32I:
      return 4;
    case CUSPARSE_INDEX_64I:
      return 8;
  }
  return 0;
}

std::int64_t largest(cusparseIndexType_t type) {
  switch (type) {
    case CUSPARSE_INDEX_16U:
      return std::numeric_limits<std::uint16_t>::max();
    case CUSPARSE_INDEX_32I:
      return std::numeric_limits<std::int32_t>::max();
    default:
      return std::numeric_limits<std::int64_t>::max();
  }
}

cusparseStatus_t check(const cusparseSpMatDescr& matrix, cusparseIndexType_t offsets_type,
                       cusparseIndexType_t indices_type) {
  const auto [rows, columns, nonzeros] = std::tie(matrix.rows, matrix.columns, matrix.nonzeros);
  if (rows < 0 || columns < 0 || nonzeros < 0) return CUSPARSE_STATUS_INVALID_VALUE;
  if (index_bytes(offsets_type) == 0 || index_bytes(indices_type) == 0) return CUSPARSE_STATUS_INVALID_VALUE;
  if (matrix.base != CUSPARSE_INDEX_BASE_ZERO && matrix.base != CUSPARSE_INDEX_BASE_ONE) {
    return CUSPARSE_STATUS_INVALID_VALUE;
  }
  if (size_of(matrix.type) == 0) return CUSPARSE_STATUS_INVALID_VALUE;
  if (!is_aligned(matrix.offsets, index_bytes(offsets_type)) ||
      !is_aligned(matrix.indices, index_bytes(indices_type)) || !is_aligned(matrix.values, size_of(matrix.type))) {
    return CUSPARSE_STATUS_INVALID_VALUE;
  }
  if (offsets_type != indices_type) return CUSPARSE_STATUS_NOT_SUPPORTED;
  const std::int64_t limit = largest(offsets_type) - matrix.base;
  if (rows > limit || columns > limit || nonzeros > limit) return CUSPARSE_STATUS_INVALID_VALUE;
  const bool too_many = nonzeros > 0 && (columns == 0 || (nonzeros - 1) / columns >= rows);
  return too_many ? CUSPARSE_STATUS_INVALID_VALUE : CUSPARSE_STATUS_SUCCESS;
}

cusparseStatus_t check(const cusparseDnMatDescr& matrix) {
  if (matrix.rows < 0 || matrix.columns < 0) return CUSPARSE_STATUS_INVALID_VALUE;
  if (matrix.order != CUSPARSE_ORDER_COL && matrix.order != CUSPARSE_ORDER_ROW) return CUSPARSE_STATUS_INVALID_VALUE;
  if (size_of(matrix.type) == 0 || !is_aligned(matrix.values, size_of(matrix.type))) {
    return CUSPARSE_STATUS_INVALID_VALUE;
  }
  const std::int64_t least = matrix.order == CUSPARSE_ORDER_COL ? matrix.rows : matrix.columns;
  return matrix.ld < least ? CUSPARSE_STATUS_INVALID_VALUE : CUSPARSE_STATUS_SUCCESS;
}

template <class Descriptor>
cusparseStatus_t create_csr(const char* name, Descriptor* out, const cusparseSpMatDescr& matrix,
                            cusparseIndexType_t indices_type) {
  if (enter(name)) return CUSPARSE_STATUS_ALLOC_FAILED;
  if (out == nullptr) return CUSPARSE_STATUS_INVALID_VALUE;
  const cusparseStatus_t status = check(matrix, matrix.index_type, indices_type);
  if (status == CUSPARSE_STATUS_SUCCESS) *out = sparse_matrices().add(new cusparseSpMatDescr(matrix));
  return status;
}

template <class Descriptor>
cusparseStatus_t create_dense(const char* name, Descriptor* out, const cusparseDnMatDescr& matrix) {
  if (enter(name)) return CUSPARSE_STATUS_ALLOC_FAILED;
  if (out == nullptr) return CUSPARSE_STATUS_INVALID_VALUE;
  const cusparseStatus_t status = check(matrix);
  if (status == CUSPARSE_STATUS_SUCCESS) *out = dense_matrices().add(new cusparseDnMatDescr(matrix));
  return status;
}

template <class Descriptor>
cusparseStatus_t destroy(const char* name, Registry<Descriptor>& all, const Descriptor* descriptor) {
  const bool told_to_fail = enter(name);
  if (descriptor != nullptr && !all.destroy(descriptor)) return CUSPARSE_STATUS_INVALID_VALUE;
  return told_to_fail ? CUSPARSE_STATUS_EXECUTION_FAILED : CUSPARSE_STATUS_SUCCESS;
}

}  // namespace

Registry<cusparseSpMatDescr>& sparse_matrices() {
  static auto* const all = new Registry<cusparseSpMatDescr>;
  return *all;
}

Registry<cusparseDnMatDescr>& dense_matrices() {
  static auto* const all = new Registry<cusparseDnMatDescr>;
  return *all;
}

}  // namespace simt

cusparseStatus_t cusparseCreateCsr(cusparseSpMatDescr_t* matrix, std::int64_t rows, std::int64_t columns,
                                   std::int64_t nonzeros, void* offsets, void* indices, void* values,
                                   cusparseIndexType_t offsets_type, cusparseIndexType_t indices_type,
                                   cusparseIndexBase_t base, cudaDataType type) {
  return simt::create_csr("cusparseCreateCsr", matrix,
                          {rows, columns, nonzeros, offsets, indices, values, offsets_type, base, type, {}},
                          indices_type);
}

cusparseStatus_t cusparseCreateConstCsr(cusparseConstSpMatDescr_t* matrix, std::int64_t rows, std::int64_t columns,
                                        std::int64_t nonzeros, const void* offsets, const void* indices,
                                        const void* values, cusparseIndexType_t offsets_type,
                                        cusparseIndexType_t indices_type, cusparseIndexBase_t base, cudaDataType type) {
  return simt::create_csr("cusparseCreateConstCsr", matrix,
                          {rows, columns, nonzeros, offsets, indices, values, offsets_type, base, type, {}},
                          indices_type);
}

cusparseStatus_t cusparseDestroySpMat(cusparseConstSpMatDescr_t matrix) {
  return simt::destroy("cusparseDestroySpMat", simt::sparse_matrices(), matrix);
}

cusparseStatus_t cusparseCreateDnMat(cusparseDnMatDescr_t* matrix, std::int64_t rows, std::int64_t columns,
                                     std::int64_t ld, void* values, cudaDataType type, cusparseOrder_t order) {
  return simt::create_dense("cusparseCreateDnMat", matrix, {rows, columns, ld, values, type, order});
}

cusparseStatus_t cusparseCreateConstDnMat(cusparseConstDnMatDescr_t* matrix, std::int64_t rows, std::int64_t columns,
                                          std::int64_t ld, const void* values, cudaDataType type,
                                          cusparseOrder_t order) {
  return simt::create_dense("cusparseCreateConstDnMat", matrix, {rows, columns, ld, values, type, order});
}

cusparseStatus_t cusparseDestroyDnMat(cusparseConstDnMatDescr_t matrix) {
  return simt::destroy("cusparseDestroyDnMat", simt::dense_matrices(), matrix);
}

cusparseStatus_t cusparseDnMatSetValues(cusparseDnMatDescr_t matrix, void* values) {
  if (simt::enter("cusparseDnMatSetValues")) return CUSPARSE_STATUS_EXECUTION_FAILED;
  if (!simt::dense_matrices().contains(matrix) || !simt::is_aligned(values, simt::size_of(matrix->type))) {
    return CUSPARSE_STATUS_INVALID_VALUE;
  }
  matrix->values = values;
  return CUSPARSE_STATUS_SUCCESS;
}
