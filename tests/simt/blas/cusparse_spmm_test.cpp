// The product of a sparse and a dense matrix by cuSPARSE's substitute, against textbook loops.

#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "tests/simt/blas/testing.hpp"

namespace blas_test {
namespace {

constexpr cusparseOperation_t kPlain = CUSPARSE_OPERATION_NON_TRANSPOSE;
constexpr cusparseOperation_t kOperations[] = {kPlain, CUSPARSE_OPERATION_TRANSPOSE,
                                               CUSPARSE_OPERATION_CONJUGATE_TRANSPOSE};
constexpr cusparseSpMMAlg_t kAlgorithms[] = {CUSPARSE_SPMM_ALG_DEFAULT, CUSPARSE_SPMM_CSR_ALG1, CUSPARSE_SPMM_CSR_ALG2,
                                             CUSPARSE_SPMM_CSR_ALG3};

/// A of NVIDIA's samples (cuSPARSE/spmm_csr): 4 x 4 with 9 entries, as the host has it.
template <class T, class Index = std::int32_t>
struct SparseNumbers {
  std::int64_t rows = 4, columns = 4;
  std::vector<Index> offsets = {0, 3, 4, 7, 9};
  std::vector<Index> indices = {0, 2, 3, 1, 0, 2, 3, 1, 3};
  std::vector<T> values = {1, 2, 3, 4, 5, 6, 7, 8, 9};
};

/// 3 x 5, with an empty row and columns out of order.
template <class T, class Index>
SparseNumbers<T, Index> ragged_numbers() {
  return {3, 5, {0, 3, 3, 5}, {4, 0, 2, 1, 4}, {2, -1, 3, 5, -4}};
}

template <class T, class Index = std::int32_t>
class Sparse {
 public:
  explicit Sparse(SparseNumbers<T, Index> numbers = {}, cusparseIndexBase_t base = CUSPARSE_INDEX_BASE_ZERO)
      : host(std::move(numbers)),
        offsets_(based(host.offsets, base)),
        indices_(based(host.indices, base)),
        values_(host.values) {
    constexpr auto kIndex = sizeof(Index) == 4 ? CUSPARSE_INDEX_32I : CUSPARSE_INDEX_64I;
    EXPECT_EQ(cusparseCreateCsr(&descriptor, host.rows, host.columns, static_cast<std::int64_t>(host.values.size()),
                                offsets_.data(), indices_.data(), values_.data(), kIndex, kIndex, base, kType<T>),
              CUSPARSE_STATUS_SUCCESS);
  }
  ~Sparse() { EXPECT_EQ(cusparseDestroySpMat(descriptor), CUSPARSE_STATUS_SUCCESS); }
  Sparse(const Sparse&) = delete;
  Sparse& operator=(const Sparse&) = delete;

  void set_value(std::size_t i, T value) const { set(values_.data() + i, value); }
  void set_index(std::size_t i, Index value) const { set(indices_.data() + i, value); }
  void set_offset(std::size_t i, Index value) const { set(offsets_.data() + i, value); }

  void* values() const { return values_.data(); }
  void* indices() const { return indices_.data(); }

  SparseNumbers<T, Index> host;
  cusparseSpMatDescr_t descriptor = nullptr;

 private:
  static std::vector<Index> based(std::vector<Index> numbers, cusparseIndexBase_t base) {
    for (Index& each : numbers) each += static_cast<Index>(base);
    return numbers;
  }
  template <class U>
  static void set(U* element, U value) {
    EXPECT_EQ(cudaMemcpy(element, &value, sizeof value, cudaMemcpyDefault), cudaSuccess);
  }

