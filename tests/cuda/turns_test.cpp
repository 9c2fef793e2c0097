// What takes several turns: kernels step over items of which there are more than the grid has threads, and dense X is
// converted a few lines at a time. On a small device few items suffice for that. X, weights and factors are integers,
// so that all sums are exact and comparisons too.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"
#include "orthant/error.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/cuda/small_device.hpp"
#include "tests/placed.hpp"
#include "tests/staged.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using core::Side;
using Real = float;

// What another entry would be instead differs from each.
double integer_at(std::int64_t i, std::int64_t j) { return static_cast<double>(1 + (i * 31 + j * 17) % 251); }

FactorStorage<Real> integer_factor(int rank, std::int64_t count) {
  oracle::Dense f(rank, count);
  for (int c = 0; c < rank; ++c)
    for (std::int64_t j = 0; j < count; ++j) f(c, j) = static_cast<double>((c * 5 + j * 3) % 7);
  return f;
}

// H X' (side h) or W' X, of rank 3.
std::vector<double> product(const Matrix<Real>& x, Side side) {
  const FactorStorage<Real> f = integer_factor(3, side == Side::h ? x.columns() : x.rows());
  FactorStorage<Real> r(3, side == Side::h ? x.rows() : x.columns());
  core::Workspace workspace(x.context().runtime()->memory());
  StagedMatrix<Real>(x.context().runtime()->backend(Real{}), *x.data())
      .product(side, f.factor(), r.factor(), workspace);
  return r.oracle().values;
}

// ||X - WH||^2 for the same W and H.
double loss_of(const Matrix<Real>& x) {
  const FactorStorage<Real> w = integer_factor(3, x.rows()), h = integer_factor(3, x.columns());
  double loss = -1;
  core::Workspace workspace(x.context().runtime()->memory());
  StagedMatrix<Real>(x.context().runtime()->backend(Real{}), *x.data()).loss(w.factor(), h.factor(), &loss, workspace);
  return loss;
}

// The same by the textbook.
template <class X>
double expected_loss(const X& x) {
  return oracle::loss(x, transpose(integer_factor(3, x.rows).oracle()), integer_factor(3, x.columns).oracle());
}
template <class X>
std::vector<double> expected_product(const X& x, Side side) {
  const X a = side == Side::h ? x : oracle::transpose(x);
  return oracle::transpose(oracle::multiply(a, oracle::transpose(integer_factor(3, a.columns).oracle()))).values;
}

std::string name_of_refused(const std::function<void()>& make) {
  try {
    make();
    return "nothing";
  } catch (const InvalidArgument& e) {
    return e.name();
  }
}

// More entries, rows and columns than 32 blocks have threads; with empty rows and columns, and a long one of each at
// the end. In no order, every third of them in two parts.
oracle::Sparse shuffled_entries() {
  oracle::Sparse x{2500, 2300, {}};
  const auto add = [&](std::int64_t i, std::int64_t j) { x.entries.push_back({i, j, integer_at(i, j)}); };
  for (std::int64_t p = 0; p < 5000; ++p) {
    const std::int64_t i = p * 7919 % 2499, j = p * 104729 % 2299;
    if (i % 10 != 3 && j % 8 != 5) add(i, j);
  }
  for (std::int64_t p = 0; p < 600; ++p) {
    add(2499, 4 * p % 2299);
    add(4 * p % 2499, 2299);
  }
  for (std::size_t p = 0, end = x.entries.size(); p < end; p += 3) add(x.entries[p].row, x.entries[p].column);
  std::shuffle(x.entries.begin(), x.entries.end(), std::mt19937_64(3));
  return x;
}

oracle::Sparse added_up(const oracle::Sparse& x) {
  std::map<std::pair<std::int64_t, std::int64_t>, double> sums;
  for (const auto& [i, j, value] : x.entries) sums[{i, j}] += value;
  oracle::Sparse out{x.rows, x.columns, {}};
  for (const auto& [place, value] : sums) out.entries.push_back({place.first, place.second, value});
  return out;
}

