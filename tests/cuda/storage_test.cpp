// Dense X of any element type, and stored in any: what is kept of it, what is refused, and that everything is made of
// what is kept.

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "orthant/error.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/simd_targets.hpp"
#include "tests/staged.hpp"
#include "tests/test_context.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using core::Side;
using testing::HasSubstr;

// A format by its numbers: digits after the leading one, the least exponent of a normal number.
struct Format {
  Storage storage;
  const char* name;
  std::int64_t bytes;
  int digits, least_exponent;

  // The nearest number, ties to even.
  double nearest(double value) const {
    if (storage == Storage::uint8 || value == 0) return value;
    const double unit = std::ldexp(1.0, std::max(std::ilogb(value), least_exponent) - digits);
    return std::nearbyint(value / unit) * unit;
  }
};
constexpr Format kFormats[] = {
    {Storage::uint8, "uint8", 1, 8, 0}, {Storage::fp16, "fp16", 2, 10, -14}, {Storage::bf16, "bf16", 2, 7, -126}};

// A copy of host memory on the device, behind a view that is otherwise the same.
template <class U>
class OnDevice {
 public:
  OnDevice(const Context& context, DenseStorage<U>& host)
      : memory_(context.runtime()->memory(), static_cast<std::int64_t>(host.values().size())), view(host.view()) {
    EXPECT_EQ(cudaMemcpy(memory_.data(), host.values().data(), memory_.bytes(), cudaMemcpyHostToDevice), cudaSuccess);
    view.data = memory_.data();
    view.space = MemorySpace::device;
  }

 private:
  core::Buffer<U> memory_;

 public:
  DenseView<U> view;
};

template <class T>
class StorageTest : public testing::Test {
 public:
  Context context = make_context();

  FactorStorage<T> product(const Matrix<T>& x, Side side, const FactorStorage<T>& f, std::int64_t padding = 0) const {
    FactorStorage<T> r(static_cast<int>(f.oracle().rows), side == Side::h ? x.rows() : x.columns(), padding);
    core::Workspace workspace(context.runtime()->memory());
    StagedMatrix<T>(context.runtime()->backend(T{}), *x.data()).product(side, f.factor(), r.factor(), workspace);
    EXPECT_TRUE(r.gaps_untouched());
    return r;
  }

  // X as it is kept: by a product with the identity.
  oracle::Dense kept(const Matrix<T>& x) const {
    oracle::Dense identity(x.columns(), x.columns());
    for (std::int64_t j = 0; j < x.columns(); ++j) identity(j, j) = 1;
    return transpose(product(x, Side::h, FactorStorage<T>(identity)).oracle());
  }

  template <class View>
  void expect_refused(const View& view, Storage storage, std::int64_t row, std::int64_t column, double value,
                      const std::string& expected) const {
    try {
      const Matrix<T> x(context, view, {.storage = storage});
      ADD_FAILURE() << "accepted " << value;
    } catch (const InvalidArgument& e) {
      EXPECT_EQ(e.name(), "X(" + std::to_string(row) + ", " + std::to_string(column) + ")");
      const double named = std::stod(e.value());
      EXPECT_TRUE(static_cast<float>(named) == static_cast<float>(value) || (std::isnan(named) && std::isnan(value)))
          << e.value() << ", expected " << value;
      EXPECT_THAT(e.expected(), HasSubstr(expected));
    }
  }
};
TYPED_TEST_SUITE(StorageTest, Precisions, PrecisionNames);

// Uniform in (0, 1), or integers.
oracle::Dense entries_for(Storage storage, std::int64_t rows, std::int64_t columns) {
  oracle::Dense x = cases::make_dense(rows, columns, cases::Content::zero_lines, 41);
  if (storage == Storage::uint8)
    for (double& value : x.values) value = std::floor(256 * value);
  return x;
}