  OnDevice<Index> offsets_, indices_;
  OnDevice<T> values_;
};

template <class T>
class DenseMatrix {
 public:
  explicit DenseMatrix(const Matrix<T>& matrix) : data(matrix.values) {
    EXPECT_EQ(cusparseCreateDnMat(&descriptor, matrix.rows, matrix.columns, matrix.ld, data.data(), kType<T>,
                                  matrix.by_rows ? CUSPARSE_ORDER_ROW : CUSPARSE_ORDER_COL),
              CUSPARSE_STATUS_SUCCESS);
  }
  ~DenseMatrix() { EXPECT_EQ(cusparseDestroyDnMat(descriptor), CUSPARSE_STATUS_SUCCESS); }
  DenseMatrix(const DenseMatrix&) = delete;
  DenseMatrix& operator=(const DenseMatrix&) = delete;

  OnDevice<T> data;
  cusparseDnMatDescr_t descriptor = nullptr;
};

/// The arguments of a call, of which tests change some.
struct Call {
  cusparseSpMatDescr_t a;
  cusparseDnMatDescr_t b, c;
  const void* alpha;
  const void* beta;
  cudaDataType compute = CUDA_R_32F;
  cusparseOperation_t op_a = kPlain, op_b = kPlain;
  cusparseSpMMAlg_t algorithm = CUSPARSE_SPMM_ALG_DEFAULT;

