#include "host/io/csr_build.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>

#include "host/io/parallel.hpp"

namespace orthant::io {
namespace {

/// Calls `f(first, last)` for blocks that cover [0, count).
template <class F>
void parallel_blocks(std::int64_t count, int threads, const F& f) {
  const std::int64_t blocks = std::clamp<std::int64_t>(count / 256, 1, 16 * threads);
  parallel_for(blocks, threads,
               [&](std::int64_t i) { f(block_begin(count, i, blocks), block_begin(count, i + 1, blocks)); });
}

/// Calls `f(row, column, value)` for the entries of `part` and their mirror images.
template <class T, class F>
void visit(const Array<Entry<T>>& part, bool mirror, const F& f) {
  if (!mirror) {
    for (const Entry<T>& e : part) f(e.row, e.column, e.value);
    return;
  }
  for (const Entry<T>& e : part) {
    f(e.row, e.column, e.value);
    if (e.row != e.column) f(e.column, e.row, e.value);
  }
}

/// Adds up neighbours with the same column, moving the rest together.
template <class T>
void merge_repeated(CsrMatrix<T>& m) {
  std::int64_t to = 0;
  std::int64_t from = 0;
  for (std::int64_t i = 0; i < m.rows; ++i) {
    const std::int64_t last = m.row_offsets[i + 1];
    const std::int64_t row_begin = to;
    for (; from < last; ++from) {
      if (to > row_begin && m.column_indices[to - 1] == m.column_indices[from]) {
        m.values[to - 1] += m.values[from];
      } else {
        m.column_indices[to] = m.column_indices[from];
        m.values[to] = m.values[from];
        ++to;
      }
    }
    m.row_offsets[i + 1] = to;
  }
  m.column_indices.resize(to);
  m.values.resize(to);
}

}  // namespace

template <class T>
void sort_rows(CsrMatrix<T>& m, int threads) {
  std::atomic<bool> repeated = false;
  parallel_blocks(m.rows, threads, [&](std::int64_t first_row, std::int64_t last_row) {
    std::vector<std::pair<std::int32_t, T>> row;
    for (std::int64_t i = first_row; i < last_row; ++i) {
      const std::int64_t begin = m.row_offsets[i];
      const std::int64_t end = m.row_offsets[i + 1];
      std::int32_t* const columns = m.column_indices.data();
      if (std::adjacent_find(columns + begin, columns + end, std::greater_equal<>()) == columns + end) continue;
      row.clear();
      for (std::int64_t j = begin; j < end; ++j) row.emplace_back(columns[j], m.values[j]);
      std::stable_sort(row.begin(), row.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      for (std::int64_t j = begin; j < end; ++j) std::tie(columns[j], m.values[j]) = row[j - begin];
      if (std::adjacent_find(columns + begin, columns + end) != columns + end) repeated = true;
    }
  });
  if (repeated) merge_repeated(m);
}

template <class T>
CsrMatrix<T> build_csr(std::int64_t rows, std::int64_t columns, std::vector<Array<Entry<T>>> parts, bool mirror,
                       int threads) {
  std::int64_t entries = 0;
  for (const auto& part : parts) entries += static_cast<std::int64_t>(part.size());
  // A counting sort, stable for any number of groups: each group of parts counts its entries of every row, and learns
  // from the groups before it where in the row its own begin. The counts take no more room than the entries.
  const auto part_count = static_cast<std::int64_t>(parts.size());
  const std::int64_t groups =
      std::max<std::int64_t>(1, std::min<std::int64_t>({threads, part_count, entries / std::max<std::int64_t>(rows, 1)}));
  std::vector<Array<std::int64_t>> next(groups);
  const auto visit_group = [&](std::int64_t group, const auto& f) {
    const std::int64_t last = block_begin(part_count, group + 1, groups);
    for (std::int64_t i = block_begin(part_count, group, groups); i < last; ++i) visit(parts[i], mirror, f);
  };
  parallel_for(groups, threads, [&](std::int64_t group) {
    next[group].assign(rows, 0);
    std::int64_t* const count = next[group].data();
    visit_group(group, [count](std::int32_t row, std::int32_t, T) { ++count[row]; });
  });

  CsrMatrix<T> m;
  m.rows = rows;
  m.columns = columns;
  m.row_offsets.resize(rows + 1);
  std::int64_t offset = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    m.row_offsets[i] = offset;
    for (auto& group : next) offset += std::exchange(group[i], offset);
  }
  m.row_offsets[rows] = offset;

  m.column_indices.resize(offset);
  m.values.resize(offset);
  parallel_for(groups, threads, [&](std::int64_t group) {
    std::int64_t* const position = next[group].data();
    visit_group(group, [&m, position](std::int32_t row, std::int32_t column, T value) {
      const std::int64_t at = position[row]++;
      m.column_indices[at] = column;
      m.values[at] = value;
    });
  });
  parts.clear();
  sort_rows(m, threads);
  return m;
}

template void sort_rows(CsrMatrix<float>&, int);
template void sort_rows(CsrMatrix<double>&, int);
template CsrMatrix<float> build_csr(std::int64_t, std::int64_t, std::vector<Array<Entry<float>>>, bool, int);
template CsrMatrix<double> build_csr(std::int64_t, std::int64_t, std::vector<Array<Entry<double>>>, bool, int);

}  // namespace orthant::io
