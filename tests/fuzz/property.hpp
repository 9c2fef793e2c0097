#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include "host/io/io_error.hpp"
#include "tests/io/consistency.hpp"

/// What every reader promises of any bytes whatever: an IoError, or a matrix that is consistent.
namespace orthant::fuzz {

inline std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "broken promise: %s\n", what.c_str());
  std::abort();
}

/// Calls read(), which returns a matrix or throws.
template <class Read>
void reads_or_refuses(Read&& read) {
  try {
    const auto matrix = read();
    if (const std::string wrong = io::inconsistency(matrix); !wrong.empty()) fail(wrong);
  } catch (const io::IoError& e) {
    if (std::string_view(e.what()).find("input") != 0)
      fail(std::string("an error that does not name the file: ") + e.what());
  } catch (const std::bad_alloc&) {
    // A sparse matrix has 8 bytes for each row that it says it has.
  }
}

/// Whether the bytes have a number so large that a reader may rightly ask for gigabytes of offsets: not tried here.
inline bool names_huge_size(std::string_view bytes) {
  std::size_t digits = 0;
  for (char c : bytes) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits > 7) return true;
  }
  return false;
}

}  // namespace orthant::fuzz
