// Missing and weighted entries: terms, pass, loss and coordinate descent against the textbook, whatever lies under the
// mask, and what must hold for every fit.

#include <gtest/gtest.h>

#include "host/core/data_matrix.hpp"
#include "orthant/error.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/simd_targets.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using cases::Content;
using cases::MatrixCase;
using core::Side;

constexpr double kBetas[] = {2, 1, 0.5, 0, 1.5, -1, 3};
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// X as a caller has it, and what the oracle is told: entries with weights, 0 for those that are missing.
enum class Form { nan, zeros, weights, weights_and_nan, sparse, sparse_weights };
constexpr Form kForms[] = {Form::nan,    Form::zeros,         Form::weights, Form::weights_and_nan,
                           Form::sparse, Form::sparse_weights};
constexpr const char* kNames[] = {"nan", "zeros", "weights", "weights and nan", "sparse", "sparse weights"};

bool is_weighted(Form form) {
  return form == Form::weights || form == Form::weights_and_nan || form == Form::sparse_weights;
}

// Terms are those of the textbook times term_scale().
core::Divergence in_units(double beta) { return {beta, 1e-12, false, beta == 1 || beta == 2 ? 1 : 0.25}; }

/// Positive X of which about a third is missing, one row and one column wholly. `garbage`: what lies under the mask,
/// where something does.
template <class T>
class Incomplete {
 public:
  Incomplete(Form form, oracle::Dense values, Layout layout, std::int64_t padding, double garbage = kNaN)
      : form_(form), values_(std::move(values)), weights_(values_.rows, values_.columns), sparse_(oracle::Sparse{}) {
    std::mt19937 random(7);
    oracle::Dense stored(values_.rows, values_.columns), given = weights_;
    oracle::Sparse entries{values_.rows, values_.columns, {}}, entry_weights = entries;
    for (std::int64_t i = 0; i < values_.rows; ++i) {
      for (std::int64_t j = 0; j < values_.columns; ++j) {
        const auto draw = random() % 12;
        const bool missing = draw < 4 || (values_.rows > 2 && i == 1) || (values_.columns > 2 && j == 2);
        const double weight = !is_weighted(form) ? 1 : 0.25 * static_cast<double>(1 + draw % 5);
        weights_(i, j) = missing ? 0 : weight;
        const bool by_weight = form == Form::weights || (form == Form::weights_and_nan && draw % 2 == 0);
        given(i, j) = missing && by_weight ? 0 : weight;
        stored(i, j) = !missing                ? values_(i, j)
                       : form == Form::zeros   ? 0
                       : form == Form::weights ? garbage
                       : by_weight             ? garbage
                                               : kNaN;
        // Sparse X stores some of what its weights then leave out.
        if (missing && !(form == Form::sparse_weights && draw % 2 == 0)) continue;
        entries.entries.push_back({i, j, missing ? garbage : values_(i, j)});
        entry_weights.entries.push_back({i, j, weights_(i, j)});
      }
    }
    x_ = DenseStorage<T>(stored, layout, padding);
    given_ = DenseStorage<T>(given, layout, 3 - padding);
    sparse_ = CsrStorage<T>(entries);
    sparse_weights_ = CsrStorage<T>(entry_weights).values();
  }

  Matrix<T> on(const Context& context) const {
    const DenseView<const T> x = x_.view(), given = given_.view();
    switch (form_) {
      case Form::nan:
        return {context, x, {.missing = Missing::nan}};
      case Form::zeros:
        return {context, x, {.missing = Missing::zeros}};
      case Form::weights:
        return {context, x, given};
      case Form::weights_and_nan:
        return {context, x, given, {.missing = Missing::nan}};
      case Form::sparse:
        return {context, sparse_.view(), {.missing = Missing::zeros}};
      case Form::sparse_weights:
        break;
    }
    return {context, sparse_.view(), sparse_weights_.data()};
  }
  oracle::Dense values() const { return DenseStorage<T>(values_).oracle(); }
  const oracle::Dense& weights() const { return weights_; }

 private:
  Form form_;
  oracle::Dense values_, weights_;
  DenseStorage<T> x_{1, 1}, given_{1, 1};
  CsrStorage<T> sparse_;
  std::vector<T> sparse_weights_;
};

