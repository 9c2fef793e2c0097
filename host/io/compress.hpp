#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "host/io/io_error.hpp"
#include "host/io/matrix_file.hpp"

namespace orthant::io {

template <class T>
struct Triplet {
  std::int32_t row, column;
  T value;
};

/// Entries in any order to compressed rows: a counting sort by row, then each row by column; repeated entries add up.
template <class T>
SparseData<T> compress(std::int64_t rows, std::int64_t columns, const std::vector<Triplet<T>>& entries) {
  SparseData<T> out;
  out.rows = rows;
  out.columns = columns;
  out.offsets.assign(static_cast<std::size_t>(rows) + 1, 0);
  for (const auto& e : entries) ++out.offsets[static_cast<std::size_t>(e.row) + 1];
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) out.offsets[i + 1] += out.offsets[i];
  std::vector<std::pair<std::int32_t, T>> sorted(entries.size());
  std::vector<std::int64_t> next(out.offsets.begin(), out.offsets.end() - 1);
  for (const auto& e : entries) {
    sorted[static_cast<std::size_t>(next[static_cast<std::size_t>(e.row)]++)] = {e.column, e.value};
  }
  std::vector<std::int64_t> lengths(static_cast<std::size_t>(rows));
#pragma omp parallel for schedule(dynamic, 256)
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto first = sorted.begin() + out.offsets[static_cast<std::size_t>(i)];
    const auto last = sorted.begin() + out.offsets[static_cast<std::size_t>(i) + 1];
    const auto by_column = [](const auto& a, const auto& b) { return a.first < b.first; };
    if (!std::is_sorted(first, last, by_column)) std::stable_sort(first, last, by_column);
    auto to = first;
    for (auto from = first; from != last; ++from) {
      if (to != first && (to - 1)->first == from->first) {
        (to - 1)->second += from->second;
      } else {
        *to++ = *from;
      }
    }
    lengths[static_cast<std::size_t>(i)] = to - first;
  }
  std::int64_t total = 0;
  for (std::int64_t n : lengths) total += n;
  out.indices.reserve(static_cast<std::size_t>(total));
  out.values.reserve(static_cast<std::size_t>(total));
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
    const auto first = sorted.begin() + out.offsets[i];
    out.offsets[i] = static_cast<std::int64_t>(out.values.size());
    for (auto e = first; e != first + lengths[i]; ++e) {
      out.indices.push_back(e->first);
      out.values.push_back(e->second);
    }
  }
  out.offsets[static_cast<std::size_t>(rows)] = total;
  return out;
}

}  // namespace orthant::io
