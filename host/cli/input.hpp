#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/io/matrix_file.hpp"
#include "orthant/factorize.hpp"
#include "orthant/matrix.hpp"

namespace orthant::cli {

/// A factor in memory, row-major as in its file.
template <class T>
struct FactorData {
  std::int64_t rows = 0, columns = 0;
  std::vector<T> values;

  FactorData() = default;
  FactorData(std::int64_t r, std::int64_t c) : rows(r), columns(c), values(static_cast<std::size_t>(r * c)) {}
  DenseView<T> view() { return row_major(values.data(), rows, columns); }
  T operator()(std::int64_t i, std::int64_t j) const { return values[static_cast<std::size_t>(i * columns + j)]; }
};

/// @throws io::IoError unless the .npy file holds a matrix
template <class T>
FactorData<T> read_factor(const std::string& path);

/// X as its file has it, in precision T, the weights of its entries, and those that are kept out of the fit.
template <class T>
class Input {
 public:
  /// Reads the file; where `missing_fields`, fields of CSV that are empty or NA are NaN. @throws IoError
  Input(const std::string& path, io::HeaderLine header, bool missing_fields);
  ~Input();

  std::int64_t rows() const;
  std::int64_t columns() const;
  bool sparse() const;
  /// Before entries are held out.
  MatrixShape shape(Missing missing) const;
  /// What of the file was taken as names; nothing of other formats than .csv and .tsv.
  io::SkippedNames skipped() const;
  /// @throws InvalidArgument for an entry that is negative, NaN or infinite
  void apply_tfidf();
  /// Reads weights: a matrix of the shape of X, of sparse X with the same entries stored. @throws IoError, FileError
  void read_weights(const std::string& path, io::HeaderLine header);
  /// Keeps about `fraction` of the entries that count out of X: a function of seed, row and column alone. Returns how
  /// many they are. @throws UsageError if X is sparse and complete, FileError if none or all were left
  std::int64_t hold_out(double fraction, std::uint64_t seed, Missing missing);
  /// X made ready, and the entries that were kept out of it; both borrow from this.
  Matrix<T> on(const Context& context, const MatrixOptions& options) const;
  Matrix<T> held_out_on(const Context& context, const MatrixOptions& options) const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace orthant::cli
