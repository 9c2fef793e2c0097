// Products of X, the pass and the loss against the textbook: dense and sparse, for every instruction set.

#include "host/core/data_matrix.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "host/core/runtime.hpp"
#include "host/core/update_rule.hpp"
#include "orthant/matrix.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/simd_targets.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using cases::Content;
using cases::MatrixCase;
using core::Side;

// Slack for sums whose terms are below the normal numbers of T.
template <class T>
constexpr double kSmallest = std::numeric_limits<T>::min();

template <class Value>
class DataMatrix : public SimdTest<Value> {
 public:
  // Calls check(X, the same X for the oracle) for dense X of all cases.
  template <class Check>
  void for_each_dense(Check check) {
    for (const MatrixCase& c : cases::dense_cases()) {
      SCOPED_TRACE(c.name());
      const DenseStorage<Value> storage(cases::make_dense(c, 11), c.layout, c.padding);
      const Matrix<Value> x(this->context(), storage.view());
      check(c, *this->staged(x), storage.oracle());
    }
  }

  // The same for sparse X with both widths of column indices.
  template <class Check>
  void for_each_sparse(Check check) {
    for (const MatrixCase& c : cases::sparse_cases()) {
      SCOPED_TRACE(c.name());
      const CsrStorage<Value, std::int32_t> narrow(cases::make_sparse(c, 12));
      check(c, *this->staged(Matrix<Value>(this->context(), narrow.view())), narrow.oracle());
      if (c.rank != 33) continue;
      SCOPED_TRACE("64-bit column indices");
      const CsrStorage<Value, std::int64_t> wide(narrow.oracle());
      check(c, *this->staged(Matrix<Value>(this->context(), wide.view())), narrow.oracle());
    }
  }

  // Larger than the blocks and panels of the kernels, and not a multiple of anything.
  template <class Check>
  void for_each_large(Check check) {
    for (auto [rows, columns] : {std::pair<std::int64_t, std::int64_t>{9001, 67}, {67, 9001}})
      for (Layout layout : cases::kLayouts) {
        const MatrixCase c{rows, columns, 33, -1, layout, 3};
        SCOPED_TRACE(c.name());
        const DenseStorage<Value> storage(cases::make_dense(c, 11), c.layout, c.padding);
        const Matrix<Value> x(this->context(), storage.view());
        check(c, *this->staged(x), storage.oracle());
      }
    const MatrixCase c{40000, 3001, 20, 300000};
    SCOPED_TRACE(c.name());
    const CsrStorage<Value> storage(cases::make_sparse(c, 12));
    check(c, *this->staged(Matrix<Value>(this->context(), storage.view())), storage.oracle());
  }

  // `sparse` cases of every kind follow the dense ones.
  template <class Check>
  void for_each(Check check) {
    for_each_dense(check);
    for_each_sparse(check);
    if (!cases::few_cases()) for_each_large(check);
  }

  core::Workspace workspace() { return core::Workspace(this->context().runtime()->memory()); }
};

// X as the local side sees it: its rows belong to the local factor.
template <class X>
X oriented(Side local, const X& x) {
  return local == Side::w ? x : oracle::transpose(x);
}

SIMD_TEST(DataMatrix, Statistics) {
  this->for_each([](const MatrixCase& c, const auto& x, const auto& expected) {
    EXPECT_EQ(x.shape().rows, c.rows);
    EXPECT_EQ(x.shape().columns, c.columns);
    const oracle::Dense dense = [&] {
      if constexpr (std::is_same_v<std::decay_t<decltype(expected)>, oracle::Dense>) {
        EXPECT_EQ(x.shape().nonzeros, -1);
        return expected;
      } else {
        EXPECT_EQ(x.shape().nonzeros, static_cast<std::int64_t>(expected.entries.size()));
        return c.rows * c.columns < 1000000 ? oracle::densify(expected) : oracle::Dense();
      }
    }();
    if (dense.values.empty()) return;
    const auto empty_rows = [](const oracle::Dense& d) {
      std::int64_t empty = 0;
      for (std::int64_t i = 0; i < d.rows; ++i) {
        bool all_zero = true;
        for (std::int64_t j = 0; j < d.columns; ++j) all_zero &= d(i, j) == 0;
        empty += all_zero;
      }
      return empty;
    };
    const auto statistics = x.statistics();
    const auto tolerance = Tolerance<double>::sum(c.rows * c.columns);
    EXPECT_TRUE(number_near(statistics.sum, oracle::sum(dense), tolerance));
    EXPECT_TRUE(number_near(statistics.squared_norm, oracle::squared_norm(dense), tolerance));
    EXPECT_EQ(statistics.empty_rows, empty_rows(dense));
    EXPECT_EQ(statistics.empty_columns, empty_rows(oracle::transpose(dense)));
  });
}

