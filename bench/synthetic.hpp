#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bench/workloads.hpp"
#include "orthant/matrix.hpp"

/// X made up for measuring. Every number is a function of its place (Philox), so that X has the same bits for any
/// number of threads.
namespace orthant::bench {

/// Dense X: the product of two factors of the planted rank, whose entries are squares of uniform numbers, with noise of
/// 5 % at most; or counts around it. In the order of `layout`.
template <class T>
std::vector<T> dense_entries(const Workload& workload, Layout layout, int threads);

struct SparsePattern {
  std::vector<std::int64_t> offsets;  ///< rows + 1
  std::vector<std::int32_t> indices;  ///< sorted within a row
};

/// The places of sparse X: rows have the degrees of the workload, and three quarters of their entries in the columns of
/// one component of the planted rank; columns are drawn by popularity.
SparsePattern sparse_pattern(const Workload& workload, int threads);

/// The component that each column belongs to.
std::vector<int> components_of_columns(const Workload& workload);

/// Uniform in (0.5, 1.5).
template <class T>
std::vector<T> sparse_values(const SparsePattern& pattern, int threads);

/// The memory of an X, and the Matrix over it.
template <class T>
class SyntheticMatrix {
 public:
  SyntheticMatrix(const Context& context, const Workload& workload, Layout layout = Layout::row_major);
  SyntheticMatrix(const SyntheticMatrix&) = delete;
  const Matrix<T>& matrix() const { return *matrix_; }

 private:
  std::vector<T> values_;
  SparsePattern pattern_;
  std::optional<Matrix<T>> matrix_;
};

}  // namespace orthant::bench
