#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "orthant/matrix.hpp"
#include "tests/matrices.hpp"
#include "tests/oracle.hpp"

/// What tests and benchmarks run on: shapes that break kernels (around vector, tile and block borders), and contents.
namespace orthant::cases {

inline constexpr int kRanks[] = {1, 2, 31, 32, 33, 64, 127, 200};
inline constexpr std::int64_t kCounts[] = {1, 33, 257, 1000};
inline constexpr std::int64_t kPaddings[] = {0, 3};
inline constexpr Layout kLayouts[] = {Layout::row_major, Layout::column_major};

/// What a matrix or factor is filled with.
enum class Content {
  uniform,         ///< uniform in (0, 1)
  zero_lines,      ///< uniform, but every third row and every fourth column all zero
  dead_component,  ///< uniform, but the last row all zero: of a factor, its last component
  denormal,        ///< uniform times the smallest normal number of float
  all_zero,
};
inline constexpr Content kContents[] = {Content::uniform, Content::zero_lines, Content::dead_component,
                                        Content::denormal, Content::all_zero};

inline const char* name(Content content) {
  switch (content) {
    case Content::uniform:
      return "uniform";
    case Content::zero_lines:
      return "zero_lines";
    case Content::dead_component:
      return "dead_component";
    case Content::denormal:
      return "denormal";
    case Content::all_zero:
      return "all_zero";
  }
  return "";
}
inline const char* name(Layout layout) { return layout == Layout::row_major ? "row_major" : "column_major"; }

/// A factor: rank x count.
struct FactorCase {
  int rank;
  std::int64_t count;
  std::int64_t padding = 0;
  Content content = Content::uniform;

  std::string name() const {
    return "rank " + std::to_string(rank) + " count " + std::to_string(count) + " padding " + std::to_string(padding) +
           " " + cases::name(content);
  }
};

/// Where each case is slow, as in the rig under a sanitizer, some stand for all: every rank, with one count. Asked for
/// by the environment variable ORTHANT_FEW_CASES.
inline bool few_cases() {
  static const bool few = std::getenv("ORTHANT_FEW_CASES") != nullptr;
  return few;
}

/// Every rank with every count, padded in turn, and every content once.
inline std::vector<FactorCase> factor_cases() {
  std::vector<FactorCase> all;
  for (std::size_t r = 0; r < std::size(kRanks); ++r)
    for (std::size_t c = 0; c < std::size(kCounts); ++c)
      if (!few_cases() || c == r % 3)
        all.push_back({kRanks[r], kCounts[c], kPaddings[all.size() % std::size(kPaddings)], Content::uniform});
  for (Content content : kContents) all.push_back({33, 257, 3, content});
  return all;
}

/// X and a rank: what a fit, a pass or a product is measured on.
struct MatrixCase {
  std::int64_t rows, columns;
  int rank;
  std::int64_t nonzeros = -1;  ///< -1: dense. Otherwise about so many, by a power law in both directions
  Layout layout = Layout::row_major;
  std::int64_t padding = 0;
  Content content = Content::uniform;

  bool sparse() const { return nonzeros >= 0; }
  /// Stored entries: what costs.
  std::int64_t entries() const { return sparse() ? nonzeros : rows * columns; }
  /// Multiply-adds count as two. Of one product of X with a factor.
  double product_flops() const { return 2.0 * static_cast<double>(entries()) * rank; }
  /// Of both products in one pass: what an iteration is measured by.
  double pass_flops() const { return 2 * product_flops(); }

  std::string name() const {
    return std::to_string(rows) + " x " + std::to_string(columns) + " rank " + std::to_string(rank) +
           (sparse() ? " nonzeros " + std::to_string(nonzeros) : std::string(" ") + cases::name(layout)) + " padding " +
           std::to_string(padding) + " " + cases::name(content);
  }
};

/// Dense X of every awkward height and width, with every rank.
inline std::vector<MatrixCase> dense_cases() {
  constexpr struct {
    std::int64_t rows, columns;
  } shapes[] = {{1, 1}, {1, 257}, {257, 1}, {33, 1000}, {257, 33}, {1000, 257}, {257, 1000}};
  std::vector<MatrixCase> all;
  for (std::size_t r = 0; r < std::size(kRanks); ++r)
    for (const auto& shape : shapes) {
      if (few_cases() && (&shape - shapes) % 4 != static_cast<std::ptrdiff_t>(r % 4)) continue;
      const std::size_t i = all.size();
      all.push_back(
          {shape.rows, shape.columns, kRanks[r], -1, kLayouts[i / 7 % 2], kPaddings[i % 2], Content::uniform});
    }
  for (Content content : kContents)
    for (Layout layout : kLayouts) all.push_back({257, 101, 33, -1, layout, 3, content});
  return all;
}

/// Sparse X with empty rows and columns (a power law has many), and nearly full or wholly empty.
inline std::vector<MatrixCase> sparse_cases() {
  std::vector<MatrixCase> all;
  for (std::size_t r = 0; r < std::size(kRanks); ++r) {
    if (!few_cases() || r % 2 == 0) all.push_back({1000, 257, kRanks[r], 3000});
    if (!few_cases() || r % 2 == 1) all.push_back({257, 1000, kRanks[r], 3000});
  }
  all.push_back({1, 1, 2, 1});
  all.push_back({1, 1000, 33, 200});
  all.push_back({1000, 1, 33, 200});
  all.push_back({33, 33, 13, 1000});
  for (Content content : kContents) all.push_back({257, 101, 33, 2000, Layout::row_major, 0, content});
  return all;
}

/// rows x columns, a function of the seed alone, every value exact in float.
inline oracle::Dense make_dense(std::int64_t rows, std::int64_t columns, Content content, unsigned seed) {
  std::mt19937 random(seed);
  oracle::Dense d(rows, columns);
  const double scale = content == Content::denormal ? std::numeric_limits<float>::min() : 1;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) {
      const double value = std::ldexp(static_cast<double>(random() >> 9) + 0.5, -23);
      const bool zero = content == Content::all_zero ||
                        (content == Content::zero_lines && (i % 3 == 1 || j % 4 == 2)) ||
                        (content == Content::dead_component && i == rows - 1);
      d(i, j) = zero ? 0 : static_cast<double>(static_cast<float>(scale * value));
    }
  return d;
}

