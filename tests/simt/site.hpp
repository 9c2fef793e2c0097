#pragma once

namespace simt {

/// A place in the source. As a default argument `Site site = Site::here()` it is the place of the call.
struct Site {
  const char* file = "";
  int line = 0;

  static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
};

}  // namespace simt
