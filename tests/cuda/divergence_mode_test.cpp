// Terms of beta-divergences of dense X on tensor cores, on request: as far from exact ones as the format of what is
// multiplied makes them, and not the strict ones.

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

#include "host/core/data_matrix.hpp"
#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"
#include "orthant/error.hpp"
#include "tests/assertions.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/staged.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using core::Side;

struct Mode {
  MathMode mode;
  const char* name;
  double unit;  // half the distance from 1 to the next number: what rounding to the nearest changes
};
constexpr Mode kModes[] = {{MathMode::tf32, "tf32", 0x1p-11}, {MathMode::bf16, "bf16", 0x1p-8}};
constexpr double kBetas[] = {1, 0, 0.5};

// What rounding may change of a term x V^power f: V is a sum of products of two rounded numbers, its power is rounded,
// and so is f.
double allowed(double unit, double power) { return std::pow(1 - unit, -2 * std::abs(power) - 2) - 1; }
// And sums in float.
double of_sums(double power, int rank, std::int64_t terms) {
  return (std::abs(power) + 1) * (Tolerance<float>::sum(rank) + Tolerance<float>::elementwise()) +
         Tolerance<float>::sum(terms);
}

// Positive, so that no V is near zero and every beta is defined.
oracle::Dense positive(oracle::Dense d) {
  for (auto& value : d.values) value = static_cast<double>(static_cast<float>(value + 0.25));
  return d;
}

double largest_error(const oracle::Dense& got, const oracle::Dense& expected) {
  double most = 0;
  for (std::size_t i = 0; i < got.values.size(); ++i)
    if (expected.values[i] != 0)
      most = std::max(most, std::abs(got.values[i] - expected.values[i]) / expected.values[i]);
  return most;
}

double mean_error(const oracle::Dense& got, const oracle::Dense& expected) {
  double sum = 0;
  for (std::size_t i = 0; i < got.values.size(); ++i) sum += got.values[i] / expected.values[i] - 1;
  return sum / static_cast<double>(got.values.size());
}

// Which entries of X count, and how.
enum class Form { complete, nan, zeros, weights };
constexpr Form kForms[] = {Form::complete, Form::nan, Form::zeros, Form::weights};

// X, its weights, and both factors.
template <class T>
class Problem {
 public:
  Problem(std::int64_t rows, std::int64_t columns, int rank, Layout layout, Form form = Form::complete,
          Storage storage = Storage::element_type)
      : rank_(rank),
        form_(form),
        storage_(storage),
        w_(positive(cases::make_factor(rank, rows, 13)), 3),
        h_(positive(cases::make_factor(rank, columns, 14))),
        values_(positive(cases::make_dense(rows, columns, cases::Content::uniform, 11))),
        weights_(rows, columns),
        x_(1, 1),
        given_(1, 1) {
    oracle::Dense stored(rows, columns);
    std::mt19937 random(7);
    for (std::size_t i = 0; i < values_.values.size(); ++i) {
      double& value = values_.values[i];
      // Exact in every storage.
      if (storage != Storage::element_type) value = std::floor(16 * value);
      const bool counts = form == Form::complete || random() % 3 != 0;
      weights_.values[i] = !counts ? 0 : form == Form::weights ? 0.25 * static_cast<double>(1 + random() % 5) : 1;
      stored.values[i] = counts || form == Form::weights ? value : form == Form::nan ? std::nan("") : 0;
    }
    x_ = DenseStorage<T>(stored, layout, 3);
    given_ = DenseStorage<T>(weights_, layout, 1);
  }

  oracle::DivergenceTerms exact(Side side, double beta) const {
    const bool of_w = side == Side::w;
    return oracle::divergence_terms(of_w ? values_ : transpose(values_), (of_w ? w_ : h_).oracle(),
                                    (of_w ? h_ : w_).oracle(), beta, kFloor, of_w ? weights_ : transpose(weights_));
  }

