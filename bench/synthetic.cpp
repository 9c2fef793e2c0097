#include "bench/synthetic.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "host/core/philox.hpp"

namespace orthant::bench {
namespace {

using core::PhiloxBlock;

// What random bits are for: each use has a stream of its own.
enum Stream : std::uint32_t { w_entries, h_entries, noise, degrees, topics, places, order, values };

PhiloxBlock bits(Stream stream, std::int64_t line, std::int64_t place) {
  const auto i = static_cast<std::uint64_t>(line);
  return core::philox(
      {{static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), static_cast<std::uint32_t>(place), stream}},
      20260);
}

// Midpoints of 2^23 cells of (0, 1): exact in float and in double.
double unit(std::uint32_t word) { return (static_cast<double>(word >> 9) + 0.5) * 0x1p-23; }

template <class T>
T squared_unit(std::uint32_t word) {
  const T u = static_cast<T>(unit(word));
  return u * u;
}

// Degrees that are proportional to q^(-1/2) for popularities q drawn at random, none above what a row has room for.
std::vector<std::int64_t> row_offsets(const Workload& x) {
  const double most = static_cast<double>(std::max((x.columns + 1) / 2, (x.nonzeros + x.rows - 1) / x.rows));
  std::vector<double> weight(static_cast<std::size_t>(x.rows), 1.0);
  if (x.degrees == Degrees::power_law) {
    for (std::int64_t i = 0; i < x.rows; ++i)
      weight[static_cast<std::size_t>(i)] = 1 / std::sqrt(unit(bits(degrees, i, 0).x[0]));
  }
  const auto total = [&](double scale) {
    double sum = 0;
    for (double w : weight) sum += std::min(most, scale * w);
    return sum;
  };
  double low = 0, high = most;  // weights are 1 at least: at `high` every row is full
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (total(middle) < static_cast<double>(x.nonzeros) ? low : high) = middle;
  }
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(x.rows) + 1, 0);
  double sum = 0;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    sum += std::min(most, high * weight[i]);
    offsets[i + 1] = std::min<std::int64_t>(std::llround(sum), offsets[i] + x.columns);
  }
  return offsets;
}

// Popular columns are not neighbours in real data: the column of each popularity, by Fisher and Yates.
std::vector<std::int32_t> columns_by_popularity(const Workload& x) {
  std::vector<std::int32_t> column(static_cast<std::size_t>(x.columns));
  std::iota(column.begin(), column.end(), 0);
  for (std::size_t i = column.size(); i > 1; --i) {
    const PhiloxBlock b = bits(order, static_cast<std::int64_t>(i), 0);
    const std::uint64_t word = (std::uint64_t{b.x[0]} << 32) | b.x[1];
    std::swap(column[i - 1], column[word % i]);
  }
  return column;
}

// The component of a popularity: neighbours in popularity belong to different ones.
std::int64_t in_component(std::int64_t popularity, std::int64_t component, std::int64_t rank, std::int64_t columns) {
  const std::int64_t q = popularity / rank * rank + component;
  return q < columns ? q : q - rank;  // planted_rank() is at most a fourth of the columns, or 1
}

// Draws the columns of one row after the other.
class RowOfPlaces {
 public:
  RowOfPlaces(const Workload& x, const std::vector<std::int32_t>& column_of)
      : x_(x), column_of_(column_of), rank_(x.planted_rank()), taken_(static_cast<std::size_t>(x.columns), 0) {}

  void draw(std::int64_t row, std::int64_t degree, std::int32_t* out) {
    const std::int64_t own = bits(topics, row, 0).x[0] % rank_;
    std::int64_t found = 0;
    const auto take = [&](std::int64_t popularity) {
      const std::int32_t column = column_of_[static_cast<std::size_t>(popularity)];
      char& taken = taken_[static_cast<std::size_t>(column)];
      if (taken == 0) out[found++] = column;
      taken = 1;
    };
    for (std::int64_t attempt = 0; found < degree && attempt < 6 * degree; ++attempt) {
      const PhiloxBlock b = bits(places, row, attempt);
      const double u = unit(b.x[0]);
      const double position = x_.degrees == Degrees::power_law ? u * u : u;
      const auto popularity = static_cast<std::int64_t>(static_cast<double>(x_.columns) * position);
      const std::int64_t component = b.x[1] < 0xC0000000U ? own : static_cast<std::int64_t>(b.x[2] % rank_);
      take(in_component(popularity, component, rank_, x_.columns));
    }
    // A row that is nearly full: the next ones that are free, by popularity.
    std::int64_t next = 0;
    while (found < degree) take(next++);
    std::sort(out, out + degree);
    for (std::int64_t p = 0; p < degree; ++p) taken_[static_cast<std::size_t>(out[p])] = 0;
  }

 private:
  const Workload& x_;
  const std::vector<std::int32_t>& column_of_;
  const std::int64_t rank_;
  std::vector<char> taken_;
};

}  // namespace

