#pragma once

#include <string>

#include "host/io/array.hpp"
#include "host/io/io_error.hpp"
#include "host/io/loaded_matrix.hpp"
#include "orthant/matrix.hpp"

namespace orthant::io {

/// Reads a two-dimensional NumPy array (`.npy`, `.npy.gz`) as `read_matrix` does.
/// @throws IoError, OutOfMemory
template <class T>
DenseMatrix<T> read_npy(const std::string& path);

/// The same of a file's content in memory. Borrows `content`'s memory for the result where the type allows.
/// @param name is named in errors
template <class T>
DenseMatrix<T> parse_npy(Bytes content, const std::string& name);

/// Writes a matrix of any layout and leading dimension as a NumPy array in C order. The file appears whole or not at
/// all (see AtomicFile).
/// @throws IoError
template <class T>
void write_npy(const std::string& path, DenseView<const T> matrix);

}  // namespace orthant::io