/// No V near zero, so that every beta is defined.
oracle::Dense positive(oracle::Dense d) {
  for (auto& value : d.values) value = static_cast<double>(static_cast<float>(value + 0.25));
  return d;
}
oracle::Dense oriented(Side local, const oracle::Dense& x) { return local == Side::w ? x : oracle::transpose(x); }

template <class T>
double tolerance_of(double beta, std::int64_t depth) {
  return (std::abs(beta - 2) + std::abs(beta - 1) + 1) * (Tolerance<T>::sum(depth) + Tolerance<T>::elementwise());
}

template <class Value>
class MissingTerms : public SimdTest<Value> {
 public:
  // check(X, its values and weights, rank, padding, beta)
  template <class Check>
  void for_each(Check check) {
    struct Shape {
      std::int64_t rows, columns;
      int rank;
    };
    std::size_t number = 0;
    for (const Shape& s : {Shape{70, 101, 17}, {101, 70, 3}, {1, 300, 5}, {300, 1, 5}, {33, 257, 33}, {257, 65, 130}}) {
      for (Form form : kForms) {
        const Layout layout = cases::kLayouts[number % 2];
        const std::int64_t padding = cases::kPaddings[number / 2 % 2];
        const double beta = kBetas[number++ % std::size(kBetas)];
        if (cases::few_cases() && number % 3 != 0 && s.rank > 17) continue;
        SCOPED_TRACE(std::string(kNames[static_cast<int>(form)]) + " " + std::to_string(s.rows) + " x " +
                     std::to_string(s.columns) + " rank " + std::to_string(s.rank) + " beta " + std::to_string(beta));
        const Incomplete<Value> x(form, positive(cases::make_dense(s.rows, s.columns, Content::uniform, 11)), layout,
                                  padding);
        const Matrix<Value> matrix = x.on(this->context());
        check(*this->staged(matrix), x.values(), x.weights(), s.rank, padding, beta);
      }
    }
  }
  core::Workspace workspace() { return core::Workspace(this->context().runtime()->memory()); }
};
SIMD_TEST(MissingTerms, StatisticsAreOfWhatCounts) {
  using T = TypeParam;
  this->for_each([&](const core::DataMatrix<T>& x, const oracle::Dense& values, const oracle::Dense& weights, int,
                     std::int64_t, double) {
    double sum = 0, squares = 0, weight = 0;
    std::vector<bool> row(static_cast<std::size_t>(values.rows)), column(static_cast<std::size_t>(values.columns));
    for (std::int64_t i = 0; i < values.rows; ++i) {
      for (std::int64_t j = 0; j < values.columns; ++j) {
        if (weights(i, j) == 0) continue;
        sum += weights(i, j) * values(i, j);
        squares += weights(i, j) * values(i, j) * values(i, j);
        weight += weights(i, j);
        row[static_cast<std::size_t>(i)] = column[static_cast<std::size_t>(j)] = true;
      }
    }
    const core::MatrixStatistics statistics = x.statistics();
    const double tolerance = Tolerance<double>::sum(values.rows * values.columns);
    EXPECT_TRUE(number_near(statistics.sum, sum, tolerance));
    EXPECT_TRUE(number_near(statistics.squared_norm, squares, tolerance));
    EXPECT_TRUE(number_near(statistics.weight, weight, tolerance));
    EXPECT_EQ(statistics.empty_rows, std::count(row.begin(), row.end(), false));
    EXPECT_EQ(statistics.empty_columns, std::count(column.begin(), column.end(), false));
    EXPECT_FALSE(x.shape().complete());
    EXPECT_FALSE(x.find_zero());
  });
}