std::int64_t empty_rows(const oracle::Sparse& x) {
  std::vector<bool> empty(static_cast<std::size_t>(x.rows), true);
  for (const auto& entry : x.entries) empty[static_cast<std::size_t>(entry.row)] = false;
  return std::count(empty.begin(), empty.end(), true);
}

TEST_F(CudaLimits, SparseXOfMoreEntriesThanThreads) {
  const oracle::Sparse entries = shuffled_entries(), x = added_up(entries);
  double sum = 0, squared_norm = 0;
  for (const auto& entry : x.entries) {
    sum += entry.value;
    squared_norm += entry.value * entry.value;
  }
  const auto expected_h = expected_product(x, Side::h), expected_w = expected_product(x, Side::w);
  const double expected = expected_loss(x);
  const auto expect_x = [&](const Matrix<Real>& made) {
    EXPECT_EQ(made.nonzeros(), static_cast<std::int64_t>(x.entries.size()));
    EXPECT_EQ(made.sum(), sum);
    EXPECT_EQ(made.squared_norm(), squared_norm);
    EXPECT_EQ(made.empty_rows(), empty_rows(x));
    EXPECT_EQ(made.empty_columns(), empty_rows(transpose(x)));
    EXPECT_EQ(product(made, Side::h), expected_h);
    EXPECT_EQ(product(made, Side::w), expected_w);
    EXPECT_EQ(loss_of(made), expected);
  };
  CsrStorage<Real> nearly_sorted(x);
  const std::size_t last = nearly_sorted.values().size() - 1;
  std::swap(nearly_sorted.indices()[last], nearly_sorted.indices()[last - 1]);
  std::swap(nearly_sorted.values()[last], nearly_sorted.values()[last - 1]);
  for (SparseProduct product : {SparseProduct::row_gather, SparseProduct::cusparse}) {
    const Context context = Context::cuda({.sparse_product = product});
    expect_x({context, CooStorage<Real>(entries).view()});
    expect_x({context, CooStorage<Real, std::int64_t>(entries).view()});
    expect_x({context, CsrStorage<Real>(entries).view()});
    expect_x({context, CsrStorage<Real, std::int64_t>(x).view()});
    expect_x({context, nearly_sorted.view()});
  }
}

TEST_F(CudaLimits, WeightsOfMoreEntriesThanThreads) {
  oracle::Sparse x = added_up(shuffled_entries());
  std::shuffle(x.entries.begin(), x.entries.end(), std::mt19937_64(4));
  std::vector<Real> weights;
  double sum = 0, weight = 0;
  for (const auto& [i, j, value] : x.entries) {
    weights.push_back(static_cast<Real>((i + j) % 4));
    weight += weights.back();
    sum += weights.back() * value;
  }
  const Matrix<Real> made(Context::cuda(), CooStorage<Real>(x).view(), weights.data());
  EXPECT_EQ(made.weight(), weight);
  EXPECT_EQ(made.sum(), sum);
  EXPECT_EQ(product(made, Side::h), expected_product(x, Side::h));
}

TEST_F(CudaLimits, NamesEntriesBeyondTheFirstTurn) {
  const Context context = Context::cuda();
  const oracle::Sparse x = added_up(shuffled_entries());
  const std::string p = std::to_string(x.entries.size() - 1), column = std::to_string(x.entries.back().column);
  const auto refused = [&](auto storage, const auto& spoil) {
    spoil(storage);
    return name_of_refused([&] { Matrix<Real>(context, storage.view()); });
  };
  const std::string bad_row = "X.row_indices[" + p + "]";
  const std::string bad_column = "X.column_indices[" + p + "] (row 2499)";
  EXPECT_EQ(refused(CooStorage<Real>(x), [](auto& s) { s.row_indices().back() = 2500; }), bad_row);
  EXPECT_EQ(refused(CooStorage<Real>(x), [](auto& s) { s.column_indices().back() = -1; }), bad_column);
  EXPECT_EQ(refused(CsrStorage<Real>(x), [](auto& s) { s.indices().back() = 2300; }), bad_column);
  EXPECT_EQ(refused(CsrStorage<Real>(x), [](auto& s) { s.values().back() = -1; }), "X(2499, " + column + ")");
  EXPECT_EQ(refused(CsrStorage<Real>(x), [](auto& s) { s.offsets()[2400] = s.offsets()[2399] - 1; }),
            "X.row_offsets[2400]");
}

