#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "host/core/factor.hpp"
#include "orthant/matrix.hpp"
#include "tests/oracle.hpp"

/// Owners of the memory behind the library's views, and their conversion to the oracle's matrices. What lies between
/// the end of a row or column and the next one is NaN, so that reading it shows and writing it can be noticed.
namespace orthant::test {

template <class T>
class DenseStorage {
 public:
  DenseStorage(std::int64_t rows, std::int64_t columns, Layout layout = Layout::row_major, std::int64_t padding = 0)
      : rows_(rows),
        columns_(columns),
        ld_((layout == Layout::row_major ? columns : rows) + padding),
        layout_(layout),
        values_(static_cast<std::size_t>(ld_ * (layout == Layout::row_major ? rows : columns)), gap()) {
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j) (*this)(i, j) = 0;
  }
  DenseStorage(const oracle::Dense& d, Layout layout = Layout::row_major, std::int64_t padding = 0)
      : DenseStorage(d.rows, d.columns, layout, padding) {
    for (std::int64_t i = 0; i < d.rows; ++i)
      for (std::int64_t j = 0; j < d.columns; ++j) (*this)(i, j) = static_cast<T>(d(i, j));
  }

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  std::vector<T>& values() { return values_; }
  const std::vector<T>& values() const { return values_; }
  T& operator()(std::int64_t i, std::int64_t j) { return values_[static_cast<std::size_t>(at(i, j))]; }
  T operator()(std::int64_t i, std::int64_t j) const { return values_[static_cast<std::size_t>(at(i, j))]; }

  DenseView<T> view() { return {values_.data(), rows_, columns_, ld_, layout_, MemorySpace::host}; }
  DenseView<const T> view() const { return {values_.data(), rows_, columns_, ld_, layout_, MemorySpace::host}; }

  oracle::Dense oracle() const {
    oracle::Dense d(rows_, columns_);
    for (std::int64_t i = 0; i < rows_; ++i)
      for (std::int64_t j = 0; j < columns_; ++j) d(i, j) = static_cast<double>((*this)(i, j));
    return d;
  }

 private:
  static T gap() { return std::numeric_limits<T>::has_quiet_NaN ? std::numeric_limits<T>::quiet_NaN() : T(99); }
  std::int64_t at(std::int64_t i, std::int64_t j) const {
    return layout_ == Layout::row_major ? i * ld_ + j : i + j * ld_;
  }

  std::int64_t rows_, columns_, ld_;
  Layout layout_;
  std::vector<T> values_;
};

/// A factor of the internal interface: rank x count, component fastest.
template <class T>
class FactorStorage {
 public:
  FactorStorage(int rank, std::int64_t count, std::int64_t padding = 0)
      : matrix_(rank, count, Layout::column_major, padding) {}
  FactorStorage(const oracle::Dense& d, std::int64_t padding = 0) : matrix_(d, Layout::column_major, padding) {}

  T& operator()(std::int64_t c, std::int64_t j) { return matrix_(c, j); }
  T operator()(std::int64_t c, std::int64_t j) const { return matrix_(c, j); }
  core::Factor<T> factor() {
    const auto v = matrix_.view();
    return {v.data, static_cast<int>(v.rows), v.columns, v.ld};
  }
  core::Factor<const T> factor() const {
    const auto v = matrix_.view();
    return {v.data, static_cast<int>(v.rows), v.columns, v.ld};
  }
  oracle::Dense oracle() const { return matrix_.oracle(); }

  /// Whether nothing was written between the columns.
  bool gaps_untouched() const {
    const auto v = matrix_.view();
    for (std::int64_t j = 0; j < v.columns; ++j)
      for (std::int64_t c = v.rows; c < v.ld; ++c)
        if (v.data[c + j * v.ld] == v.data[c + j * v.ld]) return false;  // only NaN differs from itself
    return true;
  }

 private:
  DenseStorage<T> matrix_;
};

/// Coordinates, in the order of the entries.
template <class T, class Index = std::int32_t>
class CooStorage {
 public:
  explicit CooStorage(const oracle::Sparse& s) : rows_(s.rows), columns_(s.columns) {
    for (const auto& entry : s.entries) {
      row_indices_.push_back(static_cast<Index>(entry.row));
      column_indices_.push_back(static_cast<Index>(entry.column));
      values_.push_back(static_cast<T>(entry.value));
    }
  }

  std::vector<Index>& row_indices() { return row_indices_; }
  std::vector<Index>& column_indices() { return column_indices_; }
  std::vector<T>& values() { return values_; }
  CooView<T, Index> view() const {
    return {rows_,
            columns_,
            static_cast<std::int64_t>(values_.size()),
            row_indices_.data(),
            column_indices_.data(),
            values_.data(),
            MemorySpace::host};
  }

 private:
  std::int64_t rows_, columns_;
  std::vector<Index> row_indices_, column_indices_;
  std::vector<T> values_;
};

/// Compressed rows, made from entries in any order, which those that are repeated keep.
template <class T, class Index = std::int32_t>
class CsrStorage {
 public:
  explicit CsrStorage(const oracle::Sparse& s)
      : rows_(s.rows), columns_(s.columns), offsets_(static_cast<std::size_t>(s.rows + 1)) {
    auto entries = s.entries;
    std::stable_sort(entries.begin(), entries.end(),
                     [](const auto& a, const auto& b) { return a.row != b.row ? a.row < b.row : a.column < b.column; });
    for (const auto& entry : entries) {
      ++offsets_[static_cast<std::size_t>(entry.row + 1)];
      indices_.push_back(static_cast<Index>(entry.column));
      values_.push_back(static_cast<T>(entry.value));
    }
    for (std::size_t i = 1; i < offsets_.size(); ++i) offsets_[i] += offsets_[i - 1];
  }

  std::vector<std::int64_t>& offsets() { return offsets_; }
  std::vector<Index>& indices() { return indices_; }
  std::vector<T>& values() { return values_; }
  CsrView<T, Index> view() const {
    return {
        rows_,          columns_,         static_cast<std::int64_t>(values_.size()), offsets_.data(), indices_.data(),
        values_.data(), MemorySpace::host};
  }
  oracle::Sparse oracle() const {
    oracle::Sparse s{rows_, columns_, {}};
    for (std::int64_t i = 0; i < rows_; ++i)
      for (auto p = offsets_[static_cast<std::size_t>(i)]; p < offsets_[static_cast<std::size_t>(i + 1)]; ++p)
        s.entries.push_back(
            {i, indices_[static_cast<std::size_t>(p)], static_cast<double>(values_[static_cast<std::size_t>(p)])});
    return s;
  }

 private:
  std::int64_t rows_, columns_;
  std::vector<std::int64_t> offsets_;
  std::vector<Index> indices_;
  std::vector<T> values_;
};

}  // namespace orthant::test
