#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "host/io/matrix_file.hpp"

namespace orthant::io {

template <class T>
struct Triplet {
  std::int32_t row, column;
  T value;
};

/// Entries in any order to compressed rows: a counting sort by row, then each row by column; repeated entries add up.
/// The result depends on the order of the entries but not on how they are divided into parts, nor on threads.
template <class T>
SparseData<T> compress(std::int64_t rows, std::int64_t columns, std::vector<std::vector<Triplet<T>>> parts) {
  const auto row_count = static_cast<std::size_t>(rows);
  std::size_t count = 0;
  for (const auto& part : parts) count += part.size();
  SparseData<T> out;
  out.rows = rows;
  out.columns = columns;
  // While entries are put in place, offsets[i + 1] is where the next one of row i goes; at the end, where row i ends.
  out.offsets.assign(row_count + 2, 0);
  for (const auto& part : parts) {
    for (const auto& e : part) ++out.offsets[static_cast<std::size_t>(e.row) + 2];
  }
  for (std::size_t i = 2; i <= row_count; ++i) out.offsets[i + 1] += out.offsets[i];
  std::vector<std::pair<std::int32_t, T>> sorted(count);
  for (auto& part : parts) {
    for (const auto& e : part) {
      sorted[static_cast<std::size_t>(out.offsets[static_cast<std::size_t>(e.row) + 1]++)] = {e.column, e.value};
    }
    std::vector<Triplet<T>>().swap(part);
  }
  out.offsets.pop_back();

  bool repeated = false;
#pragma omp parallel for schedule(dynamic, 256) reduction(|| : repeated)
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto first = sorted.begin() + out.offsets[static_cast<std::size_t>(i)];
    const auto last = sorted.begin() + out.offsets[static_cast<std::size_t>(i) + 1];
    const auto by_column = [](const auto& a, const auto& b) { return a.first < b.first; };
    if (!std::is_sorted(first, last, by_column)) std::sort(first, last, by_column);
    const auto same_column = [](const auto& a, const auto& b) { return a.first == b.first; };
    repeated = repeated || std::adjacent_find(first, last, same_column) != last;
  }
  if (repeated) {
    auto to = sorted.begin();
    for (std::size_t i = 0, from = 0; i < row_count; ++i) {
      const auto begin = to;
      for (const auto end = static_cast<std::size_t>(out.offsets[i + 1]); from < end; ++from) {
        if (to != begin && (to - 1)->first == sorted[from].first) {
          (to - 1)->second += sorted[from].second;
        } else {
          *to++ = sorted[from];
        }
      }
      out.offsets[i + 1] = to - sorted.begin();
    }
    sorted.erase(to, sorted.end());
  }
  out.indices.resize(sorted.size());
  out.values.resize(sorted.size());
#pragma omp parallel for
  for (std::size_t p = 0; p < sorted.size(); ++p) {
    out.indices[p] = sorted[p].first;
    out.values[p] = sorted[p].second;
  }
  return out;
}

}  // namespace orthant::io
