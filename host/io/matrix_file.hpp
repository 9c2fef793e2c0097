#pragma once

#include <string>

#include "host/io/array.hpp"
#include "host/io/io_error.hpp"
#include "host/io/loaded_matrix.hpp"

namespace orthant::io {

/// Reads a matrix; the end of the name tells the format. `.gz` may follow any of the text formats and `.npy`.
///
/// - `.mtx` Matrix Market: coordinate (real, integer, pattern; entries that repeat add up) gives a CsrMatrix, array
///   (real, integer) a DenseMatrix; general or symmetric
/// - `.npy` NumPy: two dimensions, any integer, boolean, float32 or float64, either byte order, C or Fortran order
/// - `.npz` SciPy's `save_npz`: csr, csc or coo
/// - `.csv`, `.tsv` one row a line, separated by commas or tabs; a first line without any number is a header
///
/// Values are rounded to T. Whether they are negative, NaN or infinite is not checked here. Memory: the file's size
/// and about twice the result.
/// @param threads that parse; 0: OpenMP's default. The result does not depend on it.
/// @throws IoError if the format is not known, the file cannot be read, its content is malformed, or a sparse matrix
///   has more than 2^31 - 1 rows or columns
/// @throws OutOfMemory
template <class T>
LoadedMatrix<T> read_matrix(const std::string& path, int threads = 0);

/// The same of a file's content in memory.
/// @param name tells the format, and is named in errors
template <class T>
LoadedMatrix<T> parse_matrix(Bytes content, const std::string& name, int threads = 0);

}  // namespace orthant::io
