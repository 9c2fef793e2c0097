// Dense X of any element type, and stored in any: what is kept of it, what is refused, and that everything is made of
// what is kept.

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "orthant/error.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/placed.hpp"
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
  } shapes[] = {{1, 1, 1},      {1, 257, 2},    {257, 1, 31},  {257, 101, 33},
                {33, 1000, 64}, {1000, 33, 65}, {70, 40, 200}, {6000, 20, 8}};
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

// Integers of which about a third are zeros, and weights of which about a third are.
oracle::Dense counts_with_zeros() {
  auto counts = planted(61, 43, 4, 0.1, 3);
  for (double& value : counts.values) value = std::min(255.0, std::floor(40 * value));
  return counts;
}
oracle::Dense some_weights() {
  oracle::Dense weights = cases::make_dense(61, 43, cases::Content::uniform, 9);
  for (double& weight : weights.values) weight = std::max(0.0, std::floor(8 * weight) - 2) / 4;
  return weights;
}

// W and H after a few iterations of each solver and loss.
template <class T>
std::vector<std::vector<double>> fits_of(const Matrix<T>& x) {
  std::vector<std::vector<double>> found;
  for (const auto& [beta, solver] : {std::pair{2.0, Solver::hals},
                                     {2.0, Solver::multiplicative_update},
                                     {1.0, Solver::hals},
                                     {1.0, Solver::multiplicative_update},
                                     {1.5, Solver::multiplicative_update}}) {
    auto f = given_start<T>(x.rows(), x.columns(), 4);
    const Result result = f.fit(x, {.loss = {beta},
                                    .solver = solver,
                                    .initialization = Initialization::given,
                                    .max_iterations = 5,
                                    .tolerance = 0});
    EXPECT_LT(result.loss, result.history.front().loss);
    found.push_back(f.entries());
    found.back().push_back(result.loss);
  }
  return found;
}

// Kept as anything, missing entries are missing: bit for bit the fit of X in T, integers being exact in every format.
// What has no weight need not be what the storage can keep.
TYPED_TEST(StorageTest, MissingAndWeightedEntriesOfNarrowStorage) {
  using T = TypeParam;
  const auto counts = counts_with_zeros();
  const DenseStorage<T> weights(some_weights(), Layout::column_major, 2);
  for (bool weighted : {false, true}) {
    const auto matrix = [&](Storage storage, double garbage) {
      DenseStorage<T> x(counts, Layout::column_major, 3);
      for (std::int64_t i = 0; i < x.rows(); ++i)
        for (std::int64_t j = 0; j < x.columns(); ++j)
          if (weighted && weights(i, j) == 0) x(i, j) = static_cast<T>(garbage);
      return weighted ? Matrix<T>(this->context, std::as_const(x).view(), weights.view(), {.storage = storage})
                      : Matrix<T>(this->context, std::as_const(x).view(), {storage, Missing::zeros});
    };
    const Matrix<T> plain = matrix(Storage::element_type, 0);
    const auto expected = fits_of(plain);
    const std::int64_t of_weights = weighted ? 61 * 43 * static_cast<std::int64_t>(sizeof(T)) : 0;
    for (const Format& format : kFormats) {
      SCOPED_TRACE(std::string(format.name) + (weighted ? " with weights" : " with missing zeros"));
      for (double garbage : {1e30, -1.0, std::nan("")}) {
        const Matrix<T> x = matrix(format.storage, garbage);
        EXPECT_EQ(x.bytes(), 61 * 43 * format.bytes + of_weights);
        EXPECT_EQ(x.weight(), plain.weight());
        EXPECT_EQ(x.sum(), plain.sum());
        EXPECT_EQ(x.squared_norm(), plain.squared_norm());
        EXPECT_EQ(x.empty_rows(), plain.empty_rows());
        EXPECT_EQ(x.empty_columns(), plain.empty_columns());
        EXPECT_EQ(fits_of(x), expected);
        if (!weighted || cases::few_cases()) break;
      }
      DenseStorage<T> bad = weights;
      bad(60, 3) = T(-1);
      DenseStorage<T> x(counts, Layout::column_major);
      try {
        Matrix<T>(this->context, std::as_const(x).view(), std::as_const(bad).view(), {.storage = format.storage});
        ADD_FAILURE() << "accepted a weight of -1";
      } catch (const InvalidArgument& e) {
        EXPECT_EQ(e.name(), "weights(60, 3)");
        EXPECT_EQ(e.value(), "-1");
      }
    }
  }
}

// The first zero that counts, in row order.
TYPED_TEST(StorageTest, FirstZeroIsFound) {
  using T = TypeParam;
  for (const Format& format : kFormats)
    for (Layout layout : cases::kLayouts)
      for (const bool weighted : {false, true}) {
        SCOPED_TRACE(std::string(format.name) + " " + cases::name(layout) + (weighted ? " with weights" : ""));
        DenseStorage<T> x(70, 150, layout, 3), weights(70, 150, layout);
        for (T& value : x.values()) value = T(3);
        for (T& weight : weights.values()) weight = T(1);
        const auto zero_of = [&] {
          const DenseView<const T> view = x.view(), given = weights.view();
          const MatrixOptions options{.storage = format.storage};
          const Matrix<T> matrix =
              weighted ? Matrix<T>(this->context, view, given, options) : Matrix<T>(this->context, view, options);
          return matrix.data()->find_zero();
        };
        EXPECT_FALSE(zero_of());
        x(69, 1) = x(41, 149) = x(41, 7) = x(52, 0) = 0;
        weights(41, 7) = 0;
        const auto zero = zero_of();
        ASSERT_TRUE(zero);
        EXPECT_EQ(zero->row, 41);
        EXPECT_EQ(zero->column, weighted ? 149 : 7);
      }
}