// Lines longer than any vector, and no multiple of one: each lane has to look.
SIMD_TEST(DataMatrix, FindsABadValueWhereverItIs) {
  using T = TypeParam;
  const std::int64_t n = 37, step = cases::few_cases() ? 6 : 1;
  for (const T bad : {T(-1), std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()}) {
    for (std::int64_t place = 0; place < n; place += step) {
      oracle::Sparse sparse{2, n, {}};
      DenseStorage<T> dense(2, n);
      for (std::int64_t j = 0; j < n; ++j) {
        dense(1, j) = j == place ? bad : T(1);
        sparse.entries.push_back({1, j, static_cast<double>(dense(1, j))});
      }
      const std::string expected = "X(1, " + std::to_string(place) + ")";
      const CsrStorage<T> rows(sparse);
      const auto refused = [&](const auto& view) {
        try {
          const Matrix<T> x(this->context(), view);
          return std::string("nothing");
        } catch (const InvalidArgument& e) {
          return e.name();
        }
      };
      EXPECT_EQ(refused(dense.view()), expected);
      EXPECT_EQ(refused(rows.view()), expected);
    }
  }
}

SIMD_TEST(DataMatrix, Product) {
  using T = TypeParam;
  this->for_each([&](const MatrixCase& c, const core::DataMatrix<T>& x, const auto& expected) {
    auto workspace = this->workspace();
    for (Side side : {Side::h, Side::w}) {
      // product(h) has H and gives r for the rows; product(w) has W and gives r for the columns.
      const auto xt = oriented(core::other(side), expected);
      const FactorStorage<T> f(cases::make_factor(c.rank, xt.columns, 13, c.content), c.padding);
      const auto exact = transpose(multiply(xt, transpose(f.oracle())));
      // Sparse X is never padded here: both factors are packed once, which is what cuSPARSE can have.
      for (const std::int64_t padding : c.sparse() ? std::vector<std::int64_t>{0, 3} : std::vector{3 - c.padding}) {
        FactorStorage<T> r(c.rank, xt.rows, padding);
        x.product(side, f.factor(), r.factor(), workspace);
        ASSERT_TRUE(entries_near(r.oracle(), exact, Tolerance<T>::sum(xt.columns), kSmallest<T>))
            << (side == Side::h ? "H X'" : "W' X") << ", padding of the result " << padding;
        ASSERT_TRUE(r.gaps_untouched());
      }
    }
  });
}

// Factors larger than caches, whose columns sparse products fetch ahead, and that they visit in bands; of ranks whose
// last components are a vector, less than half of one, less than a quarter, and part of one.
SIMD_TEST(DataMatrix, ProductOfLargeFactor) {
  using T = TypeParam;
  if (cases::few_cases()) return;
  for (int rank : {5, 12, 20, 34, 39, 64}) {
    const MatrixCase c{40000, 300, rank, 60000};
    SCOPED_TRACE(c.name());
    const CsrStorage<T> storage(cases::make_sparse(c, 12));
    const Matrix<T> x(this->context(), storage.view());
    auto workspace = this->workspace();
    const FactorStorage<T> f(cases::make_factor(rank, c.rows, 13), 3);
    FactorStorage<T> r(rank, c.columns, 3);
    this->staged(x)->product(Side::w, f.factor(), r.factor(), workspace);
    const auto exact = transpose(multiply(transpose(storage.oracle()), transpose(f.oracle())));
    EXPECT_TRUE(entries_near(r.oracle(), exact, Tolerance<T>::sum(c.rows), kSmallest<T>));
    EXPECT_TRUE(r.gaps_untouched());
  }
}

// The randomized SVD multiplies X by factors of both signs.
SIMD_TEST(DataMatrix, ProductOfSignedFactor) {
  using T = TypeParam;
  const auto values = cases::make_dense(257, 101, Content::uniform, 11);
  const DenseStorage<T> storage(values);
  const Matrix<T> x(this->context(), storage.view());
  auto workspace = this->workspace();
  auto signs = cases::make_factor(20, 101, 13);
  for (std::size_t i = 0; i < signs.values.size(); i += 2) signs.values[i] *= -1;
  const FactorStorage<T> f(signs);
  FactorStorage<T> r(20, 257);
  this->staged(x)->product(Side::h, f.factor(), r.factor(), workspace);
  const auto exact = [&](const oracle::Dense& a) { return transpose(multiply(storage.oracle(), transpose(a))); };
  EXPECT_TRUE(entries_near(r.oracle(), exact(f.oracle()), Tolerance<T>::sum(101), exact(absolute(f.oracle()))));
}

