// Matrices from coordinates: the same, bit by bit, as from compressed rows; what is refused and how it is named.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "orthant/error.hpp"
#include "orthant/matrix.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/memory.hpp"
#include "tests/placed.hpp"
#include "tests/simd_targets.hpp"
#include "tests/test_context.hpp"

namespace orthant::test {
namespace {

using testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<bool> places() { return kOnDevice ? std::vector<bool>{false, true} : std::vector<bool>{false}; }

oracle::Sparse shuffled(oracle::Sparse x, unsigned seed) {
  std::shuffle(x.entries.begin(), x.entries.end(), std::mt19937_64(seed));
  return x;
}

// Every third entry in parts, the last of which is 0; a row's sum then depends on the order in which they are added.
oracle::Sparse with_repeated(const oracle::Sparse& x) {
  oracle::Sparse out{x.rows, x.columns, {}};
  for (std::size_t p = 0; p < x.entries.size(); ++p) {
    const auto [i, j, value] = x.entries[p];
    const std::vector<double> parts =
        p % 3 == 0 ? std::vector<double>{value / 3, value / 7, 1e-6 * value, 0} : std::vector<double>{value};
    for (const double part : parts) out.entries.push_back({i, j, part});
  }
  return out;
}

// One row, one column, one entry, none, and rows and columns without entries.
std::vector<oracle::Sparse> matrices() {
  std::vector<oracle::Sparse> all = {{3, 4, {}}, {1, 1, {{0, 0, 2.5}}}, {5, 6, {{4, 5, 1}}}, {5, 6, {{2, 3, 0}}}};
  std::vector<cases::MatrixCase> shapes = {{1, 40, 2, 20}, {40, 1, 2, 20}, {19, 14, 2, 90}};
  if (!cases::few_cases()) shapes.insert(shapes.end(), {{60, 47, 2, 900}, {700, 9, 2, 800}});
  for (const cases::MatrixCase& c : shapes) {
    const oracle::Sparse x = cases::make_sparse(c, 7);
    all.push_back(shuffled(x, 3));
    all.push_back(with_repeated(x));  // in order
    all.push_back(shuffled(all.back(), 4));
  }
  return all;
}

// All that a Matrix says and gives, for comparing bit by bit.
template <class T>
std::vector<double> seen(const Matrix<T>& x) {
  std::vector<double> all = {static_cast<double>(x.rows()),
                             static_cast<double>(x.columns()),
                             static_cast<double>(x.nonzeros()),
                             x.sum(),
                             x.squared_norm(),
                             x.weight(),
                             static_cast<double>(x.empty_rows()),
                             static_cast<double>(x.empty_columns())};
  for (const Loss loss : {Loss::frobenius(), Loss::kullback_leibler()}) {
    auto f = given_start<T>(x.rows(), x.columns(), 2);
    const Result result =
        f.fit(x, {.loss = loss, .initialization = Initialization::given, .max_iterations = 1, .tolerance = 0});
    all.push_back(result.loss);
    const auto entries = f.entries();
    all.insert(all.end(), entries.begin(), entries.end());
  }
  return all;
}

template <class T>
class Coordinates : public testing::Test {
 public:
  CountingMemory memory;
  Context context = make_context(2, &memory);
  Context other = make_context();  // whose memory is not counted

  // X from memory that is gone, or holds something else, as soon as it is made.
  template <class Index>
  Matrix<T> make(CooStorage<T, Index> storage, bool on_device, const MatrixOptions& options = {}) {
    Placed<T> placed(other);
    const Matrix<T> x(context, on_device ? placed(storage.view()) : storage.view(), options);
    spoil(storage);
    return x;
  }
  template <class Index>
  Matrix<T> make(CooStorage<T, Index> storage, std::vector<T> weights, bool on_device) {
    Placed<T> placed(other);
    const auto size = static_cast<std::int64_t>(weights.size());
    const DenseView<const T> line{weights.data(), 1, size, size};
    const Matrix<T> x(context, on_device ? placed(storage.view()) : storage.view(),
                      on_device ? placed(line).data : line.data);
    spoil(storage);
    std::fill(weights.begin(), weights.end(), T(-1));
    return x;
  }

