#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace orthant::io {

/// A NumPy array of any number of dimensions, in the order of the file.
template <class T>
struct NpyArray {
  std::vector<std::int64_t> shape;
  bool fortran_order = false;
  std::vector<T> values;
  std::size_t shape_begin = 0;  ///< byte of the shape in the file
  std::size_t data_begin = 0;   ///< byte of the first element
  std::size_t width = 0;        ///< bytes of an element in the file
};

/// T is float or double (from any element type but complex ones, long double, times, text, objects) or std::int64_t
/// (from integers only).
/// @throws IoError also for a finite number that is too large for T
template <class T>
NpyArray<T> parse_npy_array(std::string_view bytes, const std::string& file);

/// An array with one element that is text, type S or U.
/// @throws IoError
std::string parse_npy_text(std::string_view bytes, const std::string& file);

}  // namespace orthant::io