template <class T>
std::vector<T> dense_entries(const Workload& x, Layout layout, int threads) {
  const std::int64_t rank = x.planted_rank(), n = x.columns;
  std::vector<T> h(static_cast<std::size_t>(rank * n)), all(static_cast<std::size_t>(x.rows * n));
  for (std::int64_t c = 0; c < rank; ++c)
    for (std::int64_t j = 0; j < n; ++j)
      h[static_cast<std::size_t>(c * n + j)] = squared_unit<T>(bits(h_entries, j, c).x[0]);
  const T to_counts = static_cast<T>(90.0 / static_cast<double>(rank));  // a square has the mean 1/3
  std::vector<T> rows(static_cast<std::size_t>(threads * n));            // one that each thread works on
#pragma omp parallel for schedule(static) num_threads(threads)
  for (std::int64_t i = 0; i < x.rows; ++i) {
    T* row = rows.data() + omp_get_thread_num() * n;
    std::fill_n(row, n, T(0));
    for (std::int64_t c = 0; c < rank; ++c) {
      const T w = squared_unit<T>(bits(w_entries, i, c).x[0]);
      const T* line = h.data() + c * n;
      for (std::int64_t j = 0; j < n; ++j) row[j] += w * line[j];
    }
    PhiloxBlock b{};
    for (std::int64_t j = 0; j < n; ++j) {
      if (j % 4 == 0) b = bits(noise, i, j / 4);
      const T u = static_cast<T>(unit(b.x[j % 4]));
      row[j] = x.content == Content::counts ? std::floor(to_counts * row[j] + u) : row[j] * (T(0.95) + T(0.1) * u);
      all[static_cast<std::size_t>(layout == Layout::row_major ? i * n + j : i + j * x.rows)] = row[j];
    }
  }
  return all;
}

SparsePattern sparse_pattern(const Workload& x, int threads) {
  SparsePattern pattern;
  pattern.offsets = row_offsets(x);
  pattern.indices.resize(static_cast<std::size_t>(pattern.offsets.back()));
  const std::vector<std::int32_t> column_of = columns_by_popularity(x);
  std::vector<RowOfPlaces> row(static_cast<std::size_t>(threads), RowOfPlaces(x, column_of));
#pragma omp parallel for schedule(dynamic, 64) num_threads(threads)
  for (std::int64_t i = 0; i < x.rows; ++i) {
    const std::int64_t begin = pattern.offsets[static_cast<std::size_t>(i)];
    const std::int64_t degree = pattern.offsets[static_cast<std::size_t>(i) + 1] - begin;
    row[static_cast<std::size_t>(omp_get_thread_num())].draw(i, degree, pattern.indices.data() + begin);
  }
  return pattern;
}

std::vector<int> components_of_columns(const Workload& x) {
  const std::vector<std::int32_t> column_of = columns_by_popularity(x);
  std::vector<int> component(column_of.size());
  for (std::size_t q = 0; q < column_of.size(); ++q)
    component[static_cast<std::size_t>(column_of[q])] = static_cast<int>(q) % x.planted_rank();
  return component;
}

template <class T>
std::vector<T> sparse_values(const SparsePattern& pattern, int threads) {
  const auto count = static_cast<std::int64_t>(pattern.indices.size());
  std::vector<T> all(pattern.indices.size());
#pragma omp parallel for schedule(static) num_threads(threads)
  for (std::int64_t p = 0; p < count; ++p)
    all[static_cast<std::size_t>(p)] = static_cast<T>(0.5 + unit(bits(values, p, 0).x[0]));
  return all;
}

template <class T>
SyntheticMatrix<T>::SyntheticMatrix(const Context& context, const Workload& x, Layout layout) {
  const int threads = context.threads() > 0 ? context.threads() : omp_get_max_threads();
  if (!x.sparse()) {
    values_ = dense_entries<T>(x, layout, threads);
    matrix_.emplace(context, layout == Layout::row_major ? row_major<const T>(values_.data(), x.rows, x.columns)
                                                         : column_major<const T>(values_.data(), x.rows, x.columns));
    return;
  }
  pattern_ = sparse_pattern(x, threads);
  values_ = sparse_values<T>(pattern_, threads);
  matrix_.emplace(context,
                  CsrView<T>{x.rows, x.columns, static_cast<std::int64_t>(values_.size()), pattern_.offsets.data(),
                             pattern_.indices.data(), values_.data(), MemorySpace::host});
}

template std::vector<float> dense_entries(const Workload&, Layout, int);
template std::vector<double> dense_entries(const Workload&, Layout, int);
template std::vector<float> sparse_values(const SparsePattern&, int);
template std::vector<double> sparse_values(const SparsePattern&, int);
template class SyntheticMatrix<float>;
template class SyntheticMatrix<double>;

}  // namespace orthant::bench