SIMD_TEST(MissingTerms, Terms) {
  using T = TypeParam;
  this->for_each([&](const core::DataMatrix<T>& x, const oracle::Dense& values, const oracle::Dense& weights, int rank,
                     std::int64_t padding, double beta) {
    auto workspace = this->workspace();
    const FactorStorage<T> w(positive(cases::make_factor(rank, values.rows, 13)), padding);
    const FactorStorage<T> h(positive(cases::make_factor(rank, values.columns, 14)), 3 - padding);
    const core::Divergence divergence = in_units(beta);
    for (Side side : {Side::w, Side::h}) {
      const bool of_w = side == Side::w;
      const auto xt = oriented(side, values);
      const auto terms =
          oracle::divergence_terms(xt, of_w ? w.oracle() : h.oracle(), of_w ? h.oracle() : w.oracle(), beta,
                                   divergence.floor, oriented(side, weights), divergence.term_scale());
      FactorStorage<T> numerator(rank, xt.rows, padding), denominator(rank, xt.rows, 3 - padding);
      x.divergence_terms(side, w.factor(), h.factor(), divergence, numerator.factor(), denominator.factor(), workspace);
      const double tolerance = tolerance_of<T>(beta, rank) + Tolerance<T>::sum(xt.columns);
      ASSERT_TRUE(entries_near(numerator.oracle(), terms.numerator, tolerance)) << "numerator, side " << of_w;
      ASSERT_TRUE(entries_near(denominator.oracle(), terms.denominator, tolerance)) << "denominator, side " << of_w;
      ASSERT_TRUE(numerator.gaps_untouched() && denominator.gaps_untouched());
    }
  });
}

SIMD_TEST(MissingTerms, PassIsTermsUpdateTerms) {
  using T = TypeParam;
  this->for_each([&](const core::DataMatrix<T>& x, const oracle::Dense& values, const oracle::Dense& weights, int rank,
                     std::int64_t padding, double beta) {
    auto workspace = this->workspace();
    const core::Divergence divergence = in_units(beta);
    const auto rule =
        core::make_ratio_update(this->device_backend(), core::ScaledPenalty{0.01, 0.1}, divergence.form(0.1));
    for (Side side : {Side::w, Side::h}) {
      SCOPED_TRACE(side == Side::w ? "local W" : "local H");
      const auto xt = oriented(side, values), own_weights = oriented(side, weights);
      FactorStorage<T> local(positive(cases::make_factor(rank, xt.rows, 14)), padding);
      const FactorStorage<T> fixed(positive(cases::make_factor(rank, xt.columns, 15)), 3 - padding);
      FactorStorage<T> numerator(rank, xt.columns, padding), denominator(rank, xt.columns);
      const auto terms = oracle::divergence_terms(xt, local.oracle(), fixed.oracle(), beta, divergence.floor,
                                                  own_weights, divergence.term_scale());
      const auto updated = oracle::ratio_update(local.oracle(), terms, {0.01, 0.1}, beta);
      const auto after = oracle::divergence_terms(transpose(xt), fixed.oracle(), updated, beta, divergence.floor,
                                                  transpose(own_weights), divergence.term_scale());
      x.divergence_pass(side, local.factor(), fixed.factor(), divergence, core::Factor<const T>{}, *rule,
                        numerator.factor(), denominator.factor(), nullptr, workspace);
      const double tolerance = 2 * tolerance_of<T>(beta, rank) + 2 * Tolerance<T>::sum(xt.columns);
      ASSERT_TRUE(entries_near(local.oracle(), updated, tolerance));
      const double later = (1 + std::abs(beta - 2) + 1) * tolerance + Tolerance<T>::sum(xt.rows);
      ASSERT_TRUE(matrix_near(numerator.oracle(), after.numerator, later));
      ASSERT_TRUE(matrix_near(denominator.oracle(), after.denominator, later));
    }
  });
}

SIMD_TEST(MissingTerms, Loss) {
  using T = TypeParam;
  this->for_each([&](const core::DataMatrix<T>& x, const oracle::Dense& values, const oracle::Dense& weights, int rank,
                     std::int64_t padding, double beta) {
    auto workspace = this->workspace();
    const FactorStorage<T> w(positive(cases::make_factor(rank, values.rows, 16)), padding);
    const FactorStorage<T> h(positive(cases::make_factor(rank, values.columns, 17)));
    double loss = -1;
    x.divergence(w.factor(), h.factor(), {beta, 1e-12, false}, &loss, workspace);
    const double exact = oracle::divergence(values, transpose(w.oracle()), h.oracle(), beta, 1e-12, weights);
    EXPECT_TRUE(number_near(loss, exact, 10 * Tolerance<double>::sum(values.rows * values.columns)));
  });
}

