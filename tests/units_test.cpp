// What X is measured in changes nothing but the units of W, H and the loss; units that a type cannot hold are refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orthant/error.hpp"
#include "orthant/factorize.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/simd_targets.hpp"
#include "tests/test_context.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kRows = 41, kColumns = 29;
constexpr int kRank = 3;

// A mean of about 2^exponent within this is accepted.
template <class T>
constexpr int most_exponent(double beta) {
  return !std::is_same_v<T, float> ? 290 : beta == 2 ? 64 : 80;
}

template <class T>
class Units : public testing::Test {
 public:
  Context context = make_context(1);

  // X in units of 2^-exponent.
  static oracle::Dense values(int exponent) {
    auto x = planted(kRows, kColumns, kRank, 0.3, 3);
    for (auto& value : x.values) value = std::ldexp(static_cast<double>(static_cast<T>(4 * value + 0.2)), exponent);
    return x;
  }
};
TYPED_TEST_SUITE(Units, Precisions, PrecisionNames);

enum class Form { dense, sparse, missing };

// All that a loss can be minimised with.
std::vector<std::pair<Form, Options>> every_fit() {
  std::vector<std::pair<Form, Options>> all;
  const auto add = [&](Form form, double beta, Solver solver, Initialization start) {
    const Options options{
        .loss = {beta}, .solver = solver, .initialization = start, .max_iterations = 40, .check_every = 5};
    // By many multiplicative updates an entry can fall below the normal numbers, and is lost there, that would grow
    // again elsewhere.
    all.push_back({form, solver == Solver::multiplicative_update ? plain(options) : options});
  };
  for (double beta : {-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0}) {
    for (Solver solver : {Solver::multiplicative_update, Solver::hals, Solver::anls}) {
      const bool squared = beta == 2, has_hals = squared || beta == 1;
      if ((solver == Solver::hals && !has_hals) || (solver == Solver::anls && !squared)) continue;
      add(Form::dense, beta, solver, Initialization::random);
      add(Form::dense, beta, solver, Initialization::nndsvda);
      if (has_hals) add(Form::sparse, beta, solver, Initialization::random);
      if (solver != Solver::anls) add(Form::missing, beta, solver, Initialization::random);
    }
  }
  return all;
}

// Of numbers scaled by powers of two only the exponents change: the same bits otherwise, as W and H are in units of the
// root of that of X.
TYPED_TEST(Units, FitsAreTheSameInAnyUnit) {
  using T = TypeParam;
  // Entries that multiplicative updates let vanish do so where they are no longer normal numbers.
  const double least = std::ldexp(static_cast<double>(std::numeric_limits<T>::min()), most_exponent<T>(0) / 2);
  for (auto [form, options] : every_fit()) {
    for (bool penalised : {false, true}) {
      if (cases::few_cases() && penalised != (options.loss.beta != 1)) continue;
      const double beta = options.loss.beta;
      SCOPED_TRACE("beta " + std::to_string(beta) + " solver " + std::to_string(static_cast<int>(options.solver)) +
                   " start " + std::to_string(static_cast<int>(options.initialization)) + " form " +
                   std::to_string(static_cast<int>(form)) + (penalised ? " penalised" : ""));
      const auto fit = [&, form = form, options = options](int exponent) {
        auto x = this->values(exponent);
        if (form == Form::missing) {
          for (std::size_t i = 0; i < x.values.size(); i += 7) x.values[i] = std::numeric_limits<double>::quiet_NaN();
        }
        if (form == Form::sparse) {
          for (std::size_t i = 0; i < x.values.size(); i += 3) x.values[i] = 0;
        }
        const DenseStorage<T> dense(x);
        const CsrStorage<T> sparse(sparsify(x));
        const Missing missing = form == Form::missing ? Missing::nan : Missing::none;
        const Matrix<T> matrix = form == Form::sparse ? Matrix<T>(this->context, sparse.view())
                                                      : Matrix<T>(this->context, dense.view(), {.missing = missing});
        Options scaled = options;
        if (penalised) {
          // Derivatives of the loss are of size x^(beta - 1) times the other factor, which is of size x^(1/2).
          const double of_l2 = std::pow(2.0, exponent * (beta - 1));
          scaled.w_penalty = scaled.h_penalty = {0.1 * of_l2 * std::pow(2.0, exponent / 2), 0.2 * of_l2};
        }
        Factors<T> f(kRows, kColumns, kRank);
        const Result result = f.fit(matrix, scaled);
        auto entries = f.entries();
        for (auto& value : entries) {
          value = std::ldexp(value, -exponent / 2);
          if (value < least) value = 0;
        }
        return std::tuple(result, std::move(entries), std::pow(2.0, exponent * beta));
      };
      const auto [expected, entries, one] = fit(0);
      EXPECT_EQ(expected.dead_components, 0);
      EXPECT_LT(expected.objective, expected.history.front().objective);
      for (int exponent : {-most_exponent<T>(beta), -20, most_exponent<T>(beta)}) {
        if (cases::few_cases() && exponent == -20) continue;
        const auto [result, of_unit, size] = fit(exponent);
        ASSERT_EQ(result.iterations, expected.iterations) << exponent;
        EXPECT_EQ(result.stop_reason, expected.stop_reason);
        ASSERT_EQ(of_unit, entries) << exponent;
        EXPECT_TRUE(number_near(result.loss / size, expected.loss, Tolerance<double>::objective()));
        EXPECT_TRUE(number_near(result.kkt_residual, expected.kkt_residual, Tolerance<double>::elementwise()));
      }
    }
  }
}

