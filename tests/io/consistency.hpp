#pragma once

#include <string>
#include <variant>

#include "host/io/matrix_file.hpp"

namespace orthant::io {

/// What is wrong with a matrix that a reader returned, or nothing.
template <class T>
std::string inconsistency(const DenseData<T>& m) {
  if (m.rows < 0 || m.columns < 0) return "negative size";
  const auto count = static_cast<unsigned __int128>(m.rows) * static_cast<unsigned __int128>(m.columns);
  return m.values.size() == count ? "" : "number of values";
}

template <class T>
std::string inconsistency(const SparseData<T>& m) {
  if (m.rows < 1 || m.columns < 1) return "empty";
  if (m.offsets.size() != static_cast<std::size_t>(m.rows) + 1) return "number of offsets";
  if (m.indices.size() != m.values.size()) return "number of indices";
  if (m.offsets.front() != 0 || m.offsets.back() != static_cast<std::int64_t>(m.values.size())) return "last offset";
  for (std::size_t i = 0; i + 1 < m.offsets.size(); ++i) {
    if (m.offsets[i] > m.offsets[i + 1]) return "falling offsets";
  }
  for (std::size_t i = 0; i + 1 < m.offsets.size(); ++i) {
    for (auto p = static_cast<std::size_t>(m.offsets[i]); p < static_cast<std::size_t>(m.offsets[i + 1]); ++p) {
      if (m.indices[p] < 0 || m.indices[p] >= m.columns) return "index out of range";
      if (static_cast<std::int64_t>(p) > m.offsets[i] && m.indices[p - 1] >= m.indices[p]) return "indices not rising";
    }
  }
  return "";
}

template <class T>
std::string inconsistency(const MatrixData<T>& m) {
  return std::visit([](const auto& data) { return inconsistency(data); }, m);
}

}  // namespace orthant::io