// Two sweeps over the columns of one factor against the textbook.
template <class T>
void check_descent(double beta, Side side, const core::DataMatrix<T>& x, const oracle::Dense& values,
                   const oracle::Dense& weights, int rank, std::int64_t padding, core::Workspace& workspace) {
  const auto xt = oriented(side, values), own_weights = oriented(side, weights);
  FactorStorage<T> f(positive(cases::make_factor(rank, xt.rows, 14)), padding);
  const FactorStorage<T> fixed(positive(cases::make_factor(rank, xt.columns, 15)), 3 - padding);
  const FactorStorage<T> no_sums(oracle::Dense(rank, 1));
  const core::Divergence divergence{beta, 1e-12, false};
  const oracle::Penalty penalty{0.01, 0.1};
  auto expected =
      beta == 2 ? oracle::weighted_hals(xt, f.oracle(), fixed.oracle(), penalty, 2, own_weights)
                : oracle::coordinate_descent(xt, f.oracle(), fixed.oracle(), penalty, 2, divergence.floor, own_weights);
  x.coordinate_descent(side, f.factor(), fixed.factor(), divergence, no_sums.factor().data, {0.01, 0.1}, 2, workspace);
  for (std::int64_t i = 0; i < xt.rows;
       ++i) {  // of a column without entries the penalties alone would be left: it is 0
    double total = 0;
    for (std::int64_t j = 0; j < xt.columns; ++j) total += own_weights(i, j);
    for (int c = 0; c < rank && total == 0; ++c) expected(c, i) = 0;
  }
  ASSERT_TRUE(matrix_near(f.oracle(), expected, 2 * Tolerance<T>::hals_sweep(rank) + Tolerance<T>::sum(xt.columns)))
      << "beta " << beta << " side " << (side == Side::w);
  ASSERT_TRUE(f.gaps_untouched());
}

SIMD_TEST(MissingTerms, CoordinateDescentIsHalsWithAGramForEachColumn) {
  using T = TypeParam;
  this->for_each([&](const core::DataMatrix<T>& x, const oracle::Dense& values, const oracle::Dense& weights, int rank,
                     std::int64_t padding, double) {
    if (rank > 33) return;  // the oracle is slow
    auto workspace = this->workspace();
    for (double beta : {1.0, 2.0}) {
      for (Side side : {Side::w, Side::h}) check_descent(beta, side, x, values, weights, rank, padding, workspace);
    }
  });
}

// How long a column is decides where a backend keeps it, and how many work on it.
SIMD_TEST(MissingTerms, CoordinateDescentOfLongColumns) {
  using T = TypeParam;
  for (std::int64_t length : {300, 1000, 3000, 7000, 13001}) {
    for (Form form : {Form::nan, Form::weights_and_nan, Form::sparse_weights}) {
      for (Layout layout : cases::kLayouts) {
        if (form == Form::sparse_weights && layout != Layout::row_major) continue;
        SCOPED_TRACE(std::string(kNames[static_cast<int>(form)]) + " 5 x " + std::to_string(length) + " " +
                     cases::name(layout));
        const Incomplete<T> x(form, positive(cases::make_dense(5, length, Content::uniform, 11)), layout, 3);
        const Matrix<T> matrix = x.on(this->context());
        auto workspace = this->workspace();
        for (double beta : {1.0, 2.0}) {
          check_descent(beta, Side::w, *this->staged(matrix), x.values(), x.weights(), 1, 0, workspace);
        }
      }
    }
  }
}

// Weights of 0 to 1; X under those of 0 is no number.
SIMD_TEST(MissingTerms, CoordinateDescentOfRowsOfManyLengths) {
  using T = TypeParam;
  for (const cases::RowLengths& c : cases::row_lengths()) {
    SCOPED_TRACE(c.name());
    oracle::Sparse stored = cases::make_sparse(c), values = stored, weights = stored;
    for (std::size_t e = 0; e < stored.entries.size(); ++e) {
      const double weight = 0.25 * static_cast<double>(e * 7 % 5);
      weights.entries[e].value = weight;
      if (weight == 0) {
        stored.entries[e].value = kNaN;
        values.entries[e].value = 0;
      }
    }
    const CsrStorage<T> x(stored);
    const std::vector<T> given = CsrStorage<T>(weights).values();
    const Matrix<T> matrix(this->context(), x.view(), given.data());
    auto workspace = this->workspace();
    for (double beta : {1.0, 2.0}) {
      check_descent(beta, Side::w, *this->staged(matrix), oracle::densify(values), oracle::densify(weights), c.rank,
                    c.padding, workspace);
    }
  }
}

