#include "host/io/matrix_file.hpp"

#include "host/io/io_error.hpp"

namespace orthant::io {

template <class T>
MatrixData<T> read_matrix(const std::string& path, const ReadOptions& options) {
  std::string_view name = path;
  const bool gzipped = name.ends_with(".gz");
  if (gzipped) name.remove_suffix(3);
  const bool known = name.ends_with(".mtx") || name.ends_with(".npy") || name.ends_with(".csv") ||
                     name.ends_with(".tsv") || (name.ends_with(".npz") && !gzipped);
  if (!known) {
    throw IoError(path, "the name tells no known format, expected .mtx, .npy, .csv, .tsv (each also with .gz) or .npz");
  }
  if (name.ends_with(".npy")) return read_npy<T>(path);
  const std::string bytes = read_bytes(path);
  if (name.ends_with(".mtx")) return parse_matrix_market<T>(bytes, path);
  if (name.ends_with(".npz")) return parse_npz<T>(bytes, path);
  return parse_csv<T>(bytes, name.ends_with(".csv") ? ',' : '\t', path, options);
}

template MatrixData<float> read_matrix(const std::string&, const ReadOptions&);
template MatrixData<double> read_matrix(const std::string&, const ReadOptions&);

}  // namespace orthant::io
