#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/io/array.hpp"

namespace orthant::io {

/// What the header of a NumPy array file says.
struct NpyHeader {
  std::string descr;           ///< as in the file, for messages: "<f4"
  char kind = 0;               ///< 'f', 'i', 'u', 'b' or, for texts, 'S' and 'U'
  std::int64_t item_size = 0;  ///< bytes an element
  bool swapped = false;        ///< the bytes of an element come in the other order than this machine's
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::int64_t elements = 0;     ///< product of the shape
  std::int64_t data_offset = 0;  ///< bytes from the start of the file
};

/// Parses the header, and checks that exactly the array it announces follows.
/// @throws IoError, with an offset
NpyHeader parse_npy_header(const Bytes& content, const std::string& name);

/// "(3, 4)", as NumPy writes it.
std::string shape_text(const std::vector<std::int64_t>& shape);

/// True if the elements can be used where they are, as T.
template <class T>
bool stored_as(const NpyHeader& header);

/// The elements, in the file's order, converted to To: float, double, int32 or int64. Integers are never rounded.
/// @throws IoError if the type is not a number's, or (for integers To) not an integer that fits
template <class To>
Array<To> convert_elements(const Bytes& content, const NpyHeader& header, const std::string& name, int threads);

}  // namespace orthant::io
