// Matrix: what is accepted, what is refused and how it is named, what is borrowed.

#include "orthant/matrix.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orthant/error.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/memory.hpp"
#include "tests/placed.hpp"
#include "tests/simd_targets.hpp"
#include "tests/test_context.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using cases::Content;

template <class T>
class MatrixTest : public testing::Test {
 public:
  CountingMemory memory;
  Context context = make_context(2, &memory);

  template <class View>
  static void expect_refused(const Context& context, const View& view) {
    EXPECT_THROW((Matrix<T>(context, view)), InvalidArgument);
  }

  // Expects the entry (row, column) with this value to be named.
  template <class View>
  void expect_bad_entry(const View& view, std::int64_t row, std::int64_t column, double value) {
    try {
      const Matrix<T> x(context, view);
      ADD_FAILURE() << "accepted " << value << " at (" << row << ", " << column << ")";
    } catch (const InvalidArgument& e) {
      EXPECT_EQ(e.name(), "X(" + std::to_string(row) + ", " + std::to_string(column) + ")");
      const double named = std::stod(e.value());
      EXPECT_TRUE(named == value || (std::isnan(named) && std::isnan(value))) << e.value() << ", expected " << value;
    }
    EXPECT_EQ(memory.live(), 0);
  }
};
TYPED_TEST_SUITE(MatrixTest, Precisions, PrecisionNames);

TYPED_TEST(MatrixTest, TellsWhatCouldNotBeAllocated) {
  using T = TypeParam;
  const CsrStorage<T> storage(cases::make_sparse({33, 33, 2, 100}, 3));
  this->memory.reset();
  this->memory.fail_at(0);
  try {
    const Matrix<T> x(this->context, storage.view());
    ADD_FAILURE() << "there was enough";
  } catch (const OutOfMemory& e) {
    EXPECT_GT(e.requested(), 0);
    EXPECT_EQ(e.free(), -1);  // of the caller's memory that is not known
  }
  EXPECT_EQ(this->memory.live(), 0);
}

TYPED_TEST(MatrixTest, KnowsItsSumsAndEmptyLines) {
  using T = TypeParam;
  for (Content content : cases::kContents) {
    const auto values = cases::make_dense(257, 101, content, 3);
    const DenseStorage<T> storage(values, Layout::column_major, 3);
    const Matrix<T> x(this->context, storage.view());
    EXPECT_EQ(x.rows(), 257);
    EXPECT_EQ(x.columns(), 101);
    EXPECT_EQ(x.nonzeros(), 257 * 101);
    EXPECT_FALSE(x.sparse());
    EXPECT_TRUE(number_near(x.sum(), oracle::sum(storage.oracle()), Tolerance<double>::sum(257 * 101)));
    EXPECT_TRUE(
        number_near(x.squared_norm(), oracle::squared_norm(storage.oracle()), Tolerance<double>::sum(257 * 101)));
    EXPECT_EQ(x.empty_rows(), content == Content::zero_lines       ? 86
                              : content == Content::all_zero       ? 257
                              : content == Content::dead_component ? 1
                                                                   : 0);
    EXPECT_EQ(x.empty_columns(), content == Content::zero_lines ? 25 : content == Content::all_zero ? 101 : 0);
  }
}

TYPED_TEST(MatrixTest, BorrowsDenseViewsOfItsType) {
  using T = TypeParam;
  Placed<T> placed(make_context());  // whose memory is not counted
  for (Layout layout : cases::kLayouts)
    for (std::int64_t padding : cases::kPaddings) {
      DenseStorage<T> storage(cases::make_dense(257, 101, Content::uniform, 3), layout, padding);
      const Matrix<T> x(this->context, placed(storage.view()));
      EXPECT_EQ(x.bytes(), 0);
      EXPECT_EQ(this->memory.live(), 0);
    }
}

TYPED_TEST(MatrixTest, CopiesShareOneMatrix) {
  using T = TypeParam;
  const DenseStorage<T> storage(cases::make_dense(5, 4, Content::uniform, 3));
  const Matrix<T> x(this->context, storage.view());
  const Matrix<T> y = x;
  EXPECT_EQ(x.data(), y.data());
}

