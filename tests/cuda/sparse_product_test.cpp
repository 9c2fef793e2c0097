// The two ways in which products of sparse X are made: which is taken, that it is, and that both give the same.

#include <cusparse.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cuda/cusparse_product.hpp"
#include "cuda/kernels/sparse_product.hpp"
#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"
#include "orthant/factorize.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/placed.hpp"
#include "tests/simd_targets.hpp"
#include "tests/simt/rig.hpp"
#include "tests/staged.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using core::Side;

template <class T>
class CudaSparseProduct : public testing::Test {
 public:
  // H X' (side h: a sum for each row) or W' X, of this rank.
  static FactorStorage<T> product(const Matrix<T>& x, Side side, int rank, std::int64_t padding = 0) {
    const bool rows = side == Side::h;
    const FactorStorage<T> f(cases::make_factor(rank, rows ? x.columns() : x.rows(), 13), padding);
    FactorStorage<T> r(rank, rows ? x.rows() : x.columns(), padding);
    core::Workspace workspace(x.context().runtime()->memory());
    StagedMatrix<T>(x.context().runtime()->backend(T{}), *x.data()).product(side, f.factor(), r.factor(), workspace);
    EXPECT_TRUE(r.gaps_untouched());
    return r;
  }

  // How often each way was gone since simt::reset_calls().
  static std::int64_t gathers() { return calls_with("::gather<"); }
  static std::int64_t calls_of_cusparse() { return calls_with("work:cusparseSpMM with active buffer"); }
  static std::int64_t calls_with(const std::string& part) {
    std::int64_t sum = 0;
    for (const auto& [name, count] : simt::calls())
      if (name.find(part) != std::string::npos) sum += count;
    return sum;
  }

  static Context context(SparseProduct product) { return Context::cuda({.sparse_product = product}); }
};
TYPED_TEST_SUITE(CudaSparseProduct, Precisions, PrecisionNames);

TYPED_TEST(CudaSparseProduct, IsTheSameBothWays) {
  using T = TypeParam;
  const CsrStorage<T> storage(cases::make_sparse({257, 101, 0, 2000}, 12));
  const Matrix<T> own(this->context(SparseProduct::row_gather), storage.view());
  const Matrix<T> library(this->context(SparseProduct::cusparse), storage.view());
  for (Side side : {Side::h, Side::w}) {
    const oracle::Sparse x = side == Side::h ? storage.oracle() : transpose(storage.oracle());
    for (int rank : {1, 5, 33, 200}) {
      const auto f = cases::make_factor(rank, x.columns, 13);
      const oracle::Dense exact = transpose(multiply(x, transpose(FactorStorage<T>(f).oracle())));
      const int launches = rank > 128 ? 2 : 1;
      simt::reset_calls();
      EXPECT_TRUE(entries_near(this->product(own, side, rank, 3).oracle(), exact, Tolerance<T>::sum(x.columns)));
      EXPECT_EQ(this->gathers(), launches);
      EXPECT_EQ(this->calls_of_cusparse(), 0);
      simt::reset_calls();
      EXPECT_TRUE(entries_near(this->product(library, side, rank, 3).oracle(), exact, Tolerance<T>::sum(x.columns)));
      EXPECT_EQ(this->gathers(), launches);  // padded factors are not for cuSPARSE
      EXPECT_EQ(this->calls_of_cusparse(), 0);
      simt::reset_calls();
      EXPECT_TRUE(entries_near(this->product(library, side, rank).oracle(), exact, Tolerance<T>::sum(x.columns)));
      const bool by_cusparse = rank > 1;  // whose products with a vector may depend on the run
      EXPECT_EQ(this->gathers(), by_cusparse ? 0 : 1);
      EXPECT_EQ(this->calls_of_cusparse(), by_cusparse ? 1 : 0);
    }
  }
  EXPECT_EQ(simt::take_report(), "");
}

TYPED_TEST(CudaSparseProduct, IsMadeByCusparseIfAsked) {
  using T = TypeParam;
  const CsrStorage<T> storage(cases::make_sparse({200, 20, 0, 600}, 12));
  for (const bool asked : {false, true}) {
    simt::reset_calls();
    const Matrix<T> x(asked ? this->context(SparseProduct::cusparse) : Context::cuda(), storage.view());
    for (Side side : {Side::h, Side::w}) this->product(x, side, 5);
    EXPECT_EQ(this->calls_of_cusparse(), asked ? 2 : 0);
    EXPECT_EQ(this->gathers(), asked ? 0 : 2);
  }
}

TYPED_TEST(CudaSparseProduct, IsPreparedOnceForAllRanks) {
  using T = TypeParam;
  const CsrStorage<T> storage(cases::make_sparse({257, 101, 0, 2000}, 12));
  simt::reset_calls();
  const Matrix<T> x(this->context(SparseProduct::cusparse), storage.view());
  for (int rank : {3, 7}) {
    Factors<T> f(257, 101, rank);
    f.fit(x, {.initialization = Initialization::nndsvda, .max_iterations = 5, .tolerance = 0});
  }
  EXPECT_EQ(simt::calls().at("cusparseCreate"), 1);
  EXPECT_EQ(simt::calls().at("cusparseSpMM_preprocess"), 2);  // by rows and by columns
  EXPECT_EQ(this->calls_with("work:cusparseSpMM_preprocess"), 2);
  EXPECT_GT(this->calls_of_cusparse(), 20);
  EXPECT_EQ(this->gathers(), 0);
  EXPECT_EQ(simt::calls().count("work:cusparseSpMM"), 0u);  // with a buffer that was not prepared
  EXPECT_EQ(simt::take_report(), "");
}

