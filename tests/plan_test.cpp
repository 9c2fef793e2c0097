// plan(): the memory of a fit, beforehand.

#include <gtest/gtest.h>

#include "orthant/factorize.hpp"
#include "tests/cases.hpp"
#include "tests/fit.hpp"
#include "tests/memory.hpp"
#include "tests/placed.hpp"
#include "tests/simd_targets.hpp"
#include "tests/test_context.hpp"
#include "tests/tolerance.hpp"

namespace orthant::test {
namespace {

using cases::Content;

template <class T>
class Plan : public testing::Test {
 public:
  Context context = make_context();
};
TYPED_TEST_SUITE(Plan, Precisions, PrecisionNames);

// X, W and H are where the backend can use them as they are: plan() counts what comes on top.
TYPED_TEST(Plan, IsWhatAFitAllocates) {
  using T = TypeParam;
  CountingMemory memory;
  const Context counted = make_context(2, &memory);
  if (kOnDevice) {  // what a Context makes when it is first used, and keeps
    Factors<T> f(3, 4, 2);
    const DenseStorage<T> x(cases::make_dense(3, 4, Content::uniform, 3));
    f.fit(Matrix<T>(this->context, x.view()), {.max_iterations = 1});
    f.fit(Matrix<T>(counted, x.view()), {.max_iterations = 1});
    memory.rebase();
  }
  const auto check = [&](const Matrix<T>& x, const MatrixShape& shape, const Options& options) {
    constexpr int k = 16;
    Factors<T> f = given_start<T>(x.rows(), x.columns(), k);
    Placed<T> placed(this->context);
    const DenseView<T> w = placed(f.w.view()), h = placed(f.h.view());
    const MemoryPlan planned = plan<T>(counted, shape, k, options);
    const auto matrix = static_cast<double>(planned.matrix), workspace = static_cast<double>(planned.workspace);
    EXPECT_NEAR(static_cast<double>(x.bytes()), matrix, kPlanTolerance * matrix);
    const std::int64_t before = memory.live();
    memory.reset();
    factorize<T>(x, w, h, options);
    EXPECT_NEAR(static_cast<double>(memory.peak() - before), workspace, kPlanTolerance * workspace)
        << shape.rows << " x " << shape.columns << " nonzeros " << shape.nonzeros << " layout "
        << cases::name(shape.layout) << " beta " << options.loss.beta << " solver " << static_cast<int>(options.solver)
        << " acceleration " << static_cast<int>(options.acceleration) << " start "
        << static_cast<int>(options.initialization) << " update " << options.update_w << options.update_h;
    EXPECT_EQ(memory.live(), before);
  };
  const auto of_loss = [](double beta, Solver solver, bool update_w, bool update_h) {
    return plain({.loss = {beta},
                  .solver = solver,
                  .initialization = Initialization::given,
                  .update_w = update_w,
                  .update_h = update_h,
                  .max_iterations = 2});
  };
  const auto extrapolated = [](bool update_w, bool update_h) {
    return Options{.initialization = Initialization::given,
                   .update_w = update_w,
                   .update_h = update_h,
                   .acceleration = Acceleration::extrapolation,
                   .max_iterations = 2};
  };
  const Options every[] = {plain({.initialization = Initialization::random, .max_iterations = 2}),
                           plain({.max_iterations = 2}),
                           plain({.initialization = Initialization::given, .update_w = false, .max_iterations = 2}),
                           plain({.initialization = Initialization::given, .update_h = false, .max_iterations = 2}),
                           extrapolated(true, true),
                           extrapolated(false, true),
                           extrapolated(true, false),
                           of_loss(1, Solver::multiplicative_update, true, true),
                           of_loss(1, Solver::multiplicative_update, false, true),
                           of_loss(1, Solver::multiplicative_update, true, false),
                           of_loss(1, Solver::hals, true, true),
                           of_loss(1, Solver::hals, false, true),
                           of_loss(1, Solver::hals, true, false),
                           of_loss(1.5, Solver::multiplicative_update, true, true),
                           of_loss(1.5, Solver::multiplicative_update, false, true)};
  const std::int64_t part = cases::few_cases() ? 3 : 1;  // of the sizes: what is planned grows with them
  for (auto [m, n] : {std::pair<std::int64_t, std::int64_t>{1500 / part, 300 / part}, {300, 1500}, {1300, 1200}})
    for (const Options& options : every) {
      if (cases::few_cases() &&
          (m != 1500 / part || (options.loss.beta != 1 && options.acceleration != Acceleration::extrapolation)))
        continue;
      Placed<T> placed(this->context);
      const auto exact = cases::make_dense(m, n, cases::Content::uniform, 3);
      for (Layout layout : cases::kLayouts) {
        DenseStorage<T> dense(exact, layout, 0);
        check(Matrix<T>(counted, placed(dense.view())), {m, n, -1, layout}, options);
      }
      if (options.loss.beta == 1.5) continue;  // for dense X only
      const CsrStorage<T> sparse(cases::make_sparse({m, n, 16, 30000 / (part * part)}, 3));
      const Matrix<T> x(counted, placed(sparse.view()));
      check(x, {m, n, x.nonzeros()}, options);
    }
  for (const Options& options :
       {of_loss(2, Solver::hals, true, true), of_loss(2, Solver::hals, false, true),
        of_loss(2, Solver::multiplicative_update, true, true), of_loss(1, Solver::multiplicative_update, true, true),
        of_loss(1, Solver::hals, true, false)}) {
    const std::int64_t m = 1300 / part, n = 700 / part;
    Placed<T> placed(this->context);
    const DenseStorage<T> dense(cases::make_dense(m, n, Content::uniform, 3), Layout::column_major);
    const CsrStorage<T> sparse(cases::make_sparse({m, n, 16, 30000 / (part * part)}, 3));
    const DenseView<const T> view = placed(dense.view());
    check(Matrix<T>(counted, view, view), {m, n, -1, Layout::column_major, Missing::none, true}, options);
    check(Matrix<T>(counted, view, {.missing = Missing::zeros}), {m, n, -1, Layout::column_major, Missing::zeros},
          options);
    const CsrView<T> entries = placed(sparse.view());
    const Matrix<T> x(counted, entries, entries.values);
    check(x, {m, n, x.nonzeros(), Layout::row_major, Missing::zeros, true}, options);
    check(Matrix<T>(counted, entries, {.missing = Missing::zeros}),
          {m, n, x.nonzeros(), Layout::row_major, Missing::zeros}, options);
  }
}

// Coordinate descent batches columns of fewer entries where the rank is high.
TYPED_TEST(Plan, IsAFewMegabytesForAThreadAtHighRanks) {
  const Options options{
      .loss = {1}, .solver = Solver::hals, .initialization = Initialization::random, .max_iterations = 2};
  for (int rank : {100, 1024}) {
    const auto planned = [&](int threads) {
      return plan<TypeParam>(Context::cpu({.threads = threads}), {2000, 3000, 100'000}, rank, options).workspace;
    };
    EXPECT_LE(planned(64) - planned(1), 63 * (std::int64_t{3} << 20)) << rank;
  }
}

// However many threads there are: X has far fewer entries than threads x columns.
TYPED_TEST(Plan, MakingHypersparseXTakesNoMemoryForEachThread) {
  using T = TypeParam;
  if (kOnDevice) GTEST_SKIP() << "the CPU's threads";
  constexpr std::int64_t kColumns = 200'000;
  const CsrStorage<T> sparse(cases::make_sparse({100, kColumns, 16, 2000}, 3));
  const auto peak = [&](int threads) {
    CountingMemory memory;
    const Matrix<T> x(make_context(threads, &memory), sparse.view());
    return memory.peak();
  };
  EXPECT_EQ(peak(64), peak(1));
}

TYPED_TEST(Plan, BytesThatCannotBeCountedAreRefused) {
  using T = TypeParam;
  constexpr std::int64_t k2to20 = std::int64_t{1} << 20, kMost = std::numeric_limits<std::int64_t>::max();
  const auto refused = [&](const MatrixShape& shape, std::int64_t rank, const char* name) {
    try {
      const MemoryPlan planned = plan<T>(this->context, shape, rank, {.initialization = Initialization::random});
      ADD_FAILURE() << "accepted: " << planned.matrix << ", " << planned.workspace;
    } catch (const InvalidArgument& e) {
      EXPECT_EQ(e.name(), name) << e.what();
    }
  };
  refused({k2to20 * k2to20, k2to20 * k2to20}, 8, "shape");
  refused({kMost, kMost}, 1, "shape");
  refused({k2to20 * k2to20, k2to20}, 1, "shape");
  refused({kMost, 2, 5}, 1, "shape");
  refused({k2to20, std::int64_t{1} << 31, 5}, 1, "shape");
  refused({k2to20, k2to20, kMost}, 1, "shape.nonzeros");
  refused({k2to20 * k2to20, 1}, 129, "rank");
  if (!kOnDevice) refused({k2to20, k2to20}, std::numeric_limits<int>::max(), "rank");
}

// Up to where they are refused, the bytes are counted right: a side twice as long takes twice as many.
TYPED_TEST(Plan, TheLargestShapesAreCounted) {
  using T = TypeParam;
  const Context many = Context::cpu({.threads = CpuConfig::kMostThreads});
  for (const Context& on : {this->context, many})
    for (Solver solver : {Solver::hals, Solver::multiplicative_update, Solver::anls})
      for (Layout layout : cases::kLayouts)
        for (bool tall : {true, false}) {
          const auto of = [&](std::int64_t side) {
            const std::int64_t m = tall ? side : 1 << 10, n = tall ? 1 << 10 : side;
            return plan<T>(on, {m, n, -1, layout}, 1, {.solver = solver, .initialization = Initialization::random});
          };
          const MemoryPlan whole = of((std::int64_t{1} << 47) - 2000), half = of((std::int64_t{1} << 46) - 1000);
          EXPECT_NEAR(static_cast<double>(whole.workspace), 2.0 * static_cast<double>(half.workspace),
                      kPlanTolerance * static_cast<double>(whole.workspace));
          EXPECT_GE(whole.workspace, std::int64_t{1} << 40);
        }
}

// No m x n intermediate anywhere: beside X there is room for a few factors, for sparse X another of its entries, and on
// a device for the sums, of two terms, that its blocks are at work on, however large X is: at most 8 on each
// multiprocessor, each of 128 bytes for a component, and up to twice as many blocks as are at work at once.
TYPED_TEST(Plan, IsAFewFactorsForAnyX) {
  using T = TypeParam;
  constexpr double kFactors = 8, kMultiprocessors = 192;  // no device has more yet
  const auto check = [&](const MatrixShape& shape, int rank, const Options& options) {
    const auto of_factors = static_cast<double>((shape.rows + shape.columns) * rank * sizeof(T));
    const auto of_entries = shape.nonzeros > 0 ? static_cast<double>(shape.nonzeros * sizeof(T)) : 0.0;
    const double of_blocks = kOnDevice ? 2.0 * 2 * kMultiprocessors * 8 * 128 * rank : 0.0;
    const auto planned = static_cast<double>(plan<T>(this->context, shape, rank, options).workspace);
    EXPECT_LE(planned, kFactors * of_factors + of_entries + of_blocks)
        << shape.rows << " x " << shape.columns << " nonzeros " << shape.nonzeros << " layout "
        << cases::name(shape.layout) << " complete " << shape.complete() << " rank " << rank << " beta "
        << options.loss.beta << " solver " << static_cast<int>(options.solver) << " start "
        << static_cast<int>(options.initialization) << " acceleration " << static_cast<int>(options.acceleration)
        << " update " << options.update_w << options.update_h;
  };
  std::vector<Options> all;
  for (Initialization start : {Initialization::random, Initialization::given, Initialization::nndsvda}) {
    for (Solver solver : {Solver::hals, Solver::multiplicative_update, Solver::anls}) {
      for (double beta : {2.0, 1.0, 0.5, 0.0, 1.5}) {
        if (beta != 2 && (solver == Solver::anls || (solver == Solver::hals && beta != 1))) continue;
        for (auto [update_w, update_h] : {std::pair{true, true}, {true, false}, {false, true}}) {
          all.push_back(plain(
              {.loss = {beta}, .solver = solver, .initialization = start, .update_w = update_w, .update_h = update_h}));
        }
      }
    }
  }
  all.push_back({});
  for (auto [m, n] : {std::pair<std::int64_t, std::int64_t>{1000, 1000000},
                      {1000000, 1000},
                      {1000000, 3},
                      {3000, 3000},
                      {30000, 30000},
                      {1000000, 1000000}}) {
    for (int rank : {16, 64}) {
      if (rank > std::min(m, n)) continue;
      for (const Options& options : all) {
        const bool incomplete = options.solver != Solver::anls && options.initialization != Initialization::nndsvda;
        for (Layout layout : cases::kLayouts) {
          check({m, n, -1, layout}, rank, options);
          if (!incomplete) continue;
          check({m, n, -1, layout, Missing::none, true}, rank, options);
          check({m, n, -1, layout, Missing::nan}, rank, options);
        }
        if (options.loss.beta < 1 || options.loss.beta == 1.5) continue;
        const std::int64_t nonzeros = 100 * std::max(m, n) > m * n ? m * n / 2 : 100 * std::max(m, n);
        check({m, n, nonzeros}, rank, options);
        if (incomplete) {
          check({m, n, nonzeros, Layout::row_major, Missing::zeros, true}, rank, options);
        }
      }
    }
  }
}

}  // namespace
}  // namespace orthant::test
