#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <variant>

#include "host/io/array.hpp"
#include "orthant/matrix.hpp"

namespace orthant::io {

/// Owns the values of a dense matrix, contiguous in the order the file had them. Moves, never copies.
template <class T>
class DenseMatrix {
 public:
  DenseMatrix(Array<T>&& values, std::int64_t rows, std::int64_t columns, Layout layout)
      : rows_(rows), columns_(columns), layout_(layout) {
    auto owner = std::make_shared<Array<T>>(std::move(values));
    data_ = owner->data();
    owner_ = std::move(owner);
  }
  /// Values that lie in a file's content, `offset` bytes from its start (a multiple of T's alignment).
  DenseMatrix(Bytes&& content, std::int64_t offset, std::int64_t rows, std::int64_t columns, Layout layout)
      : rows_(rows), columns_(columns), layout_(layout) {
    auto owner = std::make_shared<Bytes>(std::move(content));
    data_ = reinterpret_cast<T*>(owner->data() + offset);
    owner_ = std::move(owner);
  }
  DenseMatrix(DenseMatrix&&) noexcept = default;
  DenseMatrix& operator=(DenseMatrix&&) noexcept = default;

  std::int64_t rows() const noexcept { return rows_; }
  std::int64_t columns() const noexcept { return columns_; }
  DenseView<T> view() noexcept { return {data_, rows_, columns_, ld(), layout_, MemorySpace::host}; }
  DenseView<const T> view() const noexcept { return {data_, rows_, columns_, ld(), layout_, MemorySpace::host}; }

 private:
  std::int64_t ld() const noexcept { return layout_ == Layout::row_major ? columns_ : rows_; }

  std::shared_ptr<void> owner_;
  T* data_;
  std::int64_t rows_, columns_;
  Layout layout_;
};

/// Owns a sparse matrix in compressed rows. As read from a file, columns rise strictly within every row.
template <class T>
struct CsrMatrix {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  Array<std::int64_t> row_offsets;     ///< rows + 1
  Array<std::int32_t> column_indices;  ///< nonzeros
  Array<T> values;                     ///< nonzeros; explicit zeros of the file are kept

  std::int64_t nonzeros() const noexcept { return static_cast<std::int64_t>(values.size()); }
  CsrView<T> view() const noexcept {
    return {rows, columns, nonzeros(), row_offsets.data(), column_indices.data(), values.data(), MemorySpace::host};
  }
};

template <class T>
using LoadedMatrix = std::variant<DenseMatrix<T>, CsrMatrix<T>>;

}  // namespace orthant::io
