#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "host/io/io_error.hpp"
#include "host/io/matrix_file.hpp"
#include "tests/io/consistency.hpp"

namespace orthant::io {

using Precisions = ::testing::Types<float, double>;

/// An IoError, whole. The file is named "file" in all tests.
struct Failure {
  std::string what;
  std::int64_t line = -1, byte = -1;

  bool operator==(const Failure&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Failure& f) {
    return out << '"' << f.what << "\" (line " << f.line << ", byte " << f.byte << ")";
  }
};

inline Failure at_line(std::int64_t line, const std::string& what) {
  return {"file:" + std::to_string(line) + ": " + what, line, -1};
}
inline Failure at_byte(std::int64_t byte, const std::string& what) {
  return {"file: byte " + std::to_string(byte) + ": " + what, -1, byte};
}
inline Failure of_file(const std::string& what) { return {"file: " + what, -1, -1}; }

/// How the call fails.
template <class Call>
Failure failure(Call&& call) {
  try {
    (void)call();
  } catch (const IoError& e) {
    return {e.what(), e.line(), e.byte()};
  }
  return {"did not fail"};
}

/// A matrix written out in rows, however it is stored.
using Rows = std::vector<std::vector<double>>;

template <class T>
Rows rows_of(const DenseData<T>& m) {
  EXPECT_EQ(inconsistency(m), "");
  const DenseView<const T> v = m.view();
  Rows out(static_cast<std::size_t>(m.rows));
  for (std::int64_t i = 0; i < m.rows; ++i) {
    for (std::int64_t j = 0; j < m.columns; ++j) {
      out[static_cast<std::size_t>(i)].push_back(
          static_cast<double>(v.data[v.layout == Layout::row_major ? i * v.ld + j : i + j * v.ld]));
    }
  }
  return out;
}

template <class T>
Rows rows_of(const SparseData<T>& m) {
  EXPECT_EQ(inconsistency(m), "");
  Rows out(static_cast<std::size_t>(m.rows), std::vector<double>(static_cast<std::size_t>(m.columns)));
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (auto p = static_cast<std::size_t>(m.offsets[i]); p < static_cast<std::size_t>(m.offsets[i + 1]); ++p) {
      out[i][static_cast<std::size_t>(m.indices[p])] = static_cast<double>(m.values[p]);
    }
  }
  return out;
}

template <class T>
Rows rows_of(const MatrixData<T>& m) {
  return std::visit([](const auto& data) { return rows_of(data); }, m);
}

}  // namespace orthant::io
