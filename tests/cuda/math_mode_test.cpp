// Products on tensor cores, on request: as far from exact ones as the format of their operands makes them, and not
// otherwise.

#include <gtest/gtest.h>

#include <cmath>

#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"
#include "orthant/factorize.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/staged.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using core::Side;

constexpr std::int64_t kRows = 61, kColumns = 43;
constexpr int kRank = 5;

template <class T>
struct Products {
  Context context;
  Layout layout;
  DenseStorage<T> x{cases::make_dense(kRows, kColumns, cases::Content::uniform, 31), layout};
  FactorStorage<T> w{cases::make_factor(kRank, kRows, 32)}, h{cases::make_factor(kRank, kColumns, 33)};

  std::vector<double> of(Side side) const {
    const Matrix<T> matrix(context, x.view());
    const StagedMatrix<T> staged(context.runtime()->backend(T{}), *matrix.data());
    core::Workspace workspace(context.runtime()->memory());
    FactorStorage<T> r(kRank, side == Side::h ? kRows : kColumns);
    staged.product(side, (side == Side::h ? h : w).factor(), r.factor(), workspace);
    return r.oracle().values;
  }
  std::vector<double> exact(Side side) const {
    return side == Side::h ? transpose(multiply(x.oracle(), transpose(h.oracle()))).values
                           : multiply(w.oracle(), x.oracle()).values;
  }
  /// The largest error of an entry, relative to it: all terms of its sum are positive.
  double error(Side side) const {
    const std::vector<double> got = of(side), expected = exact(side);
    double most = 0;
    for (std::size_t i = 0; i < got.size(); ++i)
      if (expected[i] != 0) most = std::max(most, std::abs(got[i] - expected[i]) / expected[i]);
    return most;
  }
};

// What rounding both factors of every term may change, `eps` being the distance from 1 to the next number.
constexpr double allowed(double eps) { return (1 + eps) * (1 + eps) - 1; }

TEST(CudaMathMode, RoundsTheOperandsOfProductsAndNoMore) {
  constexpr struct {
    MathMode mode;
    double eps;
  } modes[] = {{MathMode::tf32, 0x1p-10}, {MathMode::bf16, 0x1p-7}};
  for (Layout layout : cases::kLayouts) {
    for (Side side : {Side::w, Side::h}) {
      const double strict = Products<float>{Context::cuda(), layout}.error(side);
      const double of_sums = Tolerance<float>::sum(std::max(kRows, kColumns));
      EXPECT_LE(strict, of_sums);
      for (const auto& [mode, eps] : modes) {
        const double error = Products<float>{Context::cuda({.math = mode}), layout}.error(side);
        EXPECT_LE(error, allowed(eps) + of_sums) << "eps " << eps;
        // Errors of single terms average out in sums, but not to nothing.
        EXPECT_GT(error, eps / 100) << "eps " << eps;
        EXPECT_GT(error, 10 * strict) << "eps " << eps;
      }
    }
  }
}

TEST(CudaMathMode, LeavesDoubleExact) {
  for (Side side : {Side::w, Side::h}) {
    const auto strict = Products<double>{Context::cuda(), Layout::row_major}.of(side);
    for (MathMode mode : {MathMode::tf32, MathMode::bf16})
      EXPECT_EQ((Products<double>{Context::cuda({.math = mode}), Layout::row_major}.of(side)), strict);
  }
}

// Gram matrices and updates are strict in every mode, and so is the loss: a fit differs by what products differ.
TEST(CudaMathMode, FitsComeNearToTheStrictOne) {
  const auto x = planted(kRows, kColumns, kRank, 0.1, 3);
  const auto loss_of_fit = [&](MathMode mode) {
    const DenseStorage<float> storage(x);
    const Matrix<float> matrix(Context::cuda({.math = mode}), storage.view());
    auto f = given_start<float>(kRows, kColumns, kRank);
    f.fit(matrix,
          {.solver = Solver::hals, .initialization = Initialization::given, .max_iterations = 30, .tolerance = 0});
    return f.loss_of(matrix);
  };
  const double strict = loss_of_fit(MathMode::strict), total = oracle::squared_norm(x) / 2;
  for (const auto& [mode, eps] : {std::pair(MathMode::tf32, 0x1p-10), std::pair(MathMode::bf16, 0x1p-7)}) {
    const double loss = loss_of_fit(mode);
    EXPECT_NE(loss, strict);
    // The error of X that rounding amounts to is at most eps X.
    EXPECT_LE(std::sqrt(loss / total), std::sqrt(strict / total) + allowed(eps));
  }
}

}  // namespace
}  // namespace orthant::test