// In memory of the device, dense weights are used where they are, and uint8 X beside them.
TYPED_TEST(StorageTest, WeightsOnTheDeviceAreBorrowed) {
  using T = TypeParam;
  for (Layout layout : cases::kLayouts) {
    DenseStorage<T> host(counts_with_zeros(), layout, 3), host_weights(some_weights(), layout, 1);
    DenseStorage<std::uint8_t> host_bytes(counts_with_zeros(), layout, 5);
    const OnDevice<T> device(this->context, host), weights(this->context, host_weights);
    const OnDevice<std::uint8_t> bytes(this->context, host_bytes);
    const DenseView<const T> x = device.view, w = weights.view, x_host = host.view(), w_host = host_weights.view();
    const Matrix<T> borrowed(this->context, x, w), copied(this->context, x_host, w_host);
    EXPECT_EQ(borrowed.bytes(), 0);
    EXPECT_EQ(copied.bytes(), 2 * 61 * 43 * static_cast<std::int64_t>(sizeof(T)));
    EXPECT_EQ(fits_of(borrowed), fits_of(copied));
    const Matrix<T> of_bytes(this->context, bytes.view, {Storage::uint8, Missing::zeros});
    EXPECT_EQ(of_bytes.bytes(), 0);
    EXPECT_EQ(fits_of(of_bytes), fits_of(Matrix<T>(this->context, x, {.missing = Missing::zeros})));
    EXPECT_THROW(Matrix<T>(this->context, x, w_host), InvalidArgument);
    DenseView<const T> lies = w_host;
    lies.space = MemorySpace::device;
    EXPECT_THROW(Matrix<T>(this->context, x, lies), InvalidArgument);
  }
}

// Those of sparse X too, if its entries are sorted; otherwise they are sorted with it.
TYPED_TEST(StorageTest, WeightsOfSparseXFollowIt) {
  using T = TypeParam;
  const CsrStorage<T> sorted(sparsify(counts_with_zeros()));
  const oracle::Dense all = some_weights();
  std::vector<T> weights;
  for (const auto& [i, j, value] : sorted.oracle().entries) weights.push_back(static_cast<T>(all(i, j)));
  auto reversed = sorted;  // within each row
  auto reversed_weights = weights;
  for (std::size_t i = 0; i + 1 < reversed.offsets().size(); ++i) {
    const auto reverse = [&](auto& numbers) {
      std::reverse(numbers.begin() + reversed.offsets()[i], numbers.begin() + reversed.offsets()[i + 1]);
    };
    reverse(reversed.indices());
    reverse(reversed.values());
    reverse(reversed_weights);
  }
  const auto with_matrix = [&](const CsrStorage<T>& storage, const std::vector<T>& given, bool on_device, auto&& use) {
    Placed<T> placed(this->context);
    const CsrView<T> view = on_device ? placed(storage.view()) : storage.view();
    const DenseView<const T> line{given.data(), 1, view.nonzeros, view.nonzeros};
    use(Matrix<T>(this->context, view, on_device ? placed(line).data : given.data()));
  };
  const auto nonzeros = static_cast<std::int64_t>(weights.size()), size = static_cast<std::int64_t>(sizeof(T));
  const std::int64_t of_rows = nonzeros * (2 * size + 4) + 8 * (61 + 1);
  const std::int64_t of_columns = nonzeros * (2 * size + 4) + 8 * (43 + 1);
  std::vector<std::vector<double>> expected;
  with_matrix(sorted, weights, true, [&](const Matrix<T>& x) {
    EXPECT_EQ(x.bytes(), of_columns);  // what is there is borrowed
    expected = fits_of(x);
  });
  for (bool on_device : {false, true}) {
    with_matrix(reversed, reversed_weights, on_device, [&](const Matrix<T>& x) {
      EXPECT_EQ(x.bytes(), of_rows + of_columns);
      EXPECT_EQ(fits_of(x), expected);
    });
  }
  auto repeated = reversed;
  std::int64_t row = 0;  // the second that has two entries, and another one
  for (std::int64_t i = 0, found = 0; i < 61 && found < 3; ++i) {
    const auto first = static_cast<std::size_t>(repeated.offsets()[static_cast<std::size_t>(i)]);
    if (repeated.offsets()[static_cast<std::size_t>(i) + 1] - repeated.offsets()[static_cast<std::size_t>(i)] < 2)
      continue;
    if (++found == 2) row = i;
    if (found >= 2) repeated.indices()[first + 1] = repeated.indices()[first];
  }
  const auto column = repeated.indices()[static_cast<std::size_t>(repeated.offsets()[static_cast<std::size_t>(row)])];
  try {
    with_matrix(repeated, reversed_weights, true, [](const Matrix<T>&) { ADD_FAILURE() << "accepted an entry twice"; });
  } catch (const InvalidArgument& e) {
    EXPECT_EQ(e.name(), "X(" + std::to_string(row) + ", " + std::to_string(column) + ")");
    EXPECT_EQ(e.value(), "stored twice");
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
