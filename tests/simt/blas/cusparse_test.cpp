// cuSPARSE's substitute: handle and descriptors. What each wrong argument is answered with is what NVIDIA's library
// 12.6 answers.

#include "tests/simt/blas/testing.hpp"

namespace blas_test {
namespace {

TEST(CusparseStatus, HasTheNamesOfTheLibrary) {
  EXPECT_STREQ(cusparseGetErrorName(CUSPARSE_STATUS_NOT_SUPPORTED), "CUSPARSE_STATUS_NOT_SUPPORTED");
  EXPECT_STREQ(cusparseGetErrorString(CUSPARSE_STATUS_NOT_SUPPORTED), "operation not supported");
  EXPECT_STREQ(cusparseGetErrorString(CUSPARSE_STATUS_NOT_INITIALIZED), "initialization error");
  EXPECT_STREQ(cusparseGetErrorName(static_cast<cusparseStatus_t>(12)), "unrecognized error code");
  EXPECT_STREQ(cusparseGetErrorString(static_cast<cusparseStatus_t>(12)), "unrecognized error code");
}

TEST_F(Cusparse, KeepsItsModes) {
  cusparsePointerMode_t pointers{};
  cudaStream_t stream = cudaStreamLegacy;
  int version = 0;
  EXPECT_EQ(cusparseGetPointerMode(handle, &pointers), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseGetStream(handle, &stream), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseGetVersion(handle, &version), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(pointers, CUSPARSE_POINTER_MODE_HOST);
  EXPECT_EQ(stream, nullptr);
  EXPECT_EQ(version, CUSPARSE_VERSION);
  EXPECT_EQ(cusparseSetPointerMode(handle, CUSPARSE_POINTER_MODE_DEVICE), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseSetStream(handle, cudaStreamPerThread), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseGetPointerMode(handle, &pointers), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseGetStream(handle, &stream), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(pointers, CUSPARSE_POINTER_MODE_DEVICE);
  EXPECT_EQ(stream, cudaStreamPerThread);
  EXPECT_EQ(cusparseGetPointerMode(handle, nullptr), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(cusparseGetStream(handle, nullptr), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(cusparseGetVersion(handle, nullptr), CUSPARSE_STATUS_INVALID_VALUE);
}

TEST_F(Cusparse, ToldApartFromWhatIsNoHandle) {
  int version = 0;
  EXPECT_EQ(cusparseCreate(nullptr), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(cusparseDestroy(nullptr), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseGetVersion(nullptr, &version), CUSPARSE_STATUS_INVALID_VALUE);
  int major = 0, minor = 0, patch = 0;
  EXPECT_EQ(cusparseGetProperty(MAJOR_VERSION, &major), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseGetProperty(MINOR_VERSION, &minor), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseGetProperty(PATCH_LEVEL, &patch), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(1000 * major + 100 * minor + patch, CUSPARSE_VERSION);
  EXPECT_EQ(cusparseGetProperty(PATCH_LEVEL, nullptr), CUSPARSE_STATUS_INVALID_VALUE);
  cusparseHandle_t gone = nullptr;
  ASSERT_EQ(cusparseCreate(&gone), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(cusparseDestroy(gone), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseDestroy(gone), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(cusparseSetStream(gone, nullptr), CUSPARSE_STATUS_INVALID_VALUE);
  simt::set_device_count(0);
  EXPECT_EQ(cusparseCreate(&gone), CUSPARSE_STATUS_NOT_INITIALIZED);
}

TEST_F(Cusparse, FailsWhenToldTo) {
  cusparseHandle_t made = nullptr;
  simt::fail_at(1);
  EXPECT_EQ(cusparseCreate(&made), CUSPARSE_STATUS_ALLOC_FAILED);
  ASSERT_EQ(cusparseCreate(&made), CUSPARSE_STATUS_SUCCESS);
  simt::fail_at(1);
  EXPECT_EQ(cusparseSetStream(made, cudaStreamPerThread), CUSPARSE_STATUS_EXECUTION_FAILED);
  simt::fail_at(1);
  EXPECT_EQ(cusparseDestroy(made), CUSPARSE_STATUS_EXECUTION_FAILED);
  EXPECT_EQ(cusparseDestroy(made), CUSPARSE_STATUS_INVALID_VALUE) << "released all the same";
  cusparseDnMatDescr_t matrix = nullptr;
  simt::fail_at(1);
  EXPECT_EQ(cusparseCreateDnMat(&matrix, 0, 0, 0, nullptr, CUDA_R_32F, CUSPARSE_ORDER_COL),
            CUSPARSE_STATUS_ALLOC_FAILED);
  ASSERT_EQ(cusparseCreateDnMat(&matrix, 0, 0, 0, nullptr, CUDA_R_32F, CUSPARSE_ORDER_COL), CUSPARSE_STATUS_SUCCESS);
  simt::fail_at(1);
  EXPECT_EQ(cusparseDestroyDnMat(matrix), CUSPARSE_STATUS_EXECUTION_FAILED);
}

TEST_F(Cusparse, IsNotMadeDuringACapture) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  cusparseHandle_t made = nullptr;
  EXPECT_EQ(cusparseCreate(&made), CUSPARSE_STATUS_ALLOC_FAILED);
  EXPECT_THAT(simt::take_report(), HasSubstr("cusparseCreate allocates"));
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

/// Memory for descriptors, which do not look into it.
alignas(8) char memory[64];

/// The arguments of a valid description of a sparse matrix, of which a test makes one wrong.
struct Csr {
  std::int64_t rows = 3, columns = 3, nonzeros = 4;
  void* offsets = memory;
  void* indices = memory;
  void* values = memory;
  cusparseIndexType_t offsets_type = CUSPARSE_INDEX_32I, indices_type = CUSPARSE_INDEX_32I;
  cusparseIndexBase_t base = CUSPARSE_INDEX_BASE_ZERO;
  cudaDataType type = CUDA_R_32F;

  cusparseStatus_t create() const {
    cusparseSpMatDescr_t matrix = nullptr;
    cusparseConstSpMatDescr_t constant = nullptr;
    const cusparseStatus_t status = cusparseCreateCsr(&matrix, rows, columns, nonzeros, offsets, indices, values,
                                                      offsets_type, indices_type, base, type);
    EXPECT_EQ(cusparseCreateConstCsr(&constant, rows, columns, nonzeros, offsets, indices, values, offsets_type,
                                     indices_type, base, type),
              status);
    EXPECT_EQ(cusparseDestroySpMat(matrix), CUSPARSE_STATUS_SUCCESS);  // of null as well
    EXPECT_EQ(cusparseDestroySpMat(constant), CUSPARSE_STATUS_SUCCESS);
    return status;
  }
};

cusparseStatus_t status_of_csr(void (*change)(Csr&)) {
  Csr arguments;
  change(arguments);
  return arguments.create();
}

TEST_F(Rig, DescribesSparseMatrices) {
  for (void (*const valid)(Csr&) : std::vector<void (*)(Csr&)>{
           [](Csr&) {},
           [](Csr& x) { x.offsets_type = x.indices_type = CUSPARSE_INDEX_64I; },
           [](Csr& x) { x.offsets_type = x.indices_type = CUSPARSE_INDEX_16U; },
           [](Csr& x) { x.base = CUSPARSE_INDEX_BASE_ONE; },
           [](Csr& x) { x.offsets = x.indices = x.values = nullptr; },
           [](Csr& x) { x.nonzeros = 9; },
           [](Csr& x) { x.rows = x.nonzeros = 0; },
           [](Csr& x) { x.values = memory + 4; },
           [](Csr& x) { x.rows = 2147483647, x.columns = 2147483647; },
       }) {
    EXPECT_EQ(status_of_csr(valid), CUSPARSE_STATUS_SUCCESS);
  }
  for (void (*const wrong)(Csr&) : std::vector<void (*)(Csr&)>{
           [](Csr& x) { x.rows = -1; },
           [](Csr& x) { x.columns = -1; },
           [](Csr& x) { x.nonzeros = -1; },
           [](Csr& x) { x.nonzeros = 10; },
           [](Csr& x) { x.columns = 0; },
           [](Csr& x) { x.offsets_type = x.indices_type = static_cast<cusparseIndexType_t>(0); },
           [](Csr& x) { x.type = static_cast<cudaDataType>(40); },
           [](Csr& x) { x.type = CUDA_R_8U; },
           [](Csr& x) { x.offsets = memory + 2; },
           [](Csr& x) { x.indices = memory + 1; },
           [](Csr& x) { x.values = memory + 2; },
           [](Csr& x) { x.type = CUDA_R_64F, x.values = memory + 4; },
           [](Csr& x) { x.offsets_type = x.indices_type = CUSPARSE_INDEX_64I, x.offsets = memory + 4; },
           [](Csr& x) { x.rows = 2147483648; },
           [](Csr& x) { x.columns = 2147483648; },
           [](Csr& x) { x.columns = 2147483647, x.base = CUSPARSE_INDEX_BASE_ONE; },
           [](Csr& x) { x.rows = x.columns = 1 << 20, x.nonzeros = std::int64_t{1} << 35; },
       }) {
    EXPECT_EQ(status_of_csr(wrong), CUSPARSE_STATUS_INVALID_VALUE);
  }
  EXPECT_EQ(status_of_csr([](Csr& x) { x.offsets_type = CUSPARSE_INDEX_64I; }), CUSPARSE_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(status_of_csr([](Csr& x) { x.indices_type = CUSPARSE_INDEX_64I; }), CUSPARSE_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(cusparseCreateCsr(nullptr, 3, 3, 4, memory, memory, memory, CUSPARSE_INDEX_32I, CUSPARSE_INDEX_32I,
                              CUSPARSE_INDEX_BASE_ZERO, CUDA_R_32F),
            CUSPARSE_STATUS_INVALID_VALUE);
}

cusparseStatus_t create_dense(std::int64_t rows, std::int64_t columns, std::int64_t ld, void* values,
                              cudaDataType type = CUDA_R_32F, cusparseOrder_t order = CUSPARSE_ORDER_COL) {
  cusparseDnMatDescr_t matrix = nullptr;
  cusparseConstDnMatDescr_t constant = nullptr;
  const cusparseStatus_t status = cusparseCreateDnMat(&matrix, rows, columns, ld, values, type, order);
  EXPECT_EQ(cusparseCreateConstDnMat(&constant, rows, columns, ld, values, type, order), status);
  EXPECT_EQ(cusparseDestroyDnMat(matrix), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseDestroyDnMat(constant), CUSPARSE_STATUS_SUCCESS);
  return status;
}

TEST_F(Rig, DescribesDenseMatrices) {
  EXPECT_EQ(create_dense(3, 2, 3, memory), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(create_dense(3, 2, 5, nullptr), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(create_dense(3, 2, 2, memory, CUDA_R_32F, CUSPARSE_ORDER_ROW), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(create_dense(0, 2, 0, nullptr), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(create_dense(3, 2, 2, memory), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(create_dense(3, 2, 1, memory, CUDA_R_32F, CUSPARSE_ORDER_ROW), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(create_dense(-1, 2, 3, memory), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(create_dense(3, -2, 3, memory), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(create_dense(0, 0, -1, memory), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(create_dense(3, 2, 3, memory, CUDA_R_8U), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(create_dense(3, 2, 3, memory + 2), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(create_dense(3, 2, 3, memory + 4, CUDA_R_64F), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(create_dense(3, 2, 3, memory, CUDA_R_32F, static_cast<cusparseOrder_t>(0)), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(create_dense(3, 2, 3, memory, CUDA_R_32F, static_cast<cusparseOrder_t>(3)), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(cusparseCreateDnMat(nullptr, 3, 2, 3, memory, CUDA_R_32F, CUSPARSE_ORDER_COL),
            CUSPARSE_STATUS_INVALID_VALUE);
}

TEST_F(Rig, SetsValuesOfDenseMatrices) {
  cusparseDnMatDescr_t matrix = nullptr;
  ASSERT_EQ(cusparseCreateDnMat(&matrix, 3, 2, 3, memory, CUDA_R_32F, CUSPARSE_ORDER_COL), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseDnMatSetValues(matrix, memory + 4), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseDnMatSetValues(matrix, nullptr), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseDnMatSetValues(matrix, memory + 1), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(cusparseDnMatSetValues(nullptr, memory), CUSPARSE_STATUS_INVALID_VALUE);
  ASSERT_EQ(cusparseDestroyDnMat(matrix), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cusparseDestroyDnMat(matrix), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(cusparseDnMatSetValues(matrix, memory), CUSPARSE_STATUS_INVALID_VALUE);
}

}  // namespace
}  // namespace blas_test
