#pragma once

#include <cuda_runtime.h>

#include <cstring>
#include <string>

#include "tests/simt/site.hpp"

namespace simt {

inline std::string describe(uint3 index) {
  return "(" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " + std::to_string(index.z) + ")";
}
inline std::string describe(Site site) { return std::string(site.file) + ":" + std::to_string(site.line); }
inline bool differs(Site a, Site b) {
  return a.line != b.line || (a.file != b.file && std::strcmp(a.file, b.file) != 0);
}

inline std::string describe_mask(unsigned mask) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[mask >> shift & 15];
  return text;
}

}  // namespace simt