template <class T>
class MissingFit : public testing::Test {
 public:
  Context context = make_context();
};
TYPED_TEST_SUITE(MissingFit, Precisions, PrecisionNames);

Options of(double beta, Solver solver, int iterations = 20) {
  return plain({.loss = {beta},
                .solver = solver,
                .initialization = Initialization::random,
                .max_iterations = iterations,
                .tolerance = 0,
                .check_every = 1});
}

std::vector<Options> every_fit(int iterations) {
  return {of(2, Solver::hals, iterations),
          of(1, Solver::hals, iterations),
          of(2, Solver::multiplicative_update, iterations),
          of(1, Solver::multiplicative_update, iterations),
          of(0.5, Solver::multiplicative_update, iterations),
          of(0, Solver::multiplicative_update, iterations)};
}

// Whatever lies under the mask: not one bit changes.
TYPED_TEST(MissingFit, WhatIsUnderTheMaskDoesNotMatter) {
  using T = TypeParam;
  const auto values = positive(planted(50, 40, 3, 0.1, 4));
  for (Form form : {Form::weights, Form::weights_and_nan, Form::sparse_weights}) {
    if (cases::few_cases() && form == Form::weights) continue;
    for (const Options& options : every_fit(cases::few_cases() ? 3 : 10)) {
      SCOPED_TRACE(std::string(kNames[static_cast<int>(form)]) + " beta " + std::to_string(options.loss.beta));
      std::vector<std::vector<double>> factors;
      std::vector<double> losses;
      for (double garbage : {0.0, 1e30, -1.0, kNaN, std::numeric_limits<double>::infinity()}) {
        Incomplete<T> x(form, values, Layout::row_major, 0, garbage);
        Factors<T> f(50, 40, 3);
        losses.push_back(f.fit(x.on(this->context), options).loss);
        factors.push_back(f.entries());
      }
      for (std::size_t i = 1; i < losses.size(); ++i) {
        EXPECT_EQ(losses[i], losses[0]);
        EXPECT_EQ(factors[i], factors[0]);
      }
    }
  }
}

TYPED_TEST(MissingFit, ObjectiveNeverRisesAndIsOfWhatCounts) {
  using T = TypeParam;
  const auto values = positive(planted(60, 45, 4, 0.2, 5));
  for (Form form : kForms) {
    if (cases::few_cases() && form != Form::weights_and_nan && form != Form::sparse_weights) continue;
    const Incomplete<T> data(form, values, Layout::column_major, 0);
    const Matrix<T> x = data.on(this->context);
    for (Options options : every_fit(cases::few_cases() ? 15 : 40)) {
      SCOPED_TRACE(std::string(kNames[static_cast<int>(form)]) + " beta " + std::to_string(options.loss.beta) +
                   " solver " + std::to_string(static_cast<int>(options.solver)));
      options.h_penalty = {0.01, 0.02};
      if (options.loss.beta < 1) options.h_penalty = {};  // the exponent's proof is of the loss alone
      Factors<T> f(60, 45, 4);
      const Result result = f.fit(x, options);
      for (std::size_t i = 1; i < result.history.size(); ++i) {
        ASSERT_LE(result.history[i].objective, result.history[i - 1].objective * (1 + 10 * Tolerance<T>::eps))
            << "iteration " << i;
      }
      EXPECT_LT(result.loss, result.history.front().loss / 2);
      const double exact = oracle::divergence(data.values(), f.w.oracle(), f.h.oracle(), options.loss.beta,
                                              1e-12 * x.sum() / x.weight(), data.weights());
      EXPECT_TRUE(number_near(result.loss, exact, 1e-9));
      EXPECT_TRUE(number_near(loss<T>(x, f.w.view(), f.h.view(), options.loss), exact, 1e-9));
      if (options.loss == Loss::frobenius()) {
        EXPECT_TRUE(number_near(result.relative_error, std::sqrt(2 * exact / x.squared_norm()), 1e-9));
      }
      for (double value : f.entries()) ASSERT_TRUE(std::isfinite(value) && value >= 0);
      for (int c = 0; c < 4; ++c) {  // row 1 and column 2 have no entry that counts
        EXPECT_EQ(f.w(1, c), 0);
        EXPECT_EQ(f.h(c, 2), 0);
      }
    }
  }
}

