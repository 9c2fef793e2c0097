// Products with sparse X on a device by the kernel of Orthant's and by cuSPARSE: microseconds of each, by the mean
// number of entries in a row (or column), the law of their lengths, and the rank. Prints one line for each; no
// arguments.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <random>
#include <vector>

#include "host/core/backend.hpp"
#include "host/core/data_matrix.hpp"
#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"

namespace orthant::bench {
namespace {

using core::Factor;
using core::Side;

struct Pattern {
  std::int64_t rows, columns;
  std::vector<std::int64_t> offsets;
  std::vector<std::int32_t> indices;
  std::vector<float> values;
};

// Some two million entries. Lengths of rows are uniform up to twice their mean, and columns drawn uniformly; or both
// follow a power law, the length of row i being proportional to i^-1/2.
Pattern make_pattern(double mean, bool power_law) {
  constexpr double kEntries = 2e6;
  const auto rows = static_cast<std::int64_t>(kEntries / mean);
  Pattern x{rows, std::max<std::int64_t>(1000, rows / 3), {0}, {}, {}};
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (std::int64_t i = 0; i < rows; ++i) {
    const double of_law = std::sqrt(static_cast<double>(rows) / static_cast<double>(i + 1)) / 2;
    const double length = mean * (power_law ? of_law : 2 * uniform(random)) + uniform(random);
    std::vector<std::int32_t> row(static_cast<std::size_t>(std::min(length, static_cast<double>(x.columns) / 2)));
    for (std::int32_t& column : row) {
      const double place = uniform(random);
      column = static_cast<std::int32_t>((power_law ? place * place : place) * static_cast<double>(x.columns));
    }
    std::sort(row.begin(), row.end());
    row.erase(std::unique(row.begin(), row.end()), row.end());
    x.indices.insert(x.indices.end(), row.begin(), row.end());
    x.offsets.push_back(static_cast<std::int64_t>(x.indices.size()));
  }
  x.values.assign(x.indices.size(), 1.0F);
  return x;
}

// The least of 5 times, in microseconds, in which ten products each were made.
double time_product(SparseProduct way, const Pattern& x, Side side, int rank) {
  constexpr int kTimes = 5, kProducts = 10;
  const Context context = Context::cuda({.sparse_product = way});
  const core::Runtime& runtime = *context.runtime();
  const core::Backend<float>& backend = runtime.backend(float());
  const CsrView<float> view{x.rows,           x.columns,        static_cast<std::int64_t>(x.indices.size()),
                            x.offsets.data(), x.indices.data(), x.values.data()};
  const auto matrix = runtime.make_matrix(core::AnySparseView<float>(view), core::Observed<float>{});
  const core::Buffer<float> w_memory(backend.memory(), rank * x.rows), h_memory(backend.memory(), rank * x.columns);
  const Factor<float> w{w_memory.data(), rank, x.rows, rank}, h{h_memory.data(), rank, x.columns, rank};
  backend.fill_uniform(w, 1, Side::w, 1.0F);
  backend.fill_uniform(h, 1, Side::h, 1.0F);
  core::Workspace workspace(backend.memory());
  matrix->reserve(rank, false, workspace);
  double best = 1e30;
  for (int time = 0; time <= kTimes; ++time) {  // the first makes handles
    const auto start = backend.mark();
    for (int i = 0; i < kProducts; ++i)
      matrix->product(side, side == Side::h ? h : w, side == Side::h ? w : h, workspace);
    const double seconds = backend.mark()->seconds_since(*start);
    if (time > 0) best = std::min(best, seconds);
  }
  return 1e6 * best / kProducts;
}

void compare() {
  std::printf("%-8s %-8s %8s %5s %10s %10s %6s\n", "lengths", "of", "entries", "rank", "own, us", "cuSPARSE", "ratio");
  for (const bool power_law : {false, true}) {
    for (const double mean : {2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 48.0, 128.0, 512.0}) {
      const Pattern x = make_pattern(mean, power_law);
      for (const int rank : {8, 20, 32, 64, 128}) {
        for (const Side side : {Side::h, Side::w}) {
          const double entries =
              static_cast<double>(x.indices.size()) / static_cast<double>(side == Side::h ? x.rows : x.columns);
          const double own = time_product(SparseProduct::row_gather, x, side, rank);
          const double library = time_product(SparseProduct::cusparse, x, side, rank);
          std::printf("%-8s %-8s %8.1f %5d %10.1f %10.1f %6.2f\n", power_law ? "power" : "uniform",
                      side == Side::h ? "rows" : "columns", entries, rank, own, library, own / library);
        }
      }
    }
  }
}

}  // namespace
}  // namespace orthant::bench

int main() {
  try {
    orthant::bench::compare();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
