#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include "orthant/context.hpp"

namespace orthant {

/// Where the memory behind a view lives.
enum class MemorySpace { host, device };

/// Which index runs fastest in memory: the column index (row_major) or the row index (column_major).
enum class Layout { row_major, column_major };

/// A dense matrix in memory that the caller owns. Entry (i, j) is `data[i*ld + j]` (row_major) or `data[i + j*ld]`
/// (column_major).
template <class T>
struct DenseView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t ld = 0;  ///< elements from one row (row_major) or column (column_major) to the next
  Layout layout = Layout::row_major;
  MemorySpace space = MemorySpace::host;

  /// A view of the same memory that promises not to write.
  operator DenseView<const T>() const requires(!std::is_const_v<T>) { return {data, rows, columns, ld, layout, space}; }
};

/// A contiguous row-major view (C order).
template <class T>
DenseView<T> row_major(T* data, std::int64_t rows, std::int64_t columns) {
  return {data, rows, columns, columns, Layout::row_major, MemorySpace::host};
}

/// A contiguous column-major view (Fortran order).
template <class T>
DenseView<T> column_major(T* data, std::int64_t rows, std::int64_t columns) {
  return {data, rows, columns, rows, Layout::column_major, MemorySpace::host};
}

/// A sparse matrix in compressed rows, in memory that the caller owns. Entries that are not stored are zero.
/// Column indices may be unsorted or repeated within a row (repeated entries add up); either costs a copy.
template <class T, class Index = std::int32_t>
struct CsrView {
  static_assert(std::is_same_v<Index, std::int32_t> || std::is_same_v<Index, std::int64_t>);
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t nonzeros = 0;
  const std::int64_t* row_offsets = nullptr;  ///< rows + 1 values, from 0 to nonzeros, never falling
  const Index* column_indices = nullptr;      ///< nonzeros values in [0, columns)
  const T* values = nullptr;                  ///< nonzeros values, finite and not negative
  MemorySpace space = MemorySpace::host;
};

/// A sparse matrix as coordinates, in memory that the caller owns: `values[p]` is at (`row_indices[p]`,
/// `column_indices[p]`). Entries are in any order; repeated ones add up, and those that are not stored are zero.
template <class T, class Index = std::int32_t>
struct CooView {
  static_assert(std::is_same_v<Index, std::int32_t> || std::is_same_v<Index, std::int64_t>);
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t nonzeros = 0;
  const Index* row_indices = nullptr;     ///< nonzeros values in [0, rows)
  const Index* column_indices = nullptr;  ///< nonzeros values in [0, columns)
  const T* values = nullptr;              ///< nonzeros values, finite and not negative
  MemorySpace space = MemorySpace::host;
};

/// How a Matrix keeps the entries of dense X.
enum class Storage {
  element_type,  ///< as T, the element type of the Matrix
  uint8,         ///< integers from 0 to 255: exact, and refused unless they are such
  fp16,          ///< rounded to 11 significant bits; refused from 65520 on. Integers to 2048 are exact
  bf16,          ///< rounded to 8 significant bits. Integers to 256 are exact
};

/// Which entries of X are missing: they take no part in sums, terms or losses, and whatever they hold changes nothing.
enum class Missing {
  none,   ///< all entries of X are known
  nan,    ///< those that are NaN; dense X of floating-point elements
  zeros,  ///< of dense X those that are 0, of sparse X those that are not stored: what recommenders have
};

struct MatrixOptions {
  /// Narrow storage is for X that would not fit in a device's memory, or whose reading is what a fit waits for. It is
  /// X as stored whose products, statistics and loss are made, in T as always. CUDA Contexts only.
  Storage storage = Storage::element_type;
  /// With missing entries, or weights, the loss is a sum over the entries that count, each times its weight, and so are
  /// statistics of X. Fits start from given factors or at random; hals and multiplicative_update fit them, hals by
  /// coordinate descent. A row or column without an entry that counts gets a factor of 0.
  Missing missing = Missing::none;
};