// Of X of low rank a part is enough to find the rest.
TYPED_TEST(MissingFit, WhatIsMissingIsFound) {
  using T = TypeParam;
  const auto values = planted(120, 90, 3, 0, 6);
  for (Form form : {Form::nan, Form::sparse}) {
    Options options = of(2, Solver::hals, 500);
    options.check_every = 100;
    Factors<T> f(120, 90, 3);
    const Incomplete<T> data(form, values, Layout::row_major, 0);
    const Result result = f.fit(data.on(this->context), options);
    EXPECT_LT(result.relative_error, 1e-2);
    const auto found = oracle::multiply(f.w.oracle(), f.h.oracle());
    double error = 0, norm = 0;
    for (std::int64_t i = 0; i < 120; ++i) {
      for (std::int64_t j = 0; j < 90; ++j) {
        if (data.weights()(i, j) > 0 || i == 1 || j == 2) continue;
        error += std::pow(found(i, j) - values(i, j), 2);
        norm += std::pow(values(i, j), 2);
      }
    }
    EXPECT_LT(std::sqrt(error / norm), 0.05);
  }
}

// All weights equal and none missing: the fit of complete X, but that hals is made entry by entry.
TYPED_TEST(MissingFit, EqualWeightsAreNone) {
  using T = TypeParam;
  const DenseStorage<T> storage(positive(planted(60, 45, 4, 0.2, 5)));
  const DenseStorage<T> ones(cases::make_dense(60, 45, Content::uniform, 1));
  auto twos = ones;
  for (T& weight : twos.values()) weight = 2;
  const Matrix<T> complete(this->context, storage.view()), weighted(this->context, storage.view(), twos.view());
  EXPECT_EQ(weighted.weight(), 2 * 60 * 45);
  EXPECT_EQ(complete.weight(), 60 * 45);
  for (Options options : every_fit(15)) {
    Factors<T> a(60, 45, 4), b(60, 45, 4);
    const Result expected = a.fit(complete, options), result = b.fit(weighted, options);
    EXPECT_TRUE(number_near(result.loss, 2 * expected.loss, 10 * Tolerance<T>::objective())) << options.loss.beta;
    EXPECT_TRUE(matrix_near(b.w.oracle(), a.w.oracle(), 15 * Tolerance<T>::iteration(60, 45))) << options.loss.beta;
    EXPECT_TRUE(
        number_near(result.history.front().loss, 2 * expected.history.front().loss, Tolerance<T>::sum(60 * 45)));
  }
}

// For a fixed W the problem is convex; the H that solves it is a stationary point.
TYPED_TEST(MissingFit, TransformFindsTheMinimum) {
  using T = TypeParam;
  const auto values = positive(planted(60, 45, 4, 0.2, 5));
  for (Form form : {Form::nan, Form::sparse_weights}) {
    if (cases::few_cases() && form == Form::nan) continue;
    for (double beta : {1.0, 2.0}) {
      Options options = of(beta, Solver::hals, 500);
      options.check_every = 100;
      auto f = given_start<T>(60, 45, 4);
      const Incomplete<T> data(form, values, Layout::row_major, 0);  // what X borrows
      const Result result = transform<T>(data.on(this->context), DenseView<const T>(f.w.view()), f.h.view(), options);
      EXPECT_LT(result.kkt_residual, 1000 * Tolerance<T>::elementwise()) << beta;
    }
  }
}

