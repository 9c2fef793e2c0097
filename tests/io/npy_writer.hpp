#pragma once

#include <cstring>
#include <string>
#include <vector>

namespace orthant::io {

/// A NumPy file from its header's text and its data; the header is not padded.
inline std::string npy(const std::string& header, const std::string& data, int version = 1) {
  std::string out = std::string("\x93NUMPY", 6) + static_cast<char>(version) + '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) out += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return out + header + data;
}

inline std::string npy_header(const std::string& type, const std::string& shape, bool fortran_order = false) {
  return "{'descr': '" + type + "', 'fortran_order': " + (fortran_order ? "True" : "False") + ", 'shape': " + shape +
         ", }\n";
}

/// The bytes of numbers as they lie in memory, or turned round.
template <class U>
std::string raw(const std::vector<U>& numbers, bool swapped = false) {
  std::string out;
  for (const U number : numbers) {
    std::string bytes(sizeof(U), '\0');
    std::memcpy(bytes.data(), &number, sizeof(U));
    out += swapped ? std::string(bytes.rbegin(), bytes.rend()) : bytes;
  }
  return out;
}

}  // namespace orthant::io