  oracle::DivergenceTerms on(const Context& context, Side side, double beta) const {
    const DenseView<const T> x = x_.view(), given = given_.view();
    const Missing missing = form_ == Form::nan ? Missing::nan : form_ == Form::zeros ? Missing::zeros : Missing::none;
    const Matrix<T> matrix = form_ == Form::weights ? Matrix<T>(context, x, given, {.storage = storage_})
                                                    : Matrix<T>(context, x, {.storage = storage_, .missing = missing});
    const StagedMatrix<T> staged(context.runtime()->backend(T{}), *matrix.data());
    core::Workspace workspace(context.runtime()->memory());
    const core::Divergence divergence{beta, kFloor, form_ == Form::complete};
    const bool closed = divergence.has_closed_denominator();
    const std::int64_t count = side == Side::w ? values_.rows : values_.columns;
    FactorStorage<T> numerator(rank_, count, 3), denominator(rank_, count);
    staged.divergence_terms(side, w_.factor(), h_.factor(), divergence, numerator.factor(),
                            closed ? core::Factor<T>{} : denominator.factor(), workspace);
    EXPECT_TRUE(numerator.gaps_untouched());
    return {numerator.oracle(), closed ? oracle::Dense(0, 0) : denominator.oracle()};
  }

  std::int64_t rows() const { return values_.rows; }
  std::int64_t columns() const { return values_.columns; }
  int rank() const { return rank_; }

 private:
  static constexpr double kFloor = 1e-12;
  int rank_;
  Form form_;
  Storage storage_;
  FactorStorage<T> w_, h_;
  oracle::Dense values_, weights_;
  DenseStorage<T> x_, given_;
};

// Terms in a mode against the textbook.
void check(const Context& context, const Mode& mode, const Problem<float>& problem, double beta) {
  for (Side side : {Side::w, Side::h}) {
    SCOPED_TRACE(std::string(mode.name) + " " + std::to_string(problem.rows()) + " x " +
                 std::to_string(problem.columns()) + " rank " + std::to_string(problem.rank()) + " beta " +
                 std::to_string(beta) + (side == Side::w ? " W" : " H"));
    const auto got = problem.on(context, side, beta), exact = problem.exact(side, beta);
    const std::int64_t terms = side == Side::w ? problem.columns() : problem.rows();
    ASSERT_TRUE(entries_near(got.numerator, exact.numerator,
                             allowed(mode.unit, beta - 2) + of_sums(beta - 2, problem.rank(), terms)));
    if (got.denominator.values.empty()) continue;
    ASSERT_TRUE(entries_near(got.denominator, exact.denominator,
                             allowed(mode.unit, beta - 1) + of_sums(beta - 1, problem.rank(), terms)));
  }
}

class CudaDivergenceMode : public testing::Test {
 protected:
  // Devices below compute capability 8.0 have no such cores. That others are not refused, tests in the rig say.
  void SetUp() override {
    try {
      for (const Mode& mode : kModes) Context::cuda({.math = mode.mode});
    } catch (const InvalidArgument& refusal) {
      GTEST_SKIP() << refusal.what();
    }
  }
};

TEST_F(CudaDivergenceMode, TermsAreAsExactAsTheFormat) {
  constexpr struct { std::int64_t rows, columns; } shapes[] = {{33, 257}, {257, 1}, {33, 33}, {1, 257}, {257, 33}};
  for (const Mode& mode : kModes) {
    const Context context = Context::cuda({.math = mode.mode});
    std::size_t number = 0;
    for (int rank : {1, 8, 17, 31, 32, 33, 64, 127, 128, 200}) {
      for (Layout layout : cases::kLayouts) {
        const auto& shape = shapes[number % std::size(shapes)];
        const double beta = kBetas[number++ % std::size(kBetas)];
        if (cases::few_cases() && (rank + (mode.mode == MathMode::tf32) + (layout == Layout::row_major)) % 2 != 0)
          continue;
        check(context, mode, Problem<float>(shape.rows, shape.columns, rank, layout), beta);
        if (HasFatalFailure()) return;
      }
    }
    // Kernels have four widths, and beta 1 is a form of its own.
    for (int rank : {16, 32, 64, 128}) check(context, mode, Problem<float>(20, 33, rank, Layout::row_major), 1);
    // A walk that is divided into parts.
    check(context, mode, Problem<float>(33, 513, 20, Layout::row_major), 0.5);
  }
}

