#pragma once

#include <cstdint>
#include <vector>

#include "host/io/array.hpp"
#include "host/io/loaded_matrix.hpp"

namespace orthant::io {

/// One entry of a sparse matrix, indices from 0.
template <class T>
struct Entry {
  std::int32_t row, column;
  T value;
};

/// The most rows that a sparse matrix with so many entries is believed to have: beyond, nearly all rows would be empty,
/// and a damaged size would make the reader allocate without bound.
constexpr std::int64_t most_rows(std::int64_t entries) { return (std::int64_t{1} << 20) + 128 * entries; }

/// Compressed rows of entries in any order; entries that repeat add up, in their order.
/// @param parts the entries, consumed
/// @param mirror each entry off the diagonal stands for its mirror image too
template <class T>
CsrMatrix<T> build_csr(std::int64_t rows, std::int64_t columns, std::vector<Array<Entry<T>>> parts, bool mirror,
                       int threads);

/// Sorts every row by column, and adds up entries that repeat, in their order.
template <class T>
void sort_rows(CsrMatrix<T>& matrix, int threads);

}  // namespace orthant::io