TYPED_TEST(CudaSparseProduct, KeepsWhatPlanSays) {
  using T = TypeParam;
  Placed<T> placed(make_context());
  // Short rows and columns, and some that are shared in parts.
  for (auto [rows, columns, nonzeros] : {std::tuple{1000, 257, 3000}, {300, 400, 60000}})
    for (SparseProduct product : {SparseProduct::row_gather, SparseProduct::cusparse}) {
      const Context context = this->context(product);
      const CsrStorage<T> storage(cases::make_sparse({rows, columns, 0, nonzeros}, 12));
      const CsrView<T> view = placed(storage.view());
      const Matrix<T> x(context, view);
      const std::int64_t planned = plan<T>(context, {rows, columns, view.nonzeros}, 5, {}).matrix;
      EXPECT_NEAR(static_cast<double>(x.bytes()), static_cast<double>(planned),
                  kPlanTolerance * static_cast<double>(planned));
    }
}

// However entries are dealt out to segments, their parts are no more than is planned, and stay few.
TEST(CudaSparseChoice, PartsOfLongSegmentsAreBounded) {
  for (const std::int64_t nonzeros : {1, 256, 257, 100000, 1 << 22, (1 << 22) + 16384, 30000000}) {
    const std::int64_t in_part = cuda::part_length(nonzeros), most = cuda::most_parts(nonzeros, nonzeros, 1 << 30);
    EXPECT_GE(in_part, 128);
    EXPECT_LE(most, 2 * (65536 + 1));
    for (const std::int64_t length : {in_part + 1, 2 * in_part, 2 * in_part + 1, nonzeros}) {
      if (length <= in_part) continue;
      EXPECT_LE(nonzeros / length * ((length + in_part - 1) / in_part), most)
          << nonzeros << " in segments of " << length;
    }
    EXPECT_EQ(cuda::most_parts(nonzeros, nonzeros, in_part), 0);
    // Few segments have no more that are shorter than a part.
    EXPECT_LE(cuda::most_parts(nonzeros, 3, 1 << 30), nonzeros / in_part + 3);
  }
}

TEST(CudaSparseChoice, LeavesTheCallersHandleAsItWas) {
  cusparseHandle_t handle = nullptr;
  cudaStream_t other = nullptr;
  ASSERT_EQ(cusparseCreate(&handle), CUSPARSE_STATUS_SUCCESS);
  ASSERT_EQ(cudaStreamCreate(&other), cudaSuccess);
  cusparseSetStream(handle, other);
  cusparseSetPointerMode(handle, CUSPARSE_POINTER_MODE_DEVICE);
  simt::reset_calls();
  {
    const CsrStorage<float> storage(sparsify(planted(61, 43, 5, 0.1, 3)));
    const Matrix<float> x(Context::cuda({.cusparse = handle, .sparse_product = SparseProduct::cusparse}),
                          storage.view());
    auto f = given_start<float>(61, 43, 5);
    EXPECT_LT(f.fit(x, {.max_iterations = 5, .tolerance = 0}).relative_error, 0.9);
  }
  EXPECT_EQ(simt::calls().count("cusparseCreate"), 0u);
  EXPECT_EQ(simt::calls().count("cusparseDestroy"), 0u);
  cudaStream_t stream = nullptr;
  cusparsePointerMode_t pointers{};
  cusparseGetStream(handle, &stream);
  cusparseGetPointerMode(handle, &pointers);
  EXPECT_EQ(stream, other);
  EXPECT_EQ(pointers, CUSPARSE_POINTER_MODE_DEVICE);
  cusparseDestroy(handle);
  cudaStreamDestroy(other);
}

TEST(CudaSparseChoice, KnowsTheLimitOfCusparse) {
  using cuda::uses_cusparse;
  constexpr std::int64_t kLimit = std::numeric_limits<std::int32_t>::max();
  EXPECT_TRUE(uses_cusparse(SparseProduct::cusparse, kLimit - 1, 9, kLimit - 1));
  EXPECT_FALSE(uses_cusparse(SparseProduct::row_gather, kLimit, 9, kLimit));
  EXPECT_FALSE(uses_cusparse(SparseProduct::cusparse, 10, 9, 0));
  try {
    uses_cusparse(SparseProduct::cusparse, 10, 9, kLimit);
    ADD_FAILURE() << "accepted";
  } catch (const InvalidArgument& e) {
    EXPECT_EQ(e.name(), "CudaConfig::sparse_product");
    EXPECT_THAT(e.expected(), testing::HasSubstr("row_gather"));
  }
}

}  // namespace
}  // namespace orthant::test