SIMD_TEST(DataMatrix, PassOfHalsIsProductUpdateProduct) {
  using T = TypeParam;
  this->for_each([&](const MatrixCase& c, const core::DataMatrix<T>& x, const auto& expected) {
    if (c.content == Content::denormal) return;  // the next test's
    auto workspace = this->workspace();
    const auto rule = core::make_update_rule(this->device_backend(), Options{.solver = Solver::hals, .sweeps = 1},
                                             core::ScaledPenalty{0.01, 0.1}, nullptr);
    for (Side side : {Side::w, Side::h}) {
      SCOPED_TRACE(side == Side::w ? "local W" : "local H");
      const auto xt = oriented(side, expected);
      FactorStorage<T> local(cases::make_factor(c.rank, xt.rows, 14, c.content), c.padding);
      const FactorStorage<T> fixed(cases::make_factor(c.rank, xt.columns, 15), 3 - c.padding);
      DenseStorage<T> g(oracle::gram(fixed.oracle()));
      FactorStorage<T> r(c.rank, xt.columns, c.padding);

      const oracle::Penalty penalty{0.01, 0.1};
      const auto old = local.oracle();
      const auto terms = transpose(multiply(xt, transpose(fixed.oracle())));
      const auto updated = oracle::hals(old, g.oracle(), terms, penalty);
      const auto scale = oracle::hals_scale(old, g.oracle(), terms, penalty);
      const auto kkt = oracle::kkt_along_sweep(old, g.oracle(), terms, penalty);

      core::KktSums sums{-1, -1};
      x.pass(side, local.factor(), fixed.factor(), {g.values().data(), c.rank}, *rule, r.factor(), &sums, workspace);

      const double tolerance = Tolerance<T>::sum(xt.columns) + Tolerance<T>::hals_sweep(c.rank);
      ASSERT_TRUE(entries_near(local.oracle(), updated, tolerance, scale));
      const auto with = [&](const oracle::Dense& f) { return transpose(multiply(transpose(xt), transpose(f))); };
      ASSERT_TRUE(entries_near(r.oracle(), with(updated), tolerance + Tolerance<T>::sum(xt.rows), with(scale)));
      ASSERT_TRUE(local.gaps_untouched());
      ASSERT_TRUE(r.gaps_untouched());
      EXPECT_TRUE(number_near(sums.step_squared, kkt.step_squared, tolerance, tolerance * kkt.product_squared));
      EXPECT_TRUE(number_near(sums.product_squared, kkt.product_squared, tolerance));
    }
  });
}

SIMD_TEST(DataMatrix, PassOfMultiplicativeUpdateIsProductUpdateProduct) {
  using T = TypeParam;
  this->for_each([&](const MatrixCase& c, const core::DataMatrix<T>& x, const auto& expected) {
    auto workspace = this->workspace();
    const auto rule =
        core::make_update_rule(this->device_backend(), Options{.solver = Solver::multiplicative_update, .sweeps = 1},
                               core::ScaledPenalty{}, nullptr);
    for (Side side : {Side::w, Side::h}) {
      SCOPED_TRACE(side == Side::w ? "local W" : "local H");
      const auto xt = oriented(side, expected);
      FactorStorage<T> local(cases::make_factor(c.rank, xt.rows, 14), c.padding);
      const FactorStorage<T> fixed(cases::make_factor(c.rank, xt.columns, 15), 3 - c.padding);
      DenseStorage<T> g(oracle::gram(fixed.oracle()));
      FactorStorage<T> r(c.rank, xt.columns, c.padding);

      const auto old = local.oracle();
      const auto terms = transpose(multiply(xt, transpose(fixed.oracle())));
      const auto updated = oracle::multiplicative_update(old, g.oracle(), terms);
      const auto kkt = oracle::kkt(old, g.oracle(), terms);

      core::KktSums sums{-1, -1};
      x.pass(side, local.factor(), fixed.factor(), {g.values().data(), c.rank}, *rule, r.factor(), &sums, workspace);

      const double tolerance = Tolerance<T>::sum(xt.columns) + Tolerance<T>::sum(c.rank) + Tolerance<T>::elementwise();
      // Results below the normal numbers are flushed: all of them here, if X is denormal.
      ASSERT_TRUE(entries_near(local.oracle(), updated, tolerance, 2 * kSmallest<T>));
      const auto with = [&](const oracle::Dense& f) { return transpose(multiply(transpose(xt), transpose(f))); };
      ASSERT_TRUE(entries_near(r.oracle(), with(updated), tolerance + Tolerance<T>::sum(xt.rows), kSmallest<T>));
      if (c.content == Content::denormal) continue;
      EXPECT_TRUE(number_near(sums.step_squared, kkt.step_squared, tolerance, tolerance * kkt.product_squared));
      EXPECT_TRUE(number_near(sums.product_squared, kkt.product_squared, tolerance));
    }
  });
}

