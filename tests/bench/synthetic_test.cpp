#include "bench/synthetic.hpp"

#include <gtest/gtest.h>

#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "bench/workloads.hpp"

namespace orthant::bench {
namespace {

const Workload kDense{"dense", 211, 150, -1, 6};
const Workload kText{"text", 3000, 2000, 60'000, 8};

template <class T>
class Entries : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Entries, Types);

TYPED_TEST(Entries, AreTheSameBitsForAnyNumberOfThreads) {
  using T = TypeParam;
  for (const Content content : {Content::parts, Content::counts}) {
    Workload x = kDense;
    x.content = content;
    const std::vector<T> one = dense_entries<T>(x, Layout::row_major, 1);
    for (int threads : {2, 3, 7}) EXPECT_EQ(one, dense_entries<T>(x, Layout::row_major, threads));
  }
  for (const Degrees degrees : {Degrees::uniform, Degrees::power_law}) {
    Workload x = kText;
    x.degrees = degrees;
    const SparsePattern one = sparse_pattern(x, 1);
    const std::vector<T> values = sparse_values<T>(one, 1);
    for (int threads : {2, 3, 7}) {
      const SparsePattern many = sparse_pattern(x, threads);
      EXPECT_EQ(one.offsets, many.offsets);
      EXPECT_EQ(one.indices, many.indices);
      EXPECT_EQ(values, sparse_values<T>(many, threads));
    }
  }
}

TYPED_TEST(Entries, AreTheSameInBothLayouts) {
  using T = TypeParam;
  const std::vector<T> by_rows = dense_entries<T>(kDense, Layout::row_major, 2),
                       by_columns = dense_entries<T>(kDense, Layout::column_major, 2);
  for (std::int64_t i = 0; i < kDense.rows; ++i)
    for (std::int64_t j = 0; j < kDense.columns; ++j)
      ASSERT_EQ(by_rows[static_cast<std::size_t>(i * kDense.columns + j)],
                by_columns[static_cast<std::size_t>(i + j * kDense.rows)]);
}

TEST(Dense, HasThePlantedRank) {
  const std::vector<double> x = dense_entries<double>(kDense, Layout::column_major, 2);
  const Eigen::MatrixXd m = Eigen::Map<const Eigen::MatrixXd>(x.data(), kDense.rows, kDense.columns);
  const Eigen::VectorXd s = Eigen::JacobiSVD<Eigen::MatrixXd>(m).singularValues();
  EXPECT_GT(s[kDense.rank - 1], 5 * s[kDense.rank]);
  EXPECT_LT(s[kDense.rank], 1.5 * s[kDense.rank + 1]);  // noise from there on
}

TEST(Dense, IsFoundByAFitOfThePlantedRankAndNotOfLess) {
  const Context context = Context::cpu();
  const SyntheticMatrix<float> x(context, kDense);
  const auto error = [&](std::int64_t rank) {
    std::vector<float> w(static_cast<std::size_t>(kDense.rows * rank)),
        h(static_cast<std::size_t>(rank * kDense.columns));
    return factorize(x.matrix(), row_major(w.data(), kDense.rows, rank), column_major(h.data(), rank, kDense.columns),
                     {.max_iterations = 500, .tolerance = 0})
        .relative_error;
  };
  const double noise = 0.1 / std::sqrt(12.0);  // of numbers that are uniform in an interval of 0.1, to their mean
  EXPECT_LT(error(kDense.rank), 1.1 * noise);
  EXPECT_GT(error(kDense.rank - 1), 2 * noise);
}

TEST(Dense, CountsAreIntegersOfMeanTen) {
  Workload x = kDense;
  x.content = Content::counts;
  const std::vector<float> all = dense_entries<float>(x, Layout::row_major, 2);
  for (float value : all) ASSERT_TRUE(value >= 0 && value == std::floor(value)) << value;
  EXPECT_NEAR(std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size()), 10, 2);
}

TEST(Sparse, HasAsManyDistinctEntriesAsAskedFor) {
  // The last are so full that columns cannot be drawn until all are found.
  const Workload cases[] = {kText,
                            {"uniform", 3000, 2000, 60'000, 8, Degrees::uniform},
                            {"half", 50, 40, 900, 4},
                            {"full", 30, 20, 600, 4},
                            {"one", 1, 1, 1, 1},
                            {"none", 5, 4, 0, 2}};
  for (const Workload& x : cases) {
    SCOPED_TRACE(x.name);
    const SparsePattern pattern = sparse_pattern(x, 2);
    ASSERT_EQ(pattern.offsets.size(), static_cast<std::size_t>(x.rows) + 1);
    EXPECT_NEAR(static_cast<double>(pattern.offsets.back()), static_cast<double>(x.nonzeros), 1);
    for (std::size_t i = 0; i + 1 < pattern.offsets.size(); ++i)
      for (std::int64_t p = pattern.offsets[i]; p < pattern.offsets[i + 1]; ++p) {
        const std::int32_t column = pattern.indices[static_cast<std::size_t>(p)];
        ASSERT_TRUE(column >= 0 && column < x.columns);
        if (p > pattern.offsets[i]) {
          ASSERT_LT(pattern.indices[static_cast<std::size_t>(p) - 1], column);
        }
      }
  }
}

// The share of the most popular hundredth.
double share_of_first(std::vector<std::int64_t> degrees) {
  std::sort(degrees.rbegin(), degrees.rend());
  const auto first = static_cast<std::ptrdiff_t>(degrees.size() / 100);
  return static_cast<double>(std::accumulate(degrees.begin(), degrees.begin() + first, std::int64_t{0})) /
         static_cast<double>(std::accumulate(degrees.begin(), degrees.end(), std::int64_t{0}));
}

TEST(Sparse, DegreesFollowTheirLaw) {
  for (const Degrees law : {Degrees::uniform, Degrees::power_law}) {
    Workload x = kText;
    x.degrees = law;
    const SparsePattern pattern = sparse_pattern(x, 2);
    std::vector<std::int64_t> of_rows, of_columns(static_cast<std::size_t>(x.columns), 0);
    for (std::size_t i = 0; i + 1 < pattern.offsets.size(); ++i)
      of_rows.push_back(pattern.offsets[i + 1] - pattern.offsets[i]);
    for (std::int32_t column : pattern.indices) ++of_columns[static_cast<std::size_t>(column)];
    // Shares in proportion to q^(-1/2) add up to the root of the first hundredth: a tenth.
    const bool power = law == Degrees::power_law;
    EXPECT_NEAR(share_of_first(of_rows), power ? 0.1 : 0.01, power ? 0.02 : 0.001);
    EXPECT_NEAR(share_of_first(of_columns), power ? 0.1 : 0.018, power ? 0.03 : 0.005);
  }
}

TEST(Sparse, PlantedComponentsAreFound) {
  const Workload x{"text", 1500, 600, 30'000, 5};
  ASSERT_EQ(x.planted_rank(), 5);
  const SyntheticMatrix<float> matrix(Context::cpu(), x);
  std::vector<float> w(static_cast<std::size_t>(x.rows * 5)), h(static_cast<std::size_t>(5 * x.columns));
  factorize(matrix.matrix(), row_major(w.data(), x.rows, 5), column_major(h.data(), 5, x.columns),
            {.loss = Loss::kullback_leibler(), .max_iterations = 200, .tolerance = 0});
  // Which component of the fit, its rows at the same scale, is strongest in how many columns of each planted one.
  double scale[5] = {};
  for (std::size_t i = 0; i < h.size(); ++i) scale[i % 5] += h[i];
  const std::vector<int> planted = components_of_columns(x);
  std::map<int, std::map<int, int>> found;
  for (std::size_t j = 0; j < planted.size(); ++j) {
    int strongest = 0;
    for (int c = 1; c < 5; ++c)
      if (h[5 * j + c] / scale[c] > h[5 * j + strongest] / scale[strongest]) strongest = c;
    ++found[planted[j]][strongest];
  }
  int agreeing = 0;
  std::map<int, int> taken;
  for (const auto& [component, counts] : found) {
    const auto most =
        std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) { return a.second < b.second; });
    agreeing += most->second;
    ++taken[most->first];
  }
  EXPECT_EQ(taken.size(), 5u);
  EXPECT_GT(agreeing, 0.9 * static_cast<double>(x.columns));
}

TEST(Workloads, HaveFewerComponentsWhereRowsAreLong) {
  EXPECT_EQ((Workload{"", 100, 400, 1000, 8}).planted_rank(), 8);   // rows of 10 entries: at most 10 components
  EXPECT_EQ((Workload{"", 100, 400, 2000, 8}).planted_rank(), 5);   // 400 / (4 20)
  EXPECT_EQ((Workload{"", 100, 400, 40000, 8}).planted_rank(), 1);  // full
  EXPECT_EQ((Workload{"", 100, 400, -1, 8}).planted_rank(), 8);
}

TEST(Workloads, AreFoundByTheirNamesAndFitWhereTheyMust) {
  std::map<std::string, int> names;
  for (const Workload& w : known_workloads()) {
    ++names[w.name];
    EXPECT_GE(w.planted_rank(), 1);
    EXPECT_LE(w.planted_rank(), w.rank);
    EXPECT_LE(w.nonzeros, w.rows * w.columns);
  }
  EXPECT_EQ(names.size(), known_workloads().size());
  const auto bytes = [](const Workload& w) { return 4 * (w.sparse() ? 2 * w.nonzeros : w.rows * w.columns); };
  const std::int64_t budget = 1 << 30;
  for (const Workload& w : large_workloads(budget, bytes)) {
    EXPECT_LE(bytes(w), budget) << w.name;
    EXPECT_GT(bytes(w), 0.95 * static_cast<double>(budget)) << w.name;
  }
}

}  // namespace
}  // namespace orthant::bench