TYPED_TEST(StorageTest, EverythingIsMadeOfWhatIsKept) {
  using T = TypeParam;
  constexpr struct {
    std::int64_t rows, columns;
    int rank;
  } shapes[] = {{1, 1, 1}, {1, 257, 2}, {257, 1, 31}, {257, 101, 33}, {33, 1000, 64}, {1000, 33, 65}, {70, 40, 200}};
  for (const Format& format : kFormats)
    for (Layout layout : cases::kLayouts)
      for (const auto& [rows, columns, rank] : shapes) {
        if (cases::few_cases() && rank % 3 != static_cast<int>(&format - kFormats)) continue;
        SCOPED_TRACE(std::string(format.name) + " " + cases::name(layout) + " rank " + std::to_string(rank));
        const DenseStorage<T> storage(entries_for(format.storage, rows, columns), layout, 3);
        oracle::Dense exact = storage.oracle();
        for (double& value : exact.values) value = format.nearest(value);
        const Matrix<T> x(this->context, storage.view(), {.storage = format.storage});
        EXPECT_EQ(x.bytes(), rows * columns * format.bytes);
        const auto sums = Tolerance<double>::sum(rows * columns);
        EXPECT_TRUE(number_near(x.sum(), oracle::sum(exact), sums));
        EXPECT_TRUE(number_near(x.squared_norm(), oracle::squared_norm(exact), sums));
        EXPECT_EQ(x.empty_rows(), (rows + 1) / 3);
        EXPECT_EQ(x.empty_columns(), (columns + 1) / 4);

        const FactorStorage<T> w(cases::make_factor(rank, rows, 42), 3), h(cases::make_factor(rank, columns, 43));
        ASSERT_TRUE(entries_near(this->product(x, Side::h, h, 3).oracle(),
                                 transpose(multiply(exact, transpose(h.oracle()))), Tolerance<T>::sum(columns)));
        ASSERT_TRUE(
            entries_near(this->product(x, Side::w, w).oracle(), multiply(w.oracle(), exact), Tolerance<T>::sum(rows)));
        double loss = -1;
        core::Workspace workspace(this->context.runtime()->memory());
        StagedMatrix<T>(this->context.runtime()->backend(T{}), *x.data())
            .loss(w.factor(), h.factor(), &loss, workspace);
        EXPECT_TRUE(number_near(loss, oracle::loss(exact, transpose(w.oracle()), h.oracle()), sums));
      }
}

TYPED_TEST(StorageTest, RoundsToTheNearest) {
  using T = TypeParam;
  for (const Format& format : kFormats) {
    SCOPED_TRACE(format.name);
    std::vector<double> values = {0, 1, 2, 3, 128, 255};
    if (format.storage != Storage::uint8) {
      for (double power : {1.0, 0x1p-14, 0x1p-15, 0x1p-20, 0x1p-23, 1024.0}) {
        const double unit = std::ldexp(power, -format.digits);
        for (double steps : {0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 3.5, 4.25}) values.push_back(power + steps * unit);
        values.push_back(power);
      }
      values.insert(values.end(), {0x1p-24, 0x1p-25, 0x1.8p-25, 0x1.8p-24, 0x1p-14 - 0x1p-25, 1 - 0x1p-13});
      values.push_back(format.storage == Storage::fp16 ? 65519 : 0x1.FEp127);
    }
    DenseStorage<T> storage(static_cast<std::int64_t>(values.size()), 1);
    for (std::size_t i = 0; i < values.size(); ++i)
      storage(static_cast<std::int64_t>(i), 0) = static_cast<T>(values[i]);
    const oracle::Dense kept = this->kept(Matrix<T>(this->context, storage.view(), {.storage = format.storage}));
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(kept.values[i], format.nearest(storage.oracle().values[i])) << "of " << values[i];
  }
}