TEST_F(CudaDivergenceMode, TermsAreOfTheEntriesThatCount) {
  for (const Mode& mode : kModes) {
    const Context context = Context::cuda({.math = mode.mode});
    std::size_t number = 0;
    for (Form form : kForms) {
      for (Layout layout : cases::kLayouts) {
        // Of the squared norm too, whose terms are these where entries are missing.
        const double beta = std::array{1.0, 0.0, 2.0, 0.5}[number++ % 4];
        if (beta == 2 && form == Form::complete) continue;
        check(context, mode, Problem<float>(33, 70, layout == Layout::row_major ? 17 : 130, layout, form), beta);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(CudaDivergenceMode, TermsOfEveryStorage) {
  for (const Mode& mode : kModes) {
    const Context context = Context::cuda({.math = mode.mode});
    for (Storage storage : {Storage::uint8, Storage::fp16, Storage::bf16}) {
      const Layout layout = storage == Storage::fp16 ? Layout::column_major : Layout::row_major;
      check(context, mode, Problem<float>(65, 40, 33, layout, Form::zeros, storage), 1);
      check(context, mode, Problem<float>(40, 65, 5, layout, Form::complete, storage), 0);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(CudaDivergenceMode, ModesHaveAnEffect) {
  const Problem<float> problem(65, 97, 33, Layout::row_major);
  const Context strict_context = Context::cuda();
  for (Side side : {Side::w, Side::h}) {
    for (double beta : kBetas) {
      const auto exact = problem.exact(side, beta);
      const double strict = largest_error(problem.on(strict_context, side, beta).numerator, exact.numerator);
      EXPECT_LE(strict, of_sums(beta - 2, problem.rank(), 97));
      for (const Mode& mode : kModes) {
        const double error =
            largest_error(problem.on(Context::cuda({.math = mode.mode}), side, beta).numerator, exact.numerator);
        EXPECT_GT(error, mode.unit / 10) << mode.name << ", beta " << beta;
        EXPECT_GT(error, 10 * strict) << mode.name << ", beta " << beta;
      }
    }
  }
}

// Numbers are rounded to the nearest, not cut off: terms are as often too large as too small. Cut off, every column of
// the fit would be too small, and terms with high powers of its reciprocal too large.
TEST_F(CudaDivergenceMode, ErrorsHaveNoBias) {
  const Problem<float> problem(65, 97, 40, Layout::row_major);
  for (const Mode& mode : kModes) {
    for (Side side : {Side::w, Side::h}) {
      const auto exact = problem.exact(side, -1);
      const auto got = problem.on(Context::cuda({.math = mode.mode}), side, -1);
      EXPECT_LT(std::abs(mean_error(got.numerator, exact.numerator)), mode.unit / 4) << mode.name;
      EXPECT_LT(std::abs(mean_error(got.denominator, exact.denominator)), mode.unit / 4) << mode.name;
    }
  }
}

TEST_F(CudaDivergenceMode, LeavesDoubleExact) {
  const Problem<double> problem(33, 65, 20, Layout::column_major);
  const auto strict = problem.on(Context::cuda(), Side::w, 0.5);
  for (const Mode& mode : kModes) {
    const auto got = problem.on(Context::cuda({.math = mode.mode}), Side::w, 0.5);
    EXPECT_EQ(got.numerator.values, strict.numerator.values);
    EXPECT_EQ(got.denominator.values, strict.denominator.values);
  }
}

// The loss is strict in every mode, and so are updates: a fit differs by what terms differ.
TEST_F(CudaDivergenceMode, FitsComeNearToTheStrictOne) {
  constexpr std::int64_t kRows = 61, kColumns = 43;
  constexpr int kRank = 5;
  auto x = planted(kRows, kColumns, kRank, 0.1, 3);
  for (auto& value : x.values) value += 0.01;
  for (double beta : {1.0, 0.5}) {
    const auto loss_of_fit = [&](MathMode mode) {
      const DenseStorage<float> storage(x);
      const Matrix<float> matrix(Context::cuda({.math = mode}), storage.view());
      auto f = given_start<float>(kRows, kColumns, kRank);
      return f
          .fit(matrix, {.loss = {beta},
                        .solver = Solver::multiplicative_update,
                        .initialization = Initialization::given,
                        .max_iterations = 60,
                        .tolerance = 0})
          .loss;
    };
    const double strict = loss_of_fit(MathMode::strict);
    // About what the divergence is where entries are off by as much as they are large: half the sum of their powers.
    double total = 0;
    for (double value : x.values) total += std::pow(value, beta) / 2;
    for (const Mode& mode : kModes) {
      const double loss = loss_of_fit(mode.mode);
      EXPECT_NE(loss, strict);
      EXPECT_LE(std::sqrt(loss / total), std::sqrt(strict / total) + allowed(mode.unit, beta - 2))
          << mode.name << ", beta " << beta;
    }
  }
}

}  // namespace
}  // namespace orthant::test