SIMD_TEST(DataMatrix, PassWithProbeLeavesTheFactor) {
  using T = TypeParam;
  const MatrixCase c{257, 101, 33};
  const DenseStorage<T> storage(cases::make_dense(c, 11));
  const Matrix<T> x(this->context(), storage.view());
  const auto rule = core::make_kkt_probe(this->device_backend(), core::ScaledPenalty{});
  auto workspace = this->workspace();
  FactorStorage<T> w(cases::make_factor(33, 257, 14)), r(33, 101);
  const FactorStorage<T> h(cases::make_factor(33, 101, 15));
  const DenseStorage<T> g(oracle::gram(h.oracle()));
  const auto before = w.oracle();
  core::KktSums sums;
  this->staged(x)->pass(Side::w, w.factor(), h.factor(), {g.values().data(), 33}, *rule, r.factor(), &sums, workspace);
  EXPECT_EQ(w.oracle().values, before.values);
  const auto [gram, product] = oracle::terms(transpose(storage.oracle()), transpose(h.oracle()));
  const auto kkt = oracle::kkt(before, gram, product);
  EXPECT_TRUE(number_near(sums.step_squared, kkt.step_squared, Tolerance<T>::sum(257),
                          Tolerance<T>::sum(257) * kkt.product_squared));
}

// The residual, not X, is what the loss is relative to. For sparse X the zeros' part is a difference of sums over all
// of WH, so that rounding (of double, also for float) is relative to ||WH||^2.
SIMD_TEST(DataMatrix, Loss) {
  using T = TypeParam;
  this->for_each([&](const MatrixCase& c, const core::DataMatrix<T>& x, const auto& expected) {
    if (c.rows * c.columns > 1000000) return;
    auto workspace = this->workspace();
    const FactorStorage<T> w(cases::make_factor(c.rank, c.rows, 16), c.padding);
    const FactorStorage<T> h(cases::make_factor(c.rank, c.columns, 17));
    const auto wt = transpose(w.oracle());
    double loss = -1;
    x.loss(w.factor(), h.factor(), &loss, workspace);
    EXPECT_TRUE(number_near(loss, oracle::loss(expected, wt, h.oracle()), Tolerance<double>::sum(c.rows * c.columns)));
  });
}

SIMD_TEST(DataMatrix, TinyLoss) {
  using T = TypeParam;
  const FactorStorage<T> w(cases::make_factor(7, 257, 16)), h(cases::make_factor(7, 101, 17));
  auto values = oracle::multiply(transpose(w.oracle()), h.oracle());
  for (auto& value : values.values) value *= 1 + 1e-6;
  const DenseStorage<T> dense(values);
  const auto exact = oracle::loss(dense.oracle(), transpose(w.oracle()), h.oracle());
  ASSERT_LT(exact, 1e-11 * oracle::squared_norm(values));
  auto workspace = this->workspace();
  double loss = -1;
  this->staged(Matrix<T>(this->context(), dense.view()))->loss(w.factor(), h.factor(), &loss, workspace);
  EXPECT_TRUE(
      number_near(loss, exact, 0, Tolerance<double>::sum(7) * std::sqrt(2 * exact * oracle::squared_norm(values))));

  oracle::Sparse entries{257, 101, {}};
  for (std::int64_t i = 0; i < 257; ++i)
    for (std::int64_t j = 0; j < 101; ++j)
      if (values(i, j) > 0) entries.entries.push_back({i, j, values(i, j)});
  const CsrStorage<T> sparse(entries);
  this->staged(Matrix<T>(this->context(), sparse.view()))->loss(w.factor(), h.factor(), &loss, workspace);
  EXPECT_TRUE(number_near(loss, exact, 0, Tolerance<double>::sum(7) * oracle::squared_norm(values)));
}

// A workspace that has grown for one matrix serves another.
SIMD_TEST(DataMatrix, WorkspaceIsReusable) {
  using T = TypeParam;
  auto workspace = this->workspace();
  for (std::int64_t rows : {1000, 33, 257}) {
    const DenseStorage<T> storage(cases::make_dense(rows, 101, Content::uniform, 11));
    const Matrix<T> x(this->context(), storage.view());
    const FactorStorage<T> w(cases::make_factor(32, rows, 13));
    FactorStorage<T> r(32, 101);
    this->staged(x)->product(Side::w, w.factor(), r.factor(), workspace);
    EXPECT_TRUE(entries_near(r.oracle(), multiply(w.oracle(), storage.oracle()), Tolerance<T>::sum(rows)));
  }
}

}  // namespace
}  // namespace orthant::test