namespace core {
template <class T>
class DataMatrix;
}

/// X, made ready on a Context: validated, and laid out for its products with W and H. Cheap to copy (shared, immutable)
/// and usable in many fits, also at the same time from several threads.
///
/// A dense host view whose element type is T is borrowed, never copied, whatever its layout and leading dimension: the
/// caller keeps it alive and unchanged. Other element types are converted into a copy. On a CUDA Context, that is true
/// of views in device memory; of host memory there is always a copy on the device. A view of std::uint8_t in device
/// memory is borrowed if it is to be stored so. A view of compressed rows with 32-bit sorted indices is borrowed too;
/// coordinates are copied into such rows, and are not needed afterwards. Beside the rows the Matrix keeps their
/// transpose (one more copy of the entries), so that neither product scatters.
///
/// Weights, one for each entry in the order of the view, are finite and not negative; an entry of weight 0 is missing.
/// They are borrowed or copied as X is.
///
/// @throws InvalidArgument for a null pointer, a leading dimension that is too small, malformed offsets or indices, or
///   an entry that is negative, NaN or infinite, or that the storage asked for does not have (the first one in row
///   order is named with row, column and value, of coordinates the first one in the order given); for narrow storage
///   on a CPU Context
/// @throws OutOfMemory
template <class T>
class Matrix {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);

 public:
  Matrix(const Context& context, DenseView<const T> x, const MatrixOptions& options = {});
  Matrix(const Context& context, DenseView<T> x, const MatrixOptions& options = {})
      : Matrix(context, DenseView<const T>(x), options) {}
  /// U is float, double, int8/16/32/64 or uint8/16/32/64; converts.
  template <class U>
    requires(!std::is_same_v<std::remove_const_t<U>, T>)
  Matrix(const Context& context, DenseView<U> x, const MatrixOptions& options = {});
  template <class Index>
  Matrix(const Context& context, const CsrView<T, Index>& x, const MatrixOptions& options = {});
  template <class Index>
  Matrix(const Context& context, const CooView<T, Index>& x, const MatrixOptions& options = {});

  /// X with a weight for each entry, in a view of the same shape, layout and memory space.
  Matrix(const Context& context, DenseView<const T> x, DenseView<const T> weights, const MatrixOptions& options = {});
  /// With a weight for each stored entry, in the same memory space. Entries that are not stored must be missing
  /// (Missing::zeros), and none may be repeated.
  template <class Index>
  Matrix(const Context& context, const CsrView<T, Index>& x, const T* weights,
         const MatrixOptions& options = {.missing = Missing::zeros});
  template <class Index>
  Matrix(const Context& context, const CooView<T, Index>& x, const T* weights,
         const MatrixOptions& options = {.missing = Missing::zeros});

  std::int64_t rows() const noexcept;
  std::int64_t columns() const noexcept;
  std::int64_t nonzeros() const noexcept;  ///< stored entries: rows * columns for dense X
  bool sparse() const noexcept;
  double sum() const noexcept;                  ///< sum of the entries, each times its weight
  double squared_norm() const noexcept;         ///< ||X||_F^2, each square times its weight
  double weight() const noexcept;               ///< sum of the weights; how many entries count, where they are 1
  std::int64_t empty_rows() const noexcept;     ///< rows that are all zero
  std::int64_t empty_columns() const noexcept;  ///< columns that are all zero
  std::int64_t bytes() const noexcept;          ///< memory this Matrix holds beyond what it borrows
  const Context& context() const noexcept;

  /// Internal: X through its products.
  const std::shared_ptr<const core::DataMatrix<T>>& data() const noexcept { return data_; }

 private:
  Context context_;
  std::int64_t copied_bytes_ = 0;  // of a copy in another type that data_ refers to
  std::shared_ptr<const core::DataMatrix<T>> data_;
};

}  // namespace orthant
