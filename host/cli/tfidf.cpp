#include "host/cli/tfidf.hpp"

#include <cmath>
#include <vector>

#include "host/cli/option_types.hpp"
#include "orthant/error.hpp"

namespace orthant::cli {
namespace {

template <class T>
bool acceptable(T value) {
  return std::isfinite(value) && value >= 0;
}

// The library says the same of the X that it is given; here it would find what tf-idf made of the entry.
void refuse(std::int64_t row, std::int64_t column, double value) {
  throw InvalidArgument("X(" + std::to_string(row) + ", " + std::to_string(column) + ")", brief(value),
                        "a finite number >= 0");
}

// 1 + ln((1 + rows) / (1 + d)) in place of every d.
void make_weights(std::vector<double>& counts, std::int64_t rows) {
  for (double& d : counts) d = 1 + std::log(static_cast<double>(1 + rows) / (1 + d));
}

double inverse_norm(double squares) { return squares > 0 ? 1 / std::sqrt(squares) : 1; }

// Calls visit(i, j, entry) in the order of memory.
template <class T, class Visit>
void for_each(DenseView<T> x, const Visit& visit) {
  const bool by_rows = x.layout == Layout::row_major;
  const std::int64_t lines = by_rows ? x.rows : x.columns, length = by_rows ? x.columns : x.rows;
  for (std::int64_t a = 0; a < lines; ++a)
    for (std::int64_t b = 0; b < length; ++b) visit(by_rows ? a : b, by_rows ? b : a, x.data[a * x.ld + b]);
}

template <class T, class Index>
void merge_repeated(const MutableCsr<T, Index>& x) {
  std::vector<std::int64_t> place(static_cast<std::size_t>(x.columns), -1);  // of a column's entry in the current row
  std::int64_t kept = 0, begin = x.row_offsets[0];
  for (std::int64_t i = 0; i < x.rows; ++i) {
    const std::int64_t end = x.row_offsets[i + 1], first = kept;
    for (std::int64_t p = begin; p < end; ++p) {
      const Index j = x.column_indices[p];
      auto& known = place[static_cast<std::size_t>(j)];
      if (known >= first) {
        x.values[known] += x.values[p];
      } else {
        known = kept;
        x.column_indices[kept] = j;
        x.values[kept++] = x.values[p];
      }
    }
    begin = end;
    x.row_offsets[i + 1] = kept;
  }
}

}  // namespace

template <class T>
void tfidf(DenseView<T> x) {
  const auto at = [](std::vector<double>& v, std::int64_t i) -> double& { return v[static_cast<std::size_t>(i)]; };
  std::int64_t bad_row = x.rows, bad_column = 0;
  std::vector<double> weights(static_cast<std::size_t>(x.columns)), scale(static_cast<std::size_t>(x.rows));
  for_each(x, [&](std::int64_t i, std::int64_t j, T value) {
    at(weights, j) += value != 0;
    // The order of memory may not be that of rows; within a row, columns come in order in either layout.
    if (!acceptable(value) && i < bad_row) {
      bad_row = i;
      bad_column = j;
    }
  });
  if (bad_row < x.rows)
    refuse(bad_row, bad_column,
           x.data[x.layout == Layout::row_major ? bad_row * x.ld + bad_column : bad_row + bad_column * x.ld]);
  make_weights(weights, x.rows);
  for_each(x, [&](std::int64_t i, std::int64_t j, T value) {
    const double weighted = static_cast<double>(value) * at(weights, j);
    at(scale, i) += weighted * weighted;
  });
  for (double& s : scale) s = inverse_norm(s);
  for_each(x, [&](std::int64_t i, std::int64_t j, T& value) {
    value = static_cast<T>(static_cast<double>(value) * at(weights, j) * at(scale, i));
  });
}

template <class T, class Index>
void tfidf(const MutableCsr<T, Index>& x) {
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t p = x.row_offsets[i]; p < x.row_offsets[i + 1]; ++p)
      if (!acceptable(x.values[p])) refuse(i, x.column_indices[p], x.values[p]);
  merge_repeated(x);
  std::vector<double> weights(static_cast<std::size_t>(x.columns));
  const auto weight = [&](std::int64_t p) -> double& { return weights[static_cast<std::size_t>(x.column_indices[p])]; };
  for (std::int64_t p = 0; p < x.row_offsets[x.rows]; ++p) weight(p) += x.values[p] != 0;
  make_weights(weights, x.rows);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    double squares = 0;
    const std::int64_t begin = x.row_offsets[i], end = x.row_offsets[i + 1];
    for (std::int64_t p = begin; p < end; ++p) squares += std::pow(static_cast<double>(x.values[p]) * weight(p), 2);
    const double scale = inverse_norm(squares);
    for (std::int64_t p = begin; p < end; ++p)
      x.values[p] = static_cast<T>(static_cast<double>(x.values[p]) * weight(p) * scale);
  }
}

template void tfidf(DenseView<float>);
template void tfidf(DenseView<double>);
template void tfidf(const MutableCsr<float, std::int32_t>&);
template void tfidf(const MutableCsr<double, std::int32_t>&);
template void tfidf(const MutableCsr<float, std::int64_t>&);
template void tfidf(const MutableCsr<double, std::int64_t>&);

}  // namespace orthant::cli