TEST_F(CudaLimits, FindsZerosBeyondTheFirstTurn) {
  const Context context = Context::cuda();
  const auto expect_zero = [](const Matrix<Real>& x, std::int64_t row, std::int64_t column) {
    const auto found = x.data()->find_zero();
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->row, row);
    EXPECT_EQ(found->column, column);
  };
  oracle::Sparse all{2500, 2, {}};
  for (std::int64_t i = 0; i < all.rows; ++i)
    for (std::int64_t j = 0; j < all.columns; ++j)
      if (i != 2400 || j != 1) all.entries.push_back({i, j, 1});
  expect_zero({context, CsrStorage<Real>(all).view()}, 2400, 1);
  oracle::Sparse stored = added_up(shuffled_entries());
  auto& last = stored.entries.back();
  last.value = 0;
  expect_zero({context, CsrStorage<Real>(stored).view(), {.missing = Missing::zeros}}, last.row, last.column);
}

// Also where the first bad entry in row order is not the first in memory.
TEST_F(CudaLimits, DenseXOfMoreTilesThanBlocks) {
  const Context context = Context::cuda();
  oracle::Dense x(300, 1300);
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t j = 0; j < x.columns; ++j) x(i, j) = i % 7 == 3 || j % 11 == 5 ? 0 : integer_at(i, j);
  for (Layout layout : cases::kLayouts) {
    SCOPED_TRACE(cases::name(layout));
    DenseStorage<Real> storage(x, layout, 3);
    const Matrix<Real> made(context, storage.view());
    EXPECT_EQ(made.sum(), oracle::sum(x));
    EXPECT_EQ(made.squared_norm(), oracle::squared_norm(x));
    EXPECT_EQ(made.empty_rows(), 43);
    EXPECT_EQ(made.empty_columns(), 118);
    EXPECT_EQ(loss_of(made), expected_loss(x));
    storage(291, 1290) = storage(292, 7) = storage(299, 0) = -1;
    EXPECT_EQ(name_of_refused([&] { Matrix<Real>(context, storage.view()); }), "X(291, 1290)");
    for (Real& value : storage.values()) value = 1;
    storage(291, 1290) = storage(292, 7) = storage(299, 0) = 0;
    const auto zero = Matrix<Real>(context, storage.view()).data()->find_zero();
    ASSERT_TRUE(zero.has_value());
    EXPECT_EQ(std::pair(zero->row, zero->column), std::pair(std::int64_t{291}, std::int64_t{1290}));
  }
}

// Entries of X are converted and narrowed from memory of the host and of the device, whose lines are apart.
template <class U>
void expect_panels_are_converted(const Context& context) {
  oracle::Dense x(100, 70);
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t j = 0; j < x.columns; ++j) x(i, j) = integer_at(i, j);
  for (Layout layout : cases::kLayouts) {
    const DenseStorage<U> storage(x, layout, 3);
    Placed<U> placed(context);
    for (const DenseView<const U>& view : {storage.view(), placed(storage.view())})
      for (Storage kept : {Storage::element_type, Storage::uint8, Storage::fp16, Storage::bf16}) {
        const Matrix<Real> made(context, view, {.storage = kept});
        EXPECT_EQ(product(made, Side::h), expected_product(x, Side::h));
        EXPECT_EQ(product(made, Side::w), expected_product(x, Side::w));
      }
  }
}
TEST_F(CudaLimits, DenseXIsConvertedInPanels) {
  const Context context = Context::cuda();
  expect_panels_are_converted<double>(context);
  expect_panels_are_converted<float>(context);
}