template <class Function>
std::string message_of(Function function) {
  try {
    function();
  } catch (const InvalidArgument& e) {
    return e.what();
  }
  return "accepted";
}

TYPED_TEST(Units, WhatATypeCannotHoldIsRefused) {
  using T = TypeParam;
  constexpr bool kSingle = std::is_same_v<T, float>;
  const auto fit = [&](int exponent, const Options& options) {
    const DenseStorage<T> storage(this->values(exponent));
    return message_of(
        [&] { Factors<T>(kRows, kColumns, kRank).fit(Matrix<T>(this->context, storage.view()), options); });
  };
  const std::string expected = kSingle ? "expected 1e-20 to 1e+20: products of such numbers leave the range of float; "
                                         "scale X, or use double"
                                       : "expected 1e-90 to 1e+90: products of such numbers leave the range of double; "
                                         "scale X";
  for (Solver solver : {Solver::hals, Solver::multiplicative_update}) {
    const Options options{.solver = solver, .initialization = Initialization::random, .max_iterations = 1};
    for (int sign : {-1, 1}) {
      EXPECT_EQ(fit(sign * most_exponent<T>(2), options), "accepted");
      const std::string message = fit(sign * (most_exponent<T>(2) + 20), options);
      EXPECT_THAT(message, HasSubstr("the mean of X is ")) << sign;
      EXPECT_THAT(message, HasSubstr(expected)) << sign;
    }
  }
  // X^20 is beyond double's range before X is.
  Options high{.loss = {20}, .solver = Solver::multiplicative_update, .initialization = Initialization::random};
  high.max_iterations = 0;
  EXPECT_EQ(fit(40, high), "accepted");
  EXPECT_THAT(fit(50, high), HasSubstr("expected 1e-14 to 1e+14: "));

  if (!kSingle) return;
  Options cubic{.loss = {3}, .solver = Solver::multiplicative_update, .initialization = Initialization::random};
  cubic.h_penalty.l1 = 1;
  EXPECT_EQ(fit(-30, cubic), "accepted");
  EXPECT_THAT(fit(-60, cubic), HasSubstr("options.h_penalty.l1 is 1, expected at most "));
}

// W is of size 1, as spectra or topics are, so that H has the whole unit of X; its Gram matrix must be in range, too.
TYPED_TEST(Units, TransformFindsTheMinimumInAnyUnit) {
  using T = TypeParam;
  const DenseStorage<T> w(cases::make_dense(kRows, kRank, cases::Content::uniform, 5));
  for (double beta : {0.0, 1.0, 1.5, 2.0}) {
    double expected = 0;
    for (int exponent : {0, -most_exponent<T>(beta), most_exponent<T>(beta) - 8}) {
      SCOPED_TRACE("beta " + std::to_string(beta) + " exponent " + std::to_string(exponent));
      const DenseStorage<T> storage(this->values(exponent));
      const Matrix<T> x(this->context, storage.view());
      DenseStorage<T> h(kRank, kColumns);
      const Solver solver = beta == 1 || beta == 2 ? Solver::hals : Solver::multiplicative_update;
      const Result result =
          transform<T>(x, w.view(), h.view(),
                       {.loss = {beta}, .solver = solver, .max_iterations = 1000, .tolerance = 0, .check_every = 100});
      const double loss = result.loss / std::pow(2.0, exponent * beta);
      if (exponent == 0) expected = loss;
      EXPECT_TRUE(number_near(loss, expected, Tolerance<T>::objective()));
    }
  }
}

// Of H = 0 the fit is nothing, and the curvature there is beyond float's range where W is of size 1 and X is not.
TYPED_TEST(Units, KullbackLeiblerLeavesZeroInAnyUnit) {
  using T = TypeParam;
  const DenseStorage<T> w(cases::make_dense(kRows, kRank, cases::Content::uniform, 5));
  double expected = 0;
  for (int exponent : {0, -most_exponent<T>(1), most_exponent<T>(1)}) {
    const DenseStorage<T> storage(this->values(exponent));
    Factors<T> f(kRows, kColumns, kRank);
    f.w = w;
    const Result result = f.fit(Matrix<T>(this->context, storage.view()), {.loss = Loss::kullback_leibler(),
                                                                           .initialization = Initialization::given,
                                                                           .update_w = false,
                                                                           .max_iterations = 300,
                                                                           .tolerance = 0,
                                                                           .check_every = 100});
    const double loss = std::ldexp(result.loss, -exponent);
    if (exponent == 0) expected = loss;
    EXPECT_TRUE(number_near(loss, expected, Tolerance<T>::objective())) << exponent;
  }
}

}  // namespace
}  // namespace orthant::test
