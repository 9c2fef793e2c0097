#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "orthant/matrix.hpp"

namespace orthant::io {

/// A dense matrix from a file, contiguous, in the order of the file.
template <class T>
struct DenseData {
  std::int64_t rows = 0, columns = 0;
  Layout layout = Layout::row_major;
  std::vector<T> values;

  DenseView<const T> view() const {
    return {values.data(), rows, columns, layout == Layout::row_major ? columns : rows, layout, MemorySpace::host};
  }
};

/// A sparse matrix from a file, in compressed rows; columns sorted, repeated entries added up.
template <class T>
struct SparseData {
  std::int64_t rows = 0, columns = 0;
  std::vector<std::int64_t> offsets;
  std::vector<std::int32_t> indices;
  std::vector<T> values;

  CsrView<T> view() const {
    return {rows, columns, static_cast<std::int64_t>(values.size()), offsets.data(), indices.data(), values.data(),
            MemorySpace::host};
  }
};

template <class T>
using MatrixData = std::variant<DenseData<T>, SparseData<T>>;

/// Reads a matrix, its format told by the name: .mtx (Matrix Market), .npy (NumPy), .npz (scipy.sparse.save_npz), .csv,
/// .tsv; all but .npz also gzipped (.gz). Numbers become T.
/// @throws IoError
template <class T>
MatrixData<T> read_matrix(const std::string& path);

// The same from memory; `file` is for messages.
template <class T>
MatrixData<T> parse_matrix_market(std::string_view text, const std::string& file);
template <class T>
DenseData<T> parse_npy(std::string_view bytes, const std::string& file);
template <class T>
SparseData<T> parse_npz(std::string_view bytes, const std::string& file);
template <class T>
DenseData<T> parse_csv(std::string_view text, char separator, const std::string& file);

/// The bytes of a file, inflated if its name ends in .gz.
std::string read_bytes(const std::string& path);

/// Writes a file that appears whole or not at all: under a temporary name in the same folder, then renamed.
void write_bytes(const std::string& path, std::string_view bytes);

/// A NumPy file, C order, in T's precision.
template <class T>
std::string npy_bytes(DenseView<const T> matrix);

}  // namespace orthant::io
