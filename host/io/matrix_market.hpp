#pragma once

#include <string>

#include "host/io/array.hpp"
#include "host/io/loaded_matrix.hpp"

namespace orthant::io {

/// Parses Matrix Market text. Comments and empty lines may stand anywhere after the first line.
/// @throws IoError, with a line
template <class T>
LoadedMatrix<T> parse_matrix_market(Bytes content, const std::string& name, int threads);

}  // namespace orthant::io