TYPED_TEST(MissingFit, HeldOutEntriesAreMeasuredAndNotFitted) {
  using T = TypeParam;
  const auto values = positive(planted(60, 45, 4, 0.1, 5));
  oracle::Dense fitted = values, held = values;
  std::mt19937 random(3);
  for (std::size_t i = 0; i < values.values.size(); ++i) (random() % 5 == 0 ? fitted : held).values[i] = kNaN;
  const DenseStorage<T> of_fit(fitted), of_held(held);
  const Matrix<T> x(this->context, of_fit.view(), {.missing = Missing::nan});
  const Matrix<T> held_out(this->context, of_held.view(), {.missing = Missing::nan});
  for (const Options& options : every_fit(20)) {
    Factors<T> a(60, 45, 4), b(60, 45, 4);
    const Result alone = a.fit(x, options);
    const Result result = factorize<T>(x, held_out, b.w.view(), b.h.view(), options);
    EXPECT_EQ(a.entries(), b.entries());
    EXPECT_EQ(alone.loss, result.loss);
    EXPECT_TRUE(std::isnan(alone.held_out_loss));
    EXPECT_EQ(result.held_out_loss, result.history.back().held_out_loss);
    EXPECT_LT(result.held_out_loss, result.history.front().held_out_loss);
    EXPECT_TRUE(number_near(result.held_out_loss, loss<T>(held_out, b.w.view(), b.h.view(), options.loss), 1e-6));
  }
  Factors<T> f(60, 45, 4);
  const DenseStorage<T> other(cases::make_dense(60, 44, Content::uniform, 1)), full(values);
  const Matrix<T> of_other_shape(this->context, other.view(), {.missing = Missing::nan});
  const Matrix<T> complete(this->context, full.view());
  EXPECT_THROW(factorize<T>(x, of_other_shape, f.w.view(), f.h.view(), of(2, Solver::hals)), InvalidArgument);
  EXPECT_THROW(factorize<T>(x, complete, f.w.view(), f.h.view(), of(2, Solver::hals)), InvalidArgument);
}

template <class Call>
std::string name_of_error(Call&& call) {
  try {
    call();
  } catch (const InvalidArgument& e) {
    return e.name();
  }
  return "none";
}

TYPED_TEST(MissingFit, WhatCannotBeIsRefused) {
  using T = TypeParam;
  const Context& where = this->context;
  auto values = cases::make_dense(20, 10, Content::uniform, 1);
  auto weights = values;
  const auto error_of = [&](MatrixOptions options) {
    const DenseStorage<T> x(values, Layout::column_major), given(weights, Layout::column_major);
    return std::pair(name_of_error([&] { Matrix<T>(where, x.view(), options); }),
                     name_of_error([&] { Matrix<T>(where, x.view(), given.view(), options); }));
  };
  EXPECT_EQ(error_of({}), std::pair(std::string("none"), std::string("none")));
  values(3, 4) = kNaN;
  values(5, 1) = -1;
  EXPECT_EQ(error_of({}), std::pair(std::string("X(3, 4)"), std::string("X(3, 4)")));
  EXPECT_EQ(error_of({.missing = Missing::nan}), std::pair(std::string("X(5, 1)"), std::string("X(5, 1)")));
  EXPECT_EQ(error_of({.missing = Missing::zeros}), std::pair(std::string("X(3, 4)"), std::string("X(3, 4)")));
  weights(3, 4) = weights(5, 1) = 0;
  EXPECT_EQ(error_of({}).second, "none");
  for (double bad : {-1.0, kNaN, std::numeric_limits<double>::infinity()}) {
    weights(2, 7) = bad;
    EXPECT_EQ(error_of({}).second, "weights(2, 7)");
  }
  weights(2, 7) = 1;

  const DenseStorage<T> x(values), given(weights), by_column(weights, Layout::column_major);
  const DenseStorage<T> narrow(cases::make_dense(20, 9, Content::uniform, 1));
  const DenseView<const T> v = x.view();
  EXPECT_EQ(name_of_error([&] { Matrix<T>(where, v, narrow.view()); }), "weights.columns");
  EXPECT_EQ(name_of_error([&] { Matrix<T>(where, v, by_column.view()); }), "weights.layout");
  EXPECT_EQ(name_of_error([&] { Matrix<T>(where, v, DenseView<const T>{nullptr, 20, 10, 10}); }), "weights.data");
  EXPECT_EQ(name_of_error([&] { Matrix<T>(where, v, {.storage = Storage::fp16, .missing = Missing::nan}); }),
            "MatrixOptions::storage");

  oracle::Sparse entries{3, 4, {{0, 1, 2}, {0, 3, 1}, {2, 0, 3}}};
  std::vector<T> three = {1, 2, 3};
  const auto of_sparse = [&](MatrixOptions options) {
    const CsrStorage<T> s(entries);
    return name_of_error([&] { Matrix<T>(where, s.view(), three.data(), options); });
  };
  EXPECT_EQ(of_sparse({.missing = Missing::zeros}), "none");
  EXPECT_EQ(of_sparse({}), "MatrixOptions::missing");
  EXPECT_EQ(of_sparse({.missing = Missing::nan}), "MatrixOptions::missing");
  three[1] = -1;
  EXPECT_EQ(of_sparse({.missing = Missing::zeros}), "weights(0, 3)");
  three[1] = 1;
  entries.entries[2].value = -3;
  EXPECT_EQ(of_sparse({.missing = Missing::zeros}), "X(2, 0)");
  three[2] = 0;
  EXPECT_EQ(of_sparse({.missing = Missing::zeros}), "none");
  entries.entries[1].column = 1;
  EXPECT_EQ(of_sparse({.missing = Missing::zeros}), "X(0, 1)");

  const Matrix<T> incomplete(where, v, given.view());
  Factors<T> f(20, 10, 2);
  const auto of_fit = [&](Options options) { return name_of_error([&] { f.fit(incomplete, options); }); };
  EXPECT_EQ(of_fit({}), "options.initialization");
  EXPECT_EQ(of_fit(of(2, Solver::anls)), "options.solver");
  EXPECT_EQ(of_fit(of(0.5, Solver::hals)), "options.solver");
  EXPECT_EQ(of_fit(of(2, Solver::hals)), "none");
}