// Of several bad entries in several panels, the first in row order, which is neither in the first panel nor, in
// column-major X, in the first that has one.
TEST_F(CudaLimits, NamesTheFirstBadEntryOfAllPanels) {
  const Context context = Context::cuda();
  for (Layout layout : cases::kLayouts)
    for (Storage kept : {Storage::uint8, Storage::fp16, Storage::bf16, Storage::element_type}) {
      DenseStorage<double> x(100, 70, layout, 3);
      x(51, 66) = -7;
      x(52, 25) = -8;
      x(99, 0) = -9;
      try {
        Matrix<Real>(context, x.view(), {.storage = kept});
        ADD_FAILURE() << "accepted";
      } catch (const InvalidArgument& e) {
        EXPECT_EQ(e.name(), "X(51, 66)");
        EXPECT_EQ(e.value(), "-7");
      }
    }
}

// An entry without a weight, or one that is missing, may hold anything; its place in another panel has a weight.
TEST_F(CudaLimits, EntriesOfAllPanelsCountByTheirOwnWeights) {
  const Context context = Context::cuda();
  constexpr std::int64_t kRows = 100, kColumns = 70;
  for (Layout layout : cases::kLayouts)
    for (Storage kept : {Storage::uint8, Storage::fp16, Storage::bf16}) {
      DenseStorage<Real> x(kRows, kColumns, layout, 3), weights(kRows, kColumns, layout, 1);
      double sum = 0;
      std::mt19937 random(5);
      for (std::int64_t i = 0; i < kRows; ++i)
        for (std::int64_t j = 0; j < kColumns; ++j) {
          weights(i, j) = static_cast<Real>(random() % 3);
          x(i, j) = weights(i, j) == 0 ? Real(-1) : static_cast<Real>(integer_at(i, j));
          sum += weights(i, j) * (weights(i, j) == 0 ? 0 : x(i, j));
        }
      const auto make = [&] {
        return Matrix<Real>(context, std::as_const(x).view(), std::as_const(weights).view(), {.storage = kept});
      };
      EXPECT_EQ(make().sum(), sum);
      std::int64_t row = 90, column = 65;  // in the last panel of either layout
      while (weights(row, column) == 0) ++column;
      x(row, column) = -1;
      EXPECT_EQ(name_of_refused(make), "X(" + std::to_string(row) + ", " + std::to_string(column) + ")");
    }
}