TYPED_TEST(StorageTest, NamesTheFirstEntryThatItCannotKeep) {
  using T = TypeParam;
  constexpr double inf = std::numeric_limits<double>::infinity();
  const std::string valid = "a finite number that is not negative", integer = "an integer from 0 to 255";
  const struct {
    Storage storage;
    double bad;
    std::string expected;
  } all[] = {{Storage::uint8, 300, integer},
             {Storage::uint8, 1.5, integer},
             {Storage::uint8, 256, integer},
             {Storage::uint8, -1, valid},
             {Storage::uint8, std::nan(""), valid},
             {Storage::fp16, 65520, "less than 65520"},
             {Storage::fp16, inf, valid},
             {Storage::fp16, -0.5, valid},
             {Storage::bf16, 0x1.FFp127, "less than 3.3961775e38"},
             {Storage::bf16, std::nan(""), valid}};
  for (Layout layout : cases::kLayouts)
    for (const auto& [storage, bad, expected] : all)
      for (auto [row, column] : {std::pair{0, 0}, {0, 40}, {57, 13}, {69, 40}}) {
        DenseStorage<T> x(entries_for(Storage::uint8, 70, 41), layout, 3);
        x(row, column) = static_cast<T>(bad);
        // Earlier in memory for the other layout, later in row order.
        if (row < 69 && column > 0) x(row + 1, column - 1) = T(-7);
        if (row < 69) x(69, 0) = T(-8);
        this->expect_refused(x.view(), storage, row, column, bad, expected);
      }
  DenseStorage<std::int64_t> integers(3, 4);
  integers(1, 2) = 300;
  this->expect_refused(integers.view(), Storage::uint8, 1, 2, 300, integer);
}

// Integers are exact in every format: a fit is that of X in T, but for the order of sums.
TYPED_TEST(StorageTest, FitsAreThoseOfThePlainMatrix) {
  using T = TypeParam;
  auto counts = planted(61, 43, 4, 0.1, 3);
  for (double& value : counts.values) value = std::min(255.0, std::floor(40 * value));
  const DenseStorage<T> storage(counts);
  for (Solver solver : {Solver::hals, Solver::multiplicative_update}) {
    const auto fit = [&](Storage kept) {
      const Matrix<T> x(this->context, storage.view(), {.storage = kept});
      auto f = given_start<T>(61, 43, 4);
      f.fit(x, {.solver = solver, .initialization = Initialization::given, .max_iterations = 20, .tolerance = 0});
      return f.loss_of(x);
    };
    const double plain = fit(Storage::element_type);
    for (const Format& format : kFormats)
      EXPECT_TRUE(number_near(fit(format.storage), plain, Tolerance<T>::objective())) << format.name;
  }
}

// Of memory on the device: every element type, converted there; and uint8 as it is.
template <class U, class T>
void expect_device_views_are_converted(const StorageTest<T>& test) {
  for (Layout layout : cases::kLayouts) {
    oracle::Dense entries = entries_for(Storage::uint8, 37, 23);
    for (double& value : entries.values) value = std::min(value, 100.0);  // for int8 too
    DenseStorage<U> host(entries, layout, 3);
    const OnDevice<U> device(test.context, host);
    for (Storage storage : {Storage::element_type, Storage::uint8, Storage::fp16, Storage::bf16}) {
      const Matrix<T> x(test.context, device.view, {.storage = storage});
      EXPECT_EQ(test.kept(x).values, host.oracle().values);
      EXPECT_EQ(x.empty_rows(), 12);
      const bool borrowed = storage == Storage::uint8 ? std::is_same_v<U, std::uint8_t>
                                                      : storage == Storage::element_type && std::is_same_v<U, T>;
      EXPECT_EQ(x.bytes() == 0, borrowed);
      const Matrix<T> same(test.context, host.view(), {.storage = storage});
      EXPECT_EQ(same.sum(), x.sum());
    }
    if constexpr (std::is_signed_v<U>) {
      host(5, 7) = U(-3);
      const OnDevice<U> bad(test.context, host);
      for (Storage storage : {Storage::element_type, Storage::uint8})
        test.expect_refused(bad.view, storage, 5, 7, -3, "a finite number that is not negative");
    }
  }
}

TYPED_TEST(StorageTest, DeviceViewsOfAnyTypeAreConvertedThere) {
  expect_device_views_are_converted<float>(*this);
  expect_device_views_are_converted<double>(*this);
  expect_device_views_are_converted<std::int8_t>(*this);
  expect_device_views_are_converted<std::int16_t>(*this);
  expect_device_views_are_converted<std::int32_t>(*this);
  expect_device_views_are_converted<std::int64_t>(*this);
  expect_device_views_are_converted<std::uint8_t>(*this);
  expect_device_views_are_converted<std::uint16_t>(*this);
  expect_device_views_are_converted<std::uint32_t>(*this);
  expect_device_views_are_converted<std::uint64_t>(*this);
}

}  // namespace
}  // namespace orthant::test