template <class T, class U>
void expect_converted(const Context& context, CountingMemory& memory) {
  SCOPED_TRACE(typeid(U).name());
  for (Layout layout : cases::kLayouts) {
    DenseStorage<U> storage(3, 5, layout, 2);
    for (std::int64_t i = 0; i < 3; ++i)
      for (std::int64_t j = 0; j < 5; ++j) storage(i, j) = static_cast<U>(i * 40 + j);
    const Matrix<T> x(context, storage.view());
    EXPECT_EQ(x.sum(), 630);
    EXPECT_EQ(x.squared_norm(), 42490);
    EXPECT_GE(x.bytes(), static_cast<std::int64_t>(15 * sizeof(T)));
    EXPECT_EQ(x.bytes(), memory.live());
  }
}

TYPED_TEST(MatrixTest, ConvertsOtherTypes) {
  using T = TypeParam;
  expect_converted<T, std::conditional_t<std::is_same_v<T, float>, double, float>>(this->context, this->memory);
  expect_converted<T, std::int8_t>(this->context, this->memory);
  expect_converted<T, std::int16_t>(this->context, this->memory);
  expect_converted<T, std::int32_t>(this->context, this->memory);
  expect_converted<T, std::int64_t>(this->context, this->memory);
  expect_converted<T, std::uint8_t>(this->context, this->memory);
  expect_converted<T, std::uint16_t>(this->context, this->memory);
  expect_converted<T, std::uint32_t>(this->context, this->memory);
  expect_converted<T, std::uint64_t>(this->context, this->memory);
}

// The CUDA backend has it (tests/cuda/storage_test.cpp).
TYPED_TEST(MatrixTest, NarrowStorageIsRefusedByName) {
  using T = TypeParam;
  if (kOnDevice) return;
  const DenseStorage<T> plain(3, 4);
  const DenseStorage<std::uint8_t> bytes(3, 4);
  EXPECT_NO_THROW(Matrix<T>(this->context, plain.view(), {.storage = Storage::element_type}));
  for (const auto& [storage, name] :
       {std::pair(Storage::uint8, "uint8"), {Storage::fp16, "fp16"}, {Storage::bf16, "bf16"}}) {
    const auto expect_refused = [&, asked = storage, name = name](const auto& view) {
      try {
        Matrix<T>(this->context, view, {.storage = asked});
        ADD_FAILURE() << "accepted " << name;
      } catch (const InvalidArgument& e) {
        EXPECT_EQ(e.name(), "MatrixOptions::storage");
        EXPECT_EQ(e.value(), name);
        EXPECT_THAT(e.expected(), testing::HasSubstr("element_type for a CPU Context"));
      }
    };
    expect_refused(plain.view());
    expect_refused(bytes.view());
  }
}

TYPED_TEST(MatrixTest, NamesTheFirstBadEntryInRowOrder) {
  using T = TypeParam;
  constexpr double inf = std::numeric_limits<double>::infinity();
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (Layout layout : cases::kLayouts)
    for (double bad : {-1.0, -0.25, nan, inf, -inf})
      for (auto [row, column] : {std::pair{0, 0}, {0, 100}, {130, 57}, {256, 100}}) {
        DenseStorage<T> storage(cases::make_dense(257, 101, Content::uniform, 3), layout, 3);
        storage(row, column) = static_cast<T>(bad);
        this->expect_bad_entry(storage.view(), row, column, bad);
        // Earlier in memory for the other layout, later in row order.
        if (row < 256 && column > 0) storage(row + 1, column - 1) = T(-7);
        if (row < 256) storage(256, 0) = T(-8);
        this->expect_bad_entry(storage.view(), row, column, bad);
      }
}

TYPED_TEST(MatrixTest, NamesBadEntriesOfOtherTypes) {
  using T = TypeParam;
  DenseStorage<std::int16_t> integers(7, 9, Layout::column_major);
  integers(3, 8) = -12;
  this->expect_bad_entry(integers.view(), 3, 8, -12);
  if constexpr (std::is_same_v<T, float>) {  // finite in double, not in float
    DenseStorage<double> doubles(7, 9);
    doubles(2, 1) = 1e39;
    for (Layout layout : cases::kLayouts) {
      const DenseStorage<double> laid_out(doubles.oracle(), layout);
      try {
        const Matrix<T> x(this->context, laid_out.view());
        ADD_FAILURE() << "accepted";
      } catch (const InvalidArgument& e) {
        EXPECT_EQ(e.name(), "X(2, 1)");
        // A device looks at what it has converted.
        EXPECT_EQ(e.value(), kOnDevice ? "inf" : "1e+39");
      }
    }
  }
}