// What other suites compare with the textbook on a large device, where every thread has one entry at most.
TEST_F(CudaLimits, FactorsOfMoreEntriesThanThreads) {
  constexpr int kRank = 5;
  constexpr std::int64_t kColumns = 5000;
  const FactorStorage<Real> factor(cases::make_factor(kRank, kColumns, 5), 3);
  const FactorStorage<Real> numerator(cases::make_factor(kRank, kColumns, 6), 3);
  const FactorStorage<Real> denominator(cases::make_factor(kRank, kColumns, 7), 3);
  const DenseStorage<Real> rows(cases::make_dense(kRank, kColumns, cases::Content::uniform, 8), Layout::row_major, 3);
  const std::vector<double> m = cases::make_factor(kRank, kRank, 9).values, scale(kRank, 1.5);
  const core::Momentum momentum{.accepted = 1, .weight = 0.5};
  using Call = std::function<void(const core::Backend<Real>&, core::Factor<Real>)>;
  const std::pair<const char*, Call> calls[] = {
      {"fill", [&](const auto& b, auto f) { b.fill(f, Real(7)); }},
      {"fill_uniform", [&](const auto& b, auto f) { b.fill_uniform(f, 3, Side::h, Real(2)); }},
      {"take_parts",
       [&](const auto& b, auto f) {
         b.take_parts(numerator.factor(), scale.data(), Real(0.1), Real(0.5), true, 3, Side::h, f);
       }},
      {"extrapolate",
       [&](const auto& b, auto f) {
         FactorStorage<Real> iterate = numerator;
         b.extrapolate(f, iterate.factor(), &momentum);
       }},
      {"multiply_small", [&](const auto& b, auto f) { b.multiply_small(m.data(), f); }},
      {"scale_by_ratio",
       [&](const auto& b, auto f) {
         b.scale_by_ratio(f, {{}, numerator.factor(), denominator.factor()}, {}, {.exponent = 1}, nullptr);
       }},
      {"copy_in", [&](const auto& b, auto f) { b.copy_in(rows.view(), f); }}};
  for (const auto& [name, call] : calls) {
    const auto made_on = [&, &call = call](const cudaDeviceProp& properties) {
      simt::set_properties(properties);
      const Context context = Context::cuda();
      FactorStorage<Real> f = factor;
      call(StagedBackend<Real>(context.runtime()->backend(Real{})), f.factor());
      EXPECT_TRUE(f.gaps_untouched());
      return f.oracle().values;
    };
    EXPECT_EQ(made_on(small_), made_on(large_)) << name;
  }
}

// Of a small rank, whose columns have a thread each, and of a larger one.
TEST_F(CudaLimits, UpdatesOfMoreColumnsThanThreads) {
  using T = double;
  const Context context = Context::cuda();
  const StagedBackend<T> backend(context.runtime()->backend(T{}));
  for (const std::pair<int, std::int64_t>& size : {std::pair<int, std::int64_t>{5, 5000}, {100, 1200}}) {
    const int rank = size.first;
    const std::int64_t count = size.second;
    SCOPED_TRACE("rank " + std::to_string(rank));
    const FactorStorage<T> start(cases::make_factor(rank, count, 1), 3);
    const DenseStorage<T> gram(oracle::gram(cases::make_factor(rank, rank + 20, 3)));
    FactorStorage<T> r(oracle::multiply(gram.oracle(), cases::make_factor(rank, count, 2)), 3);
    const core::Terms<T> terms{{gram.view().data, rank}, r.factor()};
    const auto before = start.oracle(), g = gram.oracle(), products = r.oracle();
    const auto expect_kkt = [&](const core::KktSums& found, const oracle::Kkt& expected, double tolerance) {
      EXPECT_TRUE(
          number_near(found.step_squared, expected.step_squared, tolerance, tolerance * expected.product_squared));
      EXPECT_TRUE(number_near(found.product_squared, expected.product_squared, Tolerance<T>::sum(rank * count)));
    };
    core::KktSums kkt{-1, -1};
    FactorStorage<T> f = start;
    backend.hals(f.factor(), terms, {}, 2, &kkt);
    EXPECT_TRUE(entries_near(f.oracle(), oracle::hals(before, g, products, {}, 2), 2 * Tolerance<T>::hals_sweep(rank),
                             oracle::hals_scale(before, g, products)));
    expect_kkt(kkt, oracle::kkt_along_sweep(before, g, products), Tolerance<T>::hals_sweep(rank));

    f = start;
    backend.multiplicative(f.factor(), terms, {}, &kkt);
    EXPECT_TRUE(entries_near(f.oracle(), oracle::multiplicative_update(before, g, products),
                             Tolerance<T>::elementwise() + Tolerance<T>::sum(rank)));
    expect_kkt(kkt, oracle::kkt(before, g, products), Tolerance<T>::sum(rank));

    kkt = {-1, -1};
    backend.kkt(start.factor(), terms, {}, &kkt);
    expect_kkt(kkt, oracle::kkt(before, g, products), Tolerance<T>::sum(rank));
  }
}

}  // namespace
}  // namespace orthant::test
