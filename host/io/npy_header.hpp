#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace orthant::io {

/// What the header of a NumPy file states, format versions 1 to 3.
struct NpyHeader {
  std::string type;  ///< as in the file: "<f8", "|u1"
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::string shape_text;       ///< as in the file: "(3, 4)"
  std::size_t type_begin = 0;   ///< byte of the type
  std::size_t shape_begin = 0;  ///< byte of the shape
  std::size_t data_begin = 0;   ///< byte of the first element
};

/// @throws IoError with the byte where the header is not as expected
NpyHeader parse_npy_header(std::string_view bytes, const std::string& file);

}  // namespace orthant::io