TYPED_TEST(MatrixTest, AcceptsNegativeZeroAndExtremes) {
  using T = TypeParam;
  DenseStorage<T> storage(2, 2);
  storage(0, 0) = T(-0.0);
  storage(0, 1) = std::numeric_limits<T>::denorm_min();
  storage(1, 0) = std::numeric_limits<T>::max();
  EXPECT_NO_THROW(Matrix<T>(this->context, storage.view()));
}

TYPED_TEST(MatrixTest, RefusesMalformedDenseViews) {
  using T = TypeParam;
  DenseStorage<T> storage(7, 9);
  const DenseView<T> good = storage.view();
  ASSERT_NO_THROW(Matrix<T>(this->context, good));
  const auto expect_refused = [&](auto change, const char* what) {
    DenseView<T> bad = good;
    change(bad);
    SCOPED_TRACE(what);
    this->expect_refused(this->context, bad);
    this->expect_refused(this->context, DenseView<const T>(bad));
  };
  expect_refused([](auto& v) { v.data = nullptr; }, "null");
  expect_refused([](auto& v) { v.ld = 8; }, "ld of a row too small");
  expect_refused([](auto& v) { v.ld = -9; }, "ld negative");
  expect_refused([](auto& v) { v.layout = Layout::column_major, v.ld = 6; }, "ld of a column too small");
  expect_refused([](auto& v) { v.rows = -1; }, "rows negative");
  expect_refused([](auto& v) { v.columns = 0; }, "no columns");
  expect_refused([](auto& v) { v.rows = 0; }, "no rows");
  expect_refused([](auto& v) { v.space = MemorySpace::device; }, "not memory of a device");
  const DenseView<std::uint8_t> null{nullptr, 7, 9, 9, Layout::row_major, MemorySpace::host};
  this->expect_refused(this->context, null);
  EXPECT_EQ(this->memory.live(), 0);
}

template <class Index>
oracle::Sparse small_sparse() {
  return {4, 5, {{0, 1, 1}, {0, 4, 2}, {2, 0, 3}, {2, 1, 4}, {2, 3, 5}, {3, 4, 6}}};
}