// There is nothing to fit, and any W and H would look as if they had converged.
TYPED_TEST(MissingFit, NothingThatCountsIsRefused) {
  using T = TypeParam;
  const DenseStorage<T> x(cases::make_dense(4, 3, Content::uniform, 1)), zeros(oracle::Dense(4, 3));
  const CsrStorage<T> none(oracle::Sparse{4, 3, {}});
  Factors<T> f(4, 3, 2);
  const auto error_of = [&](const Matrix<T>& matrix) {
    return name_of_error([&] { f.fit(matrix, of(2, Solver::hals)); });
  };
  EXPECT_EQ(error_of(Matrix<T>(this->context, x.view(), zeros.view())), "X");
  EXPECT_EQ(error_of(Matrix<T>(this->context, zeros.view(), {.missing = Missing::zeros})), "X");
  EXPECT_EQ(error_of(Matrix<T>(this->context, none.view(), {.missing = Missing::zeros})), "X");
  EXPECT_EQ(error_of(Matrix<T>(this->context, zeros.view())), "none");
  EXPECT_EQ(error_of(Matrix<T>(this->context, none.view())), "none");
}

// beta <= 0: a zero is refused only if it counts.
TYPED_TEST(MissingFit, ZerosThatCountAreFound) {
  using T = TypeParam;
  auto values = positive(cases::make_dense(30, 20, Content::uniform, 1));
  DenseStorage<T> x(values), weights(values);
  x(7, 3) = x(7, 9) = 0;
  weights(7, 3) = 0;
  const auto zero_of = [&](const Matrix<T>& matrix) { return matrix.data()->find_zero(); };
  const auto zero = zero_of(Matrix<T>(this->context, x.view(), weights.view()));
  ASSERT_TRUE(zero);
  EXPECT_EQ(zero->column, 9);
  EXPECT_FALSE(zero_of(Matrix<T>(this->context, x.view(), {.missing = Missing::zeros})));
  oracle::Sparse entries{3, 4, {{0, 1, 2}, {0, 3, 1}, {2, 0, 3}, {2, 2, 0}}};
  const CsrStorage<T> stored(entries);
  const auto of_sparse = zero_of(Matrix<T>(this->context, stored.view(), {.missing = Missing::zeros}));
  ASSERT_TRUE(of_sparse);
  EXPECT_EQ(of_sparse->row, 2);
  EXPECT_EQ(of_sparse->column, 2);
  const T without[] = {1, 1, 1, 0};
  EXPECT_FALSE(zero_of(Matrix<T>(this->context, stored.view(), without)));
}

}  // namespace
}  // namespace orthant::test