/// About c.nonzeros entries at distinct places, more of them in the first rows and columns.
inline oracle::Sparse make_sparse(const MatrixCase& c, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  oracle::Sparse s{c.rows, c.columns, {}};
  const auto place = [&](std::int64_t count) {
    return std::min(count - 1, static_cast<std::int64_t>(static_cast<double>(count) * std::pow(uniform(random), 2)));
  };
  for (std::int64_t p = 0; p < c.nonzeros; ++p) s.entries.push_back({place(c.rows), place(c.columns), 0});
  const auto key = [](const auto& e) { return std::pair(e.row, e.column); };
  std::sort(s.entries.begin(), s.entries.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  s.entries.erase(
      std::unique(s.entries.begin(), s.entries.end(), [&](const auto& a, const auto& b) { return key(a) == key(b); }),
      s.entries.end());
  const double scale = c.content == Content::denormal ? std::numeric_limits<float>::min() : 1;
  for (auto& entry : s.entries)
    entry.value = static_cast<double>(static_cast<float>(scale * (uniform(random) + 0x1p-24)));
  std::erase_if(s.entries, [&](const auto& e) {
    return c.content == Content::all_zero ||
           (c.content == Content::zero_lines && (e.row % 3 == 1 || e.column % 4 == 2)) ||
           (c.content == Content::dead_component && e.row == c.rows - 1);
  });
  return s;
}

/// Sparse X told by how many entries each row has.
struct RowLengths {
  std::int64_t columns = 0;
  int rank = 1;
  std::vector<std::int64_t> lengths;
  std::int64_t padding = 0;  // of the factor of the rows, and of the other one where that has none

  std::string name() const {
    return std::to_string(lengths.size()) + " x " + std::to_string(columns) + " rank " + std::to_string(rank);
  }
};

/// Coordinate descent keeps a row elsewhere, or works on it otherwise, by its length and those of the rows around it.
inline std::vector<RowLengths> row_lengths() {
  std::vector<RowLengths> all = {{3000, 19, {2500, 700, 1500, 9}},
                                 {3000, 19, {2500, 700, 1500}},
                                 {9000, 19, {8500, 700, 1500, 9}},
                                 {300, 19, {258, 257, 256, 255, 254, 1}},
                                 {300, 6, {65, 64, 63, 0, 33, 32, 31, 1, 256, 64, 255, 257, 2, 128, 129, 127, 5}, 3},
                                 {3100, 8, {3073, 3072, 1537, 1536, 300, 200, 9}, 3},
                                 {270, 3, {}}};
  all[1].lengths.resize(40, 9);
  for (std::int64_t i = 0; i < 2100; ++i) all.back().lengths.push_back(i % 16 == 0 ? 250 + i % 13 : i * 7 % 24);
  if (few_cases()) all.pop_back();  // more rows than the CPU sorts at once, which is nothing to others
  return all;
}

/// Positive entries in the last columns of each row.
inline oracle::Sparse make_sparse(const RowLengths& c) {
  oracle::Sparse s{static_cast<std::int64_t>(c.lengths.size()), c.columns, {}};
  for (std::int64_t i = 0; i < s.rows; ++i) {
    for (std::int64_t j = s.columns - c.lengths[static_cast<std::size_t>(i)]; j < s.columns; ++j) {
      s.entries.push_back({i, j, static_cast<double>(1 + (i + j) % 5)});
    }
  }
  return s;
}

inline oracle::Dense make_dense(const MatrixCase& c, unsigned seed) {
  return make_dense(c.rows, c.columns, c.content, seed);
}

/// A factor that is not all that well conditioned, as those of real fits: uniform entries, a fifth of them zero.
inline oracle::Dense make_factor(int rank, std::int64_t count, unsigned seed, Content content = Content::uniform) {
  oracle::Dense f = make_dense(rank, count, content, seed);
  std::mt19937 random(seed + 1);
  for (auto& value : f.values)
    if (random() % 5 == 0) value = 0;
  return f;
}

}  // namespace orthant::cases