template <class T, class Index>
void expect_sparse_rules(const Context& context, CountingMemory& memory) {
  const auto expect_refused = [&](auto change, const char* what) {
    CsrStorage<T, Index> storage(small_sparse<Index>());
    auto view = storage.view();
    change(storage, view);
    SCOPED_TRACE(what);
    try {
      const Matrix<T> x(context, view);
      ADD_FAILURE() << "accepted";
    } catch (const InvalidArgument& e) {
      EXPECT_FALSE(e.name().empty());
      EXPECT_FALSE(e.value().empty());
    }
    EXPECT_EQ(memory.live(), 0);
  };
  expect_refused([](auto&, auto& v) { v.row_offsets = nullptr; }, "null offsets");
  expect_refused([](auto&, auto& v) { v.column_indices = nullptr; }, "null indices");
  expect_refused([](auto&, auto& v) { v.values = nullptr; }, "null values");
  expect_refused([](auto&, auto& v) { v.nonzeros = 5; }, "nonzeros differ from the last offset");
  expect_refused([](auto&, auto& v) { v.nonzeros = -1; }, "nonzeros negative");
  expect_refused([](auto&, auto& v) { v.rows = -4; }, "rows negative");
  expect_refused([](auto&, auto& v) { v.columns = 4; }, "index equals columns");
  expect_refused([](auto& s, auto&) { s.offsets()[0] = 1; }, "offsets do not start at 0");
  expect_refused([](auto& s, auto&) { s.offsets()[2] = 6; }, "offsets fall");
  expect_refused([](auto& s, auto&) { s.offsets()[1] = -1; }, "offset negative");
  expect_refused([](auto& s, auto&) { s.offsets()[1] = 1000000; }, "offset far out, then falling");
  expect_refused([](auto& s, auto&) { s.indices()[3] = 5; }, "index too large");
  expect_refused([](auto& s, auto&) { s.indices()[3] = -1; }, "index negative");
  expect_refused([](auto&, auto& v) { v.space = MemorySpace::device; }, "not memory of a device");

  for (double bad : {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    CsrStorage<T, Index> storage(small_sparse<Index>());
    storage.values()[3] = static_cast<T>(bad);
    storage.values()[5] = T(-9);
    try {
      const Matrix<T> x(context, storage.view());
      ADD_FAILURE() << "accepted " << bad;
    } catch (const InvalidArgument& e) {
      EXPECT_EQ(e.name(), "X(2, 1)");
    }
  }

  const CsrStorage<T, Index> storage(small_sparse<Index>());
  const Matrix<T> x(context, storage.view());
  EXPECT_TRUE(x.sparse());
  EXPECT_EQ(x.nonzeros(), 6);
  EXPECT_EQ(x.sum(), 21);
  EXPECT_EQ(x.squared_norm(), 91);
  EXPECT_EQ(x.empty_rows(), 1);
  EXPECT_EQ(x.empty_columns(), 1);
  EXPECT_EQ(x.bytes(), memory.live());
}

TYPED_TEST(MatrixTest, ValidatesSparseViews) {
  expect_sparse_rules<TypeParam, std::int32_t>(this->context, this->memory);
  expect_sparse_rules<TypeParam, std::int64_t>(this->context, this->memory);
}

// An explicit zero is stored but does not make its row or column less empty.
TYPED_TEST(MatrixTest, ExplicitZerosAreZeros) {
  const CsrStorage<TypeParam> storage(oracle::Sparse{2, 2, {{0, 0, 1}, {1, 1, 0}}});
  const Matrix<TypeParam> x(this->context, storage.view());
  EXPECT_EQ(x.empty_rows(), 1);
  EXPECT_EQ(x.empty_columns(), 1);
}

TYPED_TEST(MatrixTest, SparseWithoutEntries) {
  const CsrStorage<TypeParam> storage(oracle::Sparse{3, 4, {}});
  auto view = storage.view();
  const Matrix<TypeParam> x(this->context, view);
  EXPECT_EQ(x.nonzeros(), 0);
  EXPECT_EQ(x.empty_rows(), 3);
  view.column_indices = nullptr;  // as an empty container may give
  view.values = nullptr;
  EXPECT_NO_THROW(Matrix<TypeParam>(this->context, view));
}

TYPED_TEST(MatrixTest, RepeatedAndUnsortedColumnsAreOneMatrix) {
  using T = TypeParam;
  CsrStorage<T> storage(oracle::Sparse{2, 3, {{0, 0, 1}, {0, 1, 2}, {0, 2, 3}, {1, 1, 4}, {1, 2, 5}}});
  storage.indices() = {2, 0, 2, 1, 1};  // row 0: 0: 2, 2: 1 + 3;  row 1: 1: 4 + 5
  const Matrix<T> x(this->context, storage.view());
  EXPECT_EQ(x.sum(), 15);
  EXPECT_EQ(x.squared_norm(), 4 + 16 + 81);
  EXPECT_EQ(x.empty_columns(), 0);
}

TYPED_TEST(MatrixTest, RepeatedEntriesWhoseSumIsInfiniteAreRefused) {
  using T = TypeParam;
  const T half = std::numeric_limits<T>::max() / 2, most = std::numeric_limits<T>::max();
  const auto make = [&](T a, T b) {
    CsrStorage<T> storage(oracle::Sparse{3, 3, {{0, 0, 1}, {1, 0, 1}, {1, 1, 1}, {1, 2, 1}, {2, 0, 1}}});
    storage.indices() = {0, 2, 1, 2, 0};
    storage.values() = {1, a, 1, b, 1};
    return Matrix<T>(this->context, storage.view());
  };
  EXPECT_EQ(make(half, half).nonzeros(), 4);
  try {
    make(most, half);
    ADD_FAILURE() << "accepted";
  } catch (const InvalidArgument& e) {
    EXPECT_EQ(e.name(), "X(1, 2)");
    EXPECT_EQ(e.value(), "inf");
  }
}

}  // namespace
}  // namespace orthant::test
