#pragma once

#include "host/io/matrix_file.hpp"

namespace orthant::io {

/// A NumPy array of any number of dimensions, in the order of the file.
template <class T>
struct NpyArray {
  std::vector<std::int64_t> shape;
  bool fortran_order = false;
  std::vector<T> values;
};

template <class T>
NpyArray<T> parse_npy_array(std::string_view bytes, const std::string& file);

}  // namespace orthant::io
