#pragma once

#include <cstdint>

#include "orthant/matrix.hpp"

namespace orthant::cli {

/// A sparse matrix in compressed rows that may be changed.
template <class T, class Index>
struct MutableCsr {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t* row_offsets = nullptr;
  Index* column_indices = nullptr;
  T* values = nullptr;
};

/// Replaces counts (rows are documents, columns are terms) by their tf-idf with the defaults of scikit-learn's
/// TfidfTransformer:
///   x(i, j) * (1 + ln((1 + rows) / (1 + d_j))), d_j counting the rows in which column j is not 0,
/// then every row divided by its Euclidean norm, unless that is 0. Computed in double.
/// @throws InvalidArgument for an entry that is negative, NaN or infinite: the first one in row order
template <class T>
void tfidf(DenseView<T> x);

/// The same. Entries that repeat within a row are added up first, so that fewer may be left: row_offsets[rows].
template <class T, class Index>
void tfidf(const MutableCsr<T, Index>& x);

}  // namespace orthant::cli
