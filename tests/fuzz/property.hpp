#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "host/io/io_error.hpp"
#include "tests/io/consistency.hpp"
#include "tests/io/limited_memory.hpp"

/// What every reader promises of any bytes whatever: an IoError, or a matrix that is consistent, and memory that the
/// size of the bytes bounds, but for the offsets of a sparse matrix.
namespace orthant::fuzz {

inline std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "broken promise: %s\n", what.c_str());
  std::abort();
}

template <class T>
std::size_t offset_bytes(const io::DenseData<T>&) {
  return 0;
}
template <class T>
std::size_t offset_bytes(const io::SparseData<T>& m) {
  return sizeof(std::int64_t) * static_cast<std::size_t>(m.rows + 2);
}
template <class T>
std::size_t offset_bytes(const io::MatrixData<T>& m) {
  return std::visit([](const auto& data) { return offset_bytes(data); }, m);
}

/// Calls read(), which returns a matrix or throws, and returns the matrix.
/// @param bytes that it may allocate
template <class Read>
auto reads_or_refuses(std::size_t bytes, Read&& read) -> std::optional<decltype(read())> {
  std::optional<decltype(read())> matrix;
  const io::LimitedMemory memory(std::size_t{1} << 28);
  try {
    matrix = read();
    if (const std::string wrong = io::inconsistency(*matrix); !wrong.empty()) fail(wrong);
  } catch (const io::IoError& e) {
    if (!std::string_view(e.what()).starts_with("input:")) {
      fail(std::string("an error that does not name the file: ") + e.what());
    }
  } catch (const std::bad_alloc&) {
    // Only offsets may be refused: what was allocated is within the bound all the same.
  }
  const std::size_t most = bytes + 16384 + (matrix ? offset_bytes(*matrix) : 0);
  if (memory.peak() > most) {
    fail(std::to_string(memory.peak()) + " bytes allocated, expected " + std::to_string(most) + " at most");
  }
  return matrix;
}

}  // namespace orthant::fuzz
