#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "orthant/matrix.hpp"

namespace orthant::io {

/// What was skipped of .csv and .tsv as names.
struct SkippedNames {
  bool of_columns = false;  ///< the first line
  bool counted = false;     ///< which was 0, 1, 2 and so on
  bool of_rows = false;     ///< the first column
};

/// A dense matrix from a file, contiguous, in the order of the file.
template <class T>
struct DenseData {
  std::int64_t rows = 0, columns = 0;
  Layout layout = Layout::row_major;
  std::vector<T> values;
  SkippedNames skipped{};
  /// Of .csv and .tsv: (row, line) of the first row and of each below a line that is none. The others follow each
  /// other.
  std::vector<std::pair<std::int64_t, std::int64_t>> lines{};

  DenseView<const T> view() const {
    return {values.data(), rows, columns, layout == Layout::row_major ? columns : rows, layout, MemorySpace::host};
  }
  /// Where a row is in the file, from 1; nothing of other formats than .csv and .tsv.
  std::optional<std::int64_t> line_of(std::int64_t row) const {
    for (auto run = lines.rbegin(); run != lines.rend(); ++run)
      if (run->first <= row) return run->second + row - run->first;
    return {};
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
    return {rows,          columns,          static_cast<std::int64_t>(values.size()), offsets.data(), indices.data(),
            values.data(), MemorySpace::host};
  }
};

template <class T>
using MatrixData = std::variant<DenseData<T>, SparseData<T>>;

/// Whether the first line of .csv and .tsv holds names of columns, and no row.
enum class HeaderLine {
  words,      ///< if no field of it is a number, or all but the first count the columns: x, 0, 1, 2 and so on
  automatic,  ///< also if it is 0, 1, 2 and so on, and not the only line
  yes,
  no
};

/// How .csv and .tsv are read.
struct ReadOptions {
  bool missing_fields = false;  ///< empty ones and NA, in any case, are NaN; else they are refused
  std::string missing_hint;     ///< what a message adds where such a field is refused
  HeaderLine header = HeaderLine::automatic;
  bool short_header =
      true;  ///< one field shorter than the row below it, it leaves names of rows unnamed; else: refused
};

/// Reads a matrix, its format told by the name: .mtx (Matrix Market), .npy (NumPy), .npz (scipy.sparse.save_npz), .csv,
/// .tsv; all but .npz also gzipped (.gz). Numbers become the nearest T; negative, infinite or NaN ones are read as they
/// are. Memory is bounded by the file's size, but for the offsets of a sparse matrix: 8 bytes a row, as the file says.
/// Of .npy that is not gzipped it is that of the matrix; of other formats that of the file's bytes comes to it.
/// @throws IoError
/// @throws std::bad_alloc
template <class T>
MatrixData<T> read_matrix(const std::string& path, const ReadOptions& options = {});

// The same from memory; `file` is for messages.

/// Formats coordinate (sparse; repeated entries add up) and array (dense, column_major); fields real, integer,
/// unsigned-integer and pattern (ones); general and symmetric (entries in either triangle, but in one of them only).
/// All threads of OpenMP take part.
template <class T>
MatrixData<T> parse_matrix_market(std::string_view text, const std::string& file);

/// Element types f2, f4, f8, b1, u1 to u8 and i1 to i8 of either byte order, C and Fortran order, two dimensions.
template <class T>
DenseData<T> parse_npy(std::string_view bytes, const std::string& file);

/// The same from a file (.npy or .npy.gz); one that is not gzipped is never in memory but for the matrix.
/// @throws IoError
/// @throws std::bad_alloc
template <class T>
DenseData<T> read_npy(const std::string& path);

/// Sparse formats csr, csc and coo (with row and col, or coords). Errors within a member name its byte.
template <class T>
SparseData<T> parse_npz(std::string_view bytes, const std::string& file);

/// One row a line, every field a number. The first line may hold names of columns (ReadOptions::header), which are
/// skipped, as blank lines are. Below such a line the first column may hold names of rows, which are skipped too: if
/// the line's first field is empty, or the others count 0, 1, 2 and so on (pandas' to_csv, R's write.csv); if it is one
/// field shorter than the row below (R's write.table); or if that row's first field is neither a number nor empty nor
/// NA: then no name may be a number.
template <class T>
DenseData<T> parse_csv(std::string_view text, char separator, const std::string& file, const ReadOptions& options = {});

/// The bytes of a file, inflated if its name ends in .gz.
/// @throws IoError
/// @throws std::bad_alloc
std::string read_bytes(const std::string& path);

/// Writes a file that appears whole or not at all, as OutputFile (host/io/output_file.hpp) says.
/// @throws IoError
void write_bytes(const std::string& path, std::string_view bytes);

/// A NumPy file, C order, in T's precision.
template <class T>
std::string npy_bytes(DenseView<const T> matrix);

}  // namespace orthant::io