  template <class Make>
  void expect_refused(Make&& make, const std::string& name, const std::string& value, const std::string& expected) {
    try {
      make();
      ADD_FAILURE() << "accepted, where " << name << " is " << value;
    } catch (const InvalidArgument& e) {
      EXPECT_EQ(e.name(), name);
      EXPECT_EQ(e.value(), value);
      EXPECT_THAT(e.expected(), HasSubstr(expected));
    }
    EXPECT_EQ(memory.live(), 0);
  }

 private:
  template <class Index>
  static void spoil(CooStorage<T, Index>& storage) {
    std::fill(storage.row_indices().begin(), storage.row_indices().end(), Index(-1));
    std::fill(storage.column_indices().begin(), storage.column_indices().end(), Index(-1));
    std::fill(storage.values().begin(), storage.values().end(), T(-1));
  }
};
TYPED_TEST_SUITE(Coordinates, Precisions, PrecisionNames);

TYPED_TEST(Coordinates, AreTheMatrixOfCompressedRows) {
  using T = TypeParam;
  const auto expect_same = [&](const auto& storage, const std::vector<double>& expected) {
    for (const bool on_device : places()) {
      const Matrix<T> made = this->make(storage, on_device);
      EXPECT_TRUE(made.sparse());
      EXPECT_EQ(made.bytes(), this->memory.live());
      EXPECT_EQ(seen(made), expected);
    }
  };
  for (const oracle::Sparse& x : matrices()) {
    SCOPED_TRACE(std::to_string(x.rows) + " x " + std::to_string(x.columns) + ", " + std::to_string(x.entries.size()) +
                 " entries");
    const CsrStorage<T> rows(x);
    const std::vector<double> expected = seen(Matrix<T>(this->other, rows.view()));
    expect_same(CooStorage<T, std::int32_t>(x), expected);
    expect_same(CooStorage<T, std::int64_t>(x), expected);
  }
}

TYPED_TEST(Coordinates, RepeatedEntriesAddUp) {
  using T = TypeParam;
  const oracle::Sparse x{3, 3, {{2, 0, 1}, {0, 2, 2}, {2, 0, 3}, {0, 1, 5}, {2, 0, 4}}};
  const auto expect_sums = [](const Matrix<T>& made) {
    EXPECT_EQ(made.nonzeros(), 3);
    EXPECT_EQ(made.sum(), 15);
    EXPECT_EQ(made.squared_norm(), 64 + 4 + 25);
    EXPECT_EQ(made.empty_rows(), 1);
    EXPECT_EQ(made.empty_columns(), 0);
  };
  for (const bool on_device : places()) {
    expect_sums(this->make(CooStorage<T, std::int32_t>(x), on_device));
    expect_sums(this->make(CooStorage<T, std::int64_t>(x), on_device));
  }
}

TYPED_TEST(Coordinates, TakeOneCopyMoreThanBorrowedRows) {
  using T = TypeParam;
  const oracle::Sparse x = cases::make_sparse({60, 47, 2, 900}, 7);
  const auto nonzeros = static_cast<std::int64_t>(x.entries.size()), size = static_cast<std::int64_t>(sizeof(T));
  const CsrStorage<T> rows(x);
  Placed<T> placed(this->other);
  const std::int64_t borrowed = Matrix<T>(this->context, placed(rows.view())).bytes();
  for (const oracle::Sparse& given : {x, shuffled(x, 3)}) {
    const Matrix<T> made = this->make(CooStorage<T>(given), false);
    EXPECT_EQ(made.bytes(), borrowed + nonzeros * (size + 4) + 8 * (60 + 1));
  }
}

TYPED_TEST(Coordinates, WeightsFollowTheirEntries) {
  using T = TypeParam;
  oracle::Sparse x = shuffled(cases::make_sparse({19, 14, 2, 90}, 7), 3);
  const auto weight = [](const auto& e) {
    return static_cast<T>(static_cast<double>((e.row * 5 + e.column * 3) % 7) / 4);
  };
  for (auto& e : x.entries) {
    if (weight(e) == 0) e.value = kNaN;  // where it is 0, the value may be anything
  }
  const CsrStorage<T> rows(x);
  std::vector<T> of_rows, weights;
  for (const auto& e : rows.oracle().entries) of_rows.push_back(weight(e));
  for (const auto& e : x.entries) weights.push_back(weight(e));
  const std::vector<double> expected = seen(Matrix<T>(this->other, rows.view(), of_rows.data()));
  for (const bool on_device : places()) {
    EXPECT_EQ(seen(this->make(CooStorage<T>(x), weights, on_device)), expected);
    EXPECT_EQ(seen(this->make(CooStorage<T, std::int64_t>(x), weights, on_device)), expected);
  }
}

TYPED_TEST(Coordinates, EntriesThatAreNotStoredMayBeMissing) {
  using T = TypeParam;
  const oracle::Sparse x = shuffled(cases::make_sparse({30, 20, 2, 200}, 7), 3);
  const Matrix<T> made = this->make(CooStorage<T>(x), false, {.missing = Missing::zeros});
  EXPECT_EQ(made.weight(), static_cast<double>(x.entries.size()));
}

// Entry 3 is at (2, 1).
const oracle::Sparse kSmall{4, 5, {{2, 3, 5}, {0, 4, 2}, {3, 4, 6}, {2, 1, 4}, {0, 1, 1}, {2, 0, 3}}};

template <class T, class Index>
void expect_views_checked(Coordinates<T>& test) {
  using Storage = CooStorage<T, Index>;
  const auto of_view = [&](const std::string& name, const std::string& value, const std::string& expected,
                           auto&& change) {
    const Storage storage(kSmall);
    auto view = storage.view();
    change(view);
    test.expect_refused([&] { Matrix<T>(test.context, view); }, name, value, expected);
  };
  of_view("X.row_indices", "null", "indices", [](auto& v) { v.row_indices = nullptr; });
  of_view("X.column_indices", "null", "indices", [](auto& v) { v.column_indices = nullptr; });
  of_view("X.values", "null", "values", [](auto& v) { v.values = nullptr; });
  of_view("X.nonzeros", "-1", "0 or more", [](auto& v) { v.nonzeros = -1; });
  of_view("X.rows", "-4", "at least 1", [](auto& v) { v.rows = -4; });
  of_view("X.columns", "0", "at least 1", [](auto& v) { v.columns = 0; });
  of_view("X.rows", "2147483648", "at most 2147483647", [](auto& v) { v.rows = 2147483648; });
  of_view("X.columns", "2147483648", "at most 2147483647", [](auto& v) { v.columns = 2147483648; });
  of_view("X.row_indices.space", "device", "host", [](auto& v) { v.space = MemorySpace::device; });
  of_view("X.row_indices[2]", "3", "0 to 2", [](auto& v) { v.rows = 3; });

  for (const bool on_device : places()) {
    const auto of_entries = [&](const std::string& name, const std::string& value, const std::string& expected,
                                auto&& change) {
      Storage storage(kSmall);
      change(storage);
      test.expect_refused([&] { test.make(storage, on_device); }, name, value, expected);
    };
    of_entries("X.row_indices[3]", "4", "0 to 3", [](auto& s) { s.row_indices()[3] = 4; });
    of_entries("X.row_indices[3]", "-1", "0 to 3", [](auto& s) { s.row_indices()[3] = -1; });
    of_entries("X.column_indices[3] (row 2)", "5", "0 to 4", [](auto& s) { s.column_indices()[3] = 5; });
    of_entries("X.column_indices[3] (row 2)", "-2", "0 to 4", [](auto& s) { s.column_indices()[3] = -2; });
    if constexpr (sizeof(Index) == 8) {  // in range once they are cut to 32 bits
      of_entries("X.row_indices[3]", "4294967298", "0 to 3", [](auto& s) { s.row_indices()[3] = (1ll << 32) + 2; });
      of_entries("X.column_indices[3] (row 2)", "-4294967295", "0 to 4",
                 [](auto& s) { s.column_indices()[3] = 1 - (1ll << 32); });
    }
    for (const auto& [bad, name] : {std::pair(-1.0, "-1"), {kNaN, "nan"}, {kInfinity, "inf"}}) {
      of_entries("X(2, 1)", name, "not negative", [value = bad](auto& s) { s.values()[3] = static_cast<T>(value); });
    }
    // The first in the order given, whatever is bad, and in whichever row.
    of_entries("X(2, 1)", "-7", "not negative", [](auto& s) {
      s.values()[3] = -7;
      s.row_indices()[4] = 99;
      s.values()[5] = -8;
    });
    of_entries("X.column_indices[3] (row 2)", "99", "0 to 4", [](auto& s) {
      s.column_indices()[3] = 99;
      s.row_indices()[4] = 99;
      s.values()[4] = -7;
    });
    of_entries("X.row_indices[3]", "99", "0 to 3", [](auto& s) {
      s.row_indices()[3] = 99;
      s.column_indices()[3] = 99;
      s.column_indices()[4] = 99;
    });
    of_entries("X(2, 1)", "-9", "not negative", [](auto& s) {  // not what they add up to
      s.row_indices()[5] = 2;
      s.column_indices()[5] = 1;
      s.values()[5] = 10;
      s.values()[3] = -9;
    });
  }
}

TYPED_TEST(Coordinates, AreChecked) {
  expect_views_checked<TypeParam, std::int32_t>(*this);
  expect_views_checked<TypeParam, std::int64_t>(*this);
}

TYPED_TEST(Coordinates, TheFirstBadEntryOfManyIsNamed) {
  using T = TypeParam;
  CooStorage<T> storage(shuffled(cases::make_sparse({300, 200, 2, 6000}, 7), 3));
  const std::size_t size = storage.values().size();
  ASSERT_GT(size, 2000u);  // so that threads share them
  for (const std::size_t first : {size - 1, size / 2, std::size_t{64}, std::size_t{0}}) {
    storage.column_indices()[first] = 200;
    for (const bool on_device : places()) {
      this->expect_refused(
          [&] { this->make(storage, on_device); },
          "X.column_indices[" + std::to_string(first) + "] (row " + std::to_string(storage.row_indices()[first]) + ")",
          "200", "0 to 199");
    }
  }
}

TYPED_TEST(Coordinates, WeightsAreChecked) {
  using T = TypeParam;
  const std::vector<T> ones(kSmall.entries.size(), 1);
  for (const bool on_device : places()) {
    EXPECT_NO_THROW(this->make(CooStorage<T>(kSmall), ones, on_device));
    auto weights = ones;
    weights[3] = weights[4] = -1;
    this->expect_refused([&] { this->make(CooStorage<T>(kSmall), weights, on_device); }, "weights(2, 1)", "-1",
                         "not negative");
    CooStorage<T> outside(kSmall);
    outside.row_indices()[3] = 4;
    this->expect_refused([&] { this->make(outside, weights, on_device); }, "X.row_indices[3]", "4", "0 to 3");
    oracle::Sparse repeated = kSmall;
    repeated.entries[5].column = 1;
    this->expect_refused([&] { this->make(CooStorage<T>(repeated), ones, on_device); }, "X(2, 1)", "stored twice",
                         "stored once");
  }
  const CooStorage<T> storage(kSmall);
  const T* const none = nullptr;
  this->expect_refused([&] { Matrix<T>(this->context, storage.view(), none); }, "weights", "null", "each stored entry");
  this->expect_refused([&] { Matrix<T>(this->context, storage.view(), ones.data(), {}); }, "MatrixOptions::missing",
                       "none", "zeros");
}

TYPED_TEST(Coordinates, OptionsOfDenseMatricesAreRefused) {
  using T = TypeParam;
  const CooStorage<T> small(kSmall);
  const auto make = [&](const MatrixOptions& options) { Matrix<T>(this->context, small.view(), options); };
  this->expect_refused([&] { make({.storage = Storage::fp16}); }, "MatrixOptions::storage", "fp16", "sparse X");
  this->expect_refused([&] { make({.missing = Missing::nan}); }, "MatrixOptions::missing", "nan", "sparse X");
}

TYPED_TEST(Coordinates, NothingIsLeftWhereMemoryRunsOut) {
  using T = TypeParam;
  const CooStorage<T, std::int64_t> storage(shuffled(with_repeated(cases::make_sparse({20, 15, 2, 50}, 7)), 3));
  const auto make = [&] { Matrix<T>(this->context, storage.view()); };
  this->memory.reset();
  make();
  const std::int64_t allocations = this->memory.allocations();
  EXPECT_GT(allocations, 0);
  for (std::int64_t n = 0; n < allocations; ++n) {
    this->memory.reset();
    this->memory.fail_at(n);
    EXPECT_THROW(make(), OutOfMemory) << "at allocation " << n;
    EXPECT_EQ(this->memory.live(), 0) << "at allocation " << n;
  }
}

}  // namespace
}  // namespace orthant::test