  cusparseStatus_t buffer_size(cusparseHandle_t handle, std::size_t* bytes) const {
    return cusparseSpMM_bufferSize(handle, op_a, op_b, alpha, a, b, beta, c, compute, algorithm, bytes);
  }
  cusparseStatus_t preprocess(cusparseHandle_t handle, void* buffer) const {
    return cusparseSpMM_preprocess(handle, op_a, op_b, alpha, a, b, beta, c, compute, algorithm, buffer);
  }
  cusparseStatus_t multiply(cusparseHandle_t handle, void* buffer) const {
    return cusparseSpMM(handle, op_a, op_b, alpha, a, b, beta, c, compute, algorithm, buffer);
  }
};

/// A buffer as large as the call says.
OnDevice<char> buffer_for(cusparseHandle_t handle, const Call& call) {
  std::size_t bytes = 0;
  EXPECT_EQ(call.buffer_size(handle, &bytes), CUSPARSE_STATUS_SUCCESS);
  EXPECT_GT(bytes, 0U);
  return OnDevice<char>(std::vector<char>(bytes));
}

// The example of NVIDIA's samples, with what it says must come out.
TEST_F(Cusparse, ExampleOfTheSamples) {
  const Sparse<float> a;
  Matrix<float> b{4, 3, 4}, c{4, 3, 4};
  for (std::size_t i = 0; i < 12; ++i) b.values[i] = static_cast<float>(i + 1);
  const DenseMatrix<float> b_data(b), c_data(c);
  const float one = 1, zero = 0;
  const Call call{a.descriptor, b_data.descriptor, c_data.descriptor, &one, &zero};
  const auto buffer = buffer_for(handle, call);
  EXPECT_EQ(call.preprocess(handle, buffer.data()), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(call.multiply(handle, buffer.data()), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(c_data.data.read(), ElementsAre(19, 8, 51, 52, 43, 24, 123, 120, 67, 40, 195, 188));
}

template <class T, class Index>
Matrix<T> expected_product(const SparseNumbers<T, Index>& a, bool a_plain, const Matrix<T>& b, bool b_plain, T alpha,
                           T beta, const Matrix<T>& c) {
  Matrix<T> result = c;
  for (std::int64_t i = 0; i < c.rows; ++i) {
    for (std::int64_t j = 0; j < c.columns; ++j) result.at(i, j) = beta * c.at(i, j);
  }
  for (std::int64_t row = 0; row < a.rows; ++row) {
    const auto at = static_cast<std::size_t>(row);
    for (auto e = static_cast<std::size_t>(a.offsets[at]); e < static_cast<std::size_t>(a.offsets[at + 1]); ++e) {
      const std::int64_t i = a_plain ? row : a.indices[e], l = a_plain ? a.indices[e] : row;
      for (std::int64_t j = 0; j < c.columns; ++j) {
        result.at(i, j) += alpha * a.values[e] * (b_plain ? b.at(l, j) : b.at(j, l));
      }
    }
  }
  return result;
}

template <class T, class Index>
void expect_products(cusparseHandle_t handle, cusparseIndexBase_t base) {
  const Sparse<T, Index> a(ragged_numbers<T, Index>(), base);
  const T alpha = 2, beta = -1;
  constexpr std::int64_t n = 3;
  for (const cusparseSpMMAlg_t algorithm : kAlgorithms) {
    for (const cusparseOperation_t op_a : kOperations) {
      for (const cusparseOperation_t op_b : kOperations) {
        for (int orders = 0; orders < 4; ++orders) {
          SCOPED_TRACE(testing::Message()
                       << "algorithm " << algorithm << ", operations " << op_a << " " << op_b << ", orders " << orders);
          const std::int64_t m = op_a == kPlain ? 3 : 5, k = op_a == kPlain ? 5 : 3;
          const bool b_by_rows = orders % 2 == 1, c_by_rows = orders / 2 == 1;
          const std::int64_t b_rows = op_b == kPlain ? k : n, b_columns = op_b == kPlain ? n : k;
          const Matrix<T> b = Matrix<T>{b_rows, b_columns, b_by_rows ? b_columns : b_rows, b_by_rows}.fill(1);
          const Matrix<T> c = Matrix<T>{m, n, c_by_rows ? n : m, c_by_rows}.fill(2);
          const DenseMatrix<T> b_data(b), c_data(c);
          const Call call{a.descriptor, b_data.descriptor, c_data.descriptor, &alpha, &beta, kType<T>, op_a,
                          op_b,         algorithm};
          std::size_t bytes = 0;
          if (algorithm == CUSPARSE_SPMM_CSR_ALG3 &&
              (op_a != kPlain || op_b == CUSPARSE_OPERATION_CONJUGATE_TRANSPOSE)) {
            EXPECT_EQ(call.buffer_size(handle, &bytes), CUSPARSE_STATUS_NOT_SUPPORTED);
            continue;
          }
          const auto buffer = buffer_for(handle, call);
          ASSERT_EQ(call.multiply(handle, buffer.data()), CUSPARSE_STATUS_SUCCESS);
          EXPECT_EQ(c_data.data.read(),
                    expected_product(a.host, op_a == kPlain, b, op_b == kPlain, alpha, beta, c).values);
        }
      }
    }
  }
}

TEST_F(Cusparse, ProductsOfAllOperationsOrdersAndIndices) {
  expect_products<float, std::int32_t>(handle, CUSPARSE_INDEX_BASE_ZERO);
  expect_products<float, std::int64_t>(handle, CUSPARSE_INDEX_BASE_ONE);
  expect_products<double, std::int32_t>(handle, CUSPARSE_INDEX_BASE_ONE);
  expect_products<double, std::int64_t>(handle, CUSPARSE_INDEX_BASE_ZERO);
}

/// A valid call, in single precision: 4 x 4 sparse times 4 x 2.
class Spmm : public Cusparse {
 protected:
  void SetUp() override {
    Cusparse::SetUp();
    a_ = std::make_unique<Sparse<float>>();
    b_ = std::make_unique<DenseMatrix<float>>(Matrix<float>{4, 2, 4}.fill(1));
    c_ = std::make_unique<DenseMatrix<float>>(Matrix<float>{4, 2, 4}.fill(2));
    call = {a_->descriptor, b_->descriptor, c_->descriptor, &one_, &zero_};
    buffer_ = std::make_unique<OnDevice<char>>(std::vector<char>(4096));
    buffer = buffer_->data();
  }
  void TearDown() override {
    a_.reset();
    b_.reset();
    c_.reset();
    buffer_.reset();
    Cusparse::TearDown();
  }

  Call call{};
  char* buffer = nullptr;
  float one_ = 1, zero_ = 0;
  std::unique_ptr<Sparse<float>> a_;
  std::unique_ptr<DenseMatrix<float>> b_, c_;
  std::unique_ptr<OnDevice<char>> buffer_;
};

TEST_F(Spmm, RefusesWrongArguments) {
  const DenseMatrix<float> small(Matrix<float>{3, 2, 3}), wide(Matrix<float>{4, 3, 4});
  const DenseMatrix<double> other(Matrix<double>{4, 2, 4});
  const auto expect = [&](Call changed, cusparseStatus_t status) {
    std::size_t bytes = 0;
    EXPECT_EQ(changed.buffer_size(handle, &bytes), status);
    EXPECT_EQ(changed.preprocess(handle, buffer), status);
    EXPECT_EQ(changed.multiply(handle, buffer), status);
  };
  const auto changed = [&](auto change) {
    Call copy = call;
    change(copy);
    return copy;
  };
  expect(call, CUSPARSE_STATUS_SUCCESS);
  for (const Call& wrong : {
           changed([](Call& x) { x.alpha = nullptr; }),
           changed([](Call& x) { x.beta = nullptr; }),
           changed([](Call& x) { x.a = nullptr; }),
           changed([](Call& x) { x.b = nullptr; }),
           changed([](Call& x) { x.c = nullptr; }),
           changed([](Call& x) { x.op_a = static_cast<cusparseOperation_t>(3); }),
           changed([](Call& x) { x.op_b = static_cast<cusparseOperation_t>(3); }),
           changed([](Call& x) { x.op_b = CUSPARSE_OPERATION_TRANSPOSE; }),  // of 2 x 4
           changed([](Call& x) { x.algorithm = static_cast<cusparseSpMMAlg_t>(7); }),
           changed([&](Call& x) { x.b = small.descriptor; }),
           changed([&](Call& x) { x.c = small.descriptor; }),
           changed([&](Call& x) { x.c = wide.descriptor; }),
       }) {
    expect(wrong, CUSPARSE_STATUS_INVALID_VALUE);
  }
  for (const Call& unsupported : {
           changed([](Call& x) { x.compute = CUDA_R_64F; }),
           changed([](Call& x) { x.compute = CUDA_R_16F; }),
           changed([&](Call& x) { x.b = other.descriptor; }),
           changed([&](Call& x) { x.c = other.descriptor; }),
           changed([](Call& x) { x.algorithm = CUSPARSE_SPMM_COO_ALG1; }),
           changed([](Call& x) { x.algorithm = CUSPARSE_SPMM_BSR_ALG1; }),
       }) {
    expect(unsupported, CUSPARSE_STATUS_NOT_SUPPORTED);
  }
  EXPECT_EQ(call.buffer_size(handle, nullptr), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(call.preprocess(handle, nullptr), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(call.multiply(handle, nullptr), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(call.multiply(nullptr, buffer), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

TEST_F(Spmm, TakesNoShortIndices) {
  cusparseSpMatDescr_t shorts = nullptr;
  ASSERT_EQ(cusparseCreateCsr(&shorts, 4, 4, 0, nullptr, nullptr, nullptr, CUSPARSE_INDEX_16U, CUSPARSE_INDEX_16U,
                              CUSPARSE_INDEX_BASE_ZERO, CUDA_R_32F),
            CUSPARSE_STATUS_SUCCESS);
  call.a = shorts;
  EXPECT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_NOT_SUPPORTED);
  ASSERT_EQ(cusparseDestroySpMat(shorts), CUSPARSE_STATUS_SUCCESS);
}

TEST_F(Spmm, ReadsTheResultOnlyIfBetaIsNotZero) {
  const DenseMatrix<float> nan(
      Matrix<float>{4, 2, 4, false, std::vector<float>(8, std::numeric_limits<float>::quiet_NaN())});
  call.c = nan.descriptor;
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  for (const float value : nan.data.read()) EXPECT_FALSE(std::isnan(value));
  call.beta = &one_;
  const DenseMatrix<float> again(
      Matrix<float>{4, 2, 4, false, std::vector<float>(8, std::numeric_limits<float>::quiet_NaN())});
  call.c = again.descriptor;
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_TRUE(std::isnan(again.data.read()[0]));
}

TEST_F(Spmm, TakesOtherValuesByADescriptorThatIsKept) {
  const OnDevice<float> zeros(std::vector<float>(8));
  ASSERT_EQ(cusparseDnMatSetValues(call.b, zeros.data()), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(c_->data.read(), testing::Each(0));
}

TEST_F(Spmm, ReadsFactorsOfTheDeviceWhenItRuns) {
  const OnDevice<float> factors({0, 10});
  ASSERT_EQ(cusparseSetPointerMode(handle, CUSPARSE_POINTER_MODE_DEVICE), CUSPARSE_STATUS_SUCCESS);
  const float before = c_->data.read()[3];
  call.alpha = factors.data();
  call.beta = factors.data() + 1;
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(c_->data.read()[3], 10 * before);
  ASSERT_EQ(cusparseSetPointerMode(handle, CUSPARSE_POINTER_MODE_HOST), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_INVALID_VALUE);
  EXPECT_THAT(simt::take_report(), HasSubstr("alpha is in device memory, but the pointer mode says host"));
}

TEST_F(Spmm, ReportsWhatIsNotThere) {
  const OnDevice<float> short_values(std::vector<float>(7));
  ASSERT_EQ(cusparseDnMatSetValues(call.b, short_values.data()), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("cusparseSpMM: B needs 32 bytes at byte 0 of an allocation of 28 bytes"));
  ASSERT_EQ(cusparseDnMatSetValues(call.b, b_->data.data()), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(cusparseDnMatSetValues(call.c, nullptr), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("C needs 32 bytes"));
  ASSERT_EQ(cusparseDnMatSetValues(call.c, c_->data.data()), CUSPARSE_STATUS_SUCCESS);
  const OnDevice<char> small(std::vector<char>(128));
  ASSERT_EQ(call.multiply(handle, small.data()), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("cusparseSpMM: the buffer needs 288 bytes"));
}

TEST_F(Spmm, ReportsAResultThatOverlapsWhatIsRead) {
  const std::pair<void*, const char*> taken[] = {{b_->data.data(), "C overlaps cusparseSpMM: B"},
                                                 {a_->values(), "C overlaps cusparseSpMM: the values of A"},
                                                 {a_->indices(), "C overlaps cusparseSpMM: the indices of A"},
                                                 {buffer + 32, "C overlaps cusparseSpMM: the buffer"}};
  for (const auto& [memory, report] : taken) {
    ASSERT_EQ(cusparseDnMatSetValues(call.c, memory), CUSPARSE_STATUS_SUCCESS);
    ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
    EXPECT_THAT(fault(), HasSubstr(report));
  }
  ASSERT_EQ(cusparseDnMatSetValues(call.c, c_->data.data()), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(cusparseDnMatSetValues(call.b, buffer), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("B overlaps cusparseSpMM: the buffer"));
}

TEST_F(Spmm, ReportsMisalignedVectors) {
  const OnDevice<float> larger(std::vector<float>(16));
  for (auto* const descriptor : {call.b, call.c}) {
    const char* const name = descriptor == call.b ? "B" : "C";
    void* const before = descriptor == call.b ? b_->data.data() : c_->data.data();
    for (const std::size_t offset : {1, 2, 3}) {
      ASSERT_EQ(cusparseDnMatSetValues(descriptor, larger.data() + offset), CUSPARSE_STATUS_SUCCESS);
      ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
      EXPECT_THAT(fault(), HasSubstr(name + std::string(" does not begin at a multiple of 16 bytes")));
    }
    ASSERT_EQ(cusparseDnMatSetValues(descriptor, larger.data() + 4), CUSPARSE_STATUS_SUCCESS);
    ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    ASSERT_EQ(cusparseDnMatSetValues(descriptor, before), CUSPARSE_STATUS_SUCCESS);
  }
  for (const bool by_rows : {false, true}) {
    const DenseMatrix<float> padded(Matrix<float>{4, 2, by_rows ? 4 : 8, by_rows}.fill(1));
    Call of_b = call, of_c = call;
    of_b.b = of_c.c = padded.descriptor;
    ASSERT_EQ(of_b.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
    EXPECT_THAT(fault(), HasSubstr("B has gaps between its lines"));
    ASSERT_EQ(of_c.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
    EXPECT_THAT(fault(), HasSubstr("C has gaps between its lines"));
  }
}

TEST_F(Spmm, NeedsALargerBufferForMoreColumns) {
  const DenseMatrix<float> b(Matrix<float>{4, 3, 4}.fill(1)), c(Matrix<float>{4, 3, 4});
  Call wide = call;
  wide.b = b.descriptor;
  wide.c = c.descriptor;
  const auto narrow_buffer = buffer_for(handle, call), wide_buffer = buffer_for(handle, wide);
  EXPECT_EQ(wide_buffer.read().size(), narrow_buffer.read().size() + 16);
  ASSERT_EQ(call.preprocess(handle, narrow_buffer.data()), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(wide.multiply(handle, narrow_buffer.data()), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("cusparseSpMM: the buffer needs 304 bytes at byte 0 of an allocation of 288 bytes"));
  ASSERT_EQ(wide.preprocess(handle, narrow_buffer.data()), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("cusparseSpMM_preprocess: the buffer needs 304 bytes"));
  // What was preprocessed for fewer columns serves for more, and is not worked in.
  ASSERT_EQ(call.preprocess(handle, wide_buffer.data()), CUSPARSE_STATUS_SUCCESS);
  for (int i = 0; i < 2; ++i) ASSERT_EQ(wide.multiply(handle, wide_buffer.data()), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(call.multiply(handle, wide_buffer.data()), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

TEST_F(Spmm, ReportsWhatIsNoMatrix) {
  a_->set_index(5, 4);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("entry 5 of A is in column 4 of 4"));
  a_->set_index(5, -1);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("column -1"));
  a_->set_index(5, 0);
  a_->set_offset(1, 5);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("the offsets of A do not rise"));
  a_->set_offset(1, 3);
  a_->set_offset(0, 1);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("the offsets of A do not rise"));
  a_->set_offset(0, 0);
  a_->set_offset(4, 8);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("the offsets of A do not rise"));
}

TEST_F(Spmm, UsesWhatWasPreprocessed) {
  const OnDevice<char> other(std::vector<char>(4096));
  simt::reset_calls();
  ASSERT_EQ(call.preprocess(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  a_->set_value(0, 100);  // values may change, and so may the factors and the dense matrices
  call.alpha = &zero_;
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(call.multiply(handle, other.data()), CUSPARSE_STATUS_SUCCESS);  // allowed, but slower
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(simt::calls()["work:cusparseSpMM with active buffer"], 2);
  EXPECT_EQ(simt::calls()["work:cusparseSpMM"], 1);
}

TEST_F(Spmm, ReportsOtherParametersThanWerePreprocessed) {
  const DenseMatrix<float> transposed(Matrix<float>{2, 4, 2}.fill(1));
  Call others[3] = {call, call, call};
  others[0].algorithm = CUSPARSE_SPMM_CSR_ALG2;
  others[1].op_a = CUSPARSE_OPERATION_TRANSPOSE;
  others[2].op_b = CUSPARSE_OPERATION_TRANSPOSE;
  others[2].b = transposed.descriptor;
  ASSERT_EQ(call.preprocess(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  for (const Call& other : others) {
    ASSERT_EQ(other.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
    EXPECT_THAT(simt::take_report(), HasSubstr("parameters differ from those of cusparseSpMM_preprocess"));
    EXPECT_THAT(fault(), HasSubstr("the active buffer is not as cusparseSpMM_preprocess leaves it"));
  }
}

TEST_F(Spmm, ReportsAnActiveBufferThatHasChanged) {
  ASSERT_EQ(call.preprocess(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(cudaMemset(buffer + 255, 0, 1), cudaSuccess);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("the active buffer is not as cusparseSpMM_preprocess leaves it"));
}

TEST_F(Spmm, ReportsABufferThatTwoMatricesShare) {
  const Sparse<float> other(ragged_numbers<float, std::int32_t>());
  const DenseMatrix<float> b(Matrix<float>{5, 2, 5}.fill(1)), c(Matrix<float>{3, 2, 3});
  const Call of_other{other.descriptor, b.descriptor, c.descriptor, &one_, &zero_};
  ASSERT_EQ(call.preprocess(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(of_other.preprocess(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("the pattern of A is not the one that cusparseSpMM_preprocess saw"));
  // A product of the other one without anything preprocessed uses the buffer too.
  ASSERT_EQ(call.preprocess(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  Call without = of_other;
  const Sparse<float> third(ragged_numbers<float, std::int32_t>());
  without.a = third.descriptor;
  ASSERT_EQ(without.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("the active buffer is not as cusparseSpMM_preprocess leaves it"));
}

TEST_F(Spmm, ReportsAPatternThatHasChanged) {
  ASSERT_EQ(call.preprocess(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  a_->set_index(0, 1);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("the pattern of A is not the one"));
  a_->set_index(0, 0);
  a_->set_offset(1, 2);  // the same columns in other rows
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("the pattern of A is not the one"));
}

TEST_F(Spmm, ReportsAnotherStreamThatDoesNotWait) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(call.preprocess(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(cusparseSetStream(handle, stream), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_SUCCESS);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorLaunchFailure);
  EXPECT_THAT(fault(), HasSubstr("the active buffer is not as cusparseSpMM_preprocess leaves it"));
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST_F(Spmm, IsCapturedAndOutlivesItsDescriptors) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cusparseSetStream(handle, stream), CUSPARSE_STATUS_SUCCESS);
  const std::vector<float> before = c_->data.read();
  call.alpha = &zero_;
  const float two = 2;
  call.beta = &two;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  {
    cusparseConstSpMatDescr_t gone = nullptr;  // a matrix without entries
    const OnDevice<std::int32_t> offsets(std::vector<std::int32_t>(5));
    ASSERT_EQ(cusparseCreateConstCsr(&gone, 4, 4, 0, offsets.data(), nullptr, nullptr, CUSPARSE_INDEX_32I,
                                     CUSPARSE_INDEX_32I, CUSPARSE_INDEX_BASE_ZERO, CUDA_R_32F),
              CUSPARSE_STATUS_SUCCESS);
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    EXPECT_EQ(cusparseSpMM(handle, kPlain, kPlain, call.alpha, gone, call.b, call.beta, call.c, CUDA_R_32F,
                           CUSPARSE_SPMM_CSR_ALG2, buffer),
              CUSPARSE_STATUS_SUCCESS);
    ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    ASSERT_EQ(cusparseDestroySpMat(gone), CUSPARSE_STATUS_SUCCESS);
    ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
    for (int i = 0; i < 2; ++i) ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  }
  EXPECT_EQ(c_->data.read()[3], 4 * before[3]);
  ASSERT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  ASSERT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST_F(Spmm, BelongsToOneDevice) {
  simt::set_device_count(2);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_EXECUTION_FAILED);
  EXPECT_THAT(simt::take_report(), HasSubstr("the current device is not that of the handle"));
}

TEST_F(Spmm, FailsWhenToldTo) {
  const std::vector<float> before = c_->data.read();
  simt::fail_at(1);
  EXPECT_EQ(call.multiply(handle, buffer), CUSPARSE_STATUS_EXECUTION_FAILED);
  EXPECT_EQ(c_->data.read(), before);
}

}  // namespace
}  // namespace blas_test
