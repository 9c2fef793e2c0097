#pragma once

#include "host/core/data_matrix.hpp"
#include "host/core/observed.hpp"
#include "host/cpu/skinny_product.hpp"

/// Beta-divergences of dense X. WH exists block by block only, in the second-level cache; each block costs 2 k flops an
/// entry to make and 2 k more for each sum of the terms.
namespace orthant::cpu {

/// X as it lies in memory, and the sides that its rows and columns belong to.
template <class T>
struct StoredMatrix {
  Block<T> x;
  core::Observed<T> observed;
  bool flipped = false;  ///< x is the transpose of X
  int threads = 1;

  /// Whether the factor of this side belongs to the rows of x.
  bool is_row_side(core::Side side) const { return (side == core::Side::w) != flipped; }
};

/// As core::DataMatrix has them.
template <class T>
void dense_divergence_terms(const StoredMatrix<T>& matrix, core::Side side, core::Factor<const T> f,
                            core::Factor<const T> fixed, const core::Divergence& divergence, core::Factor<T> numerator,
                            core::Factor<T> denominator, core::Workspace& workspace);
template <class T>
void dense_divergence_pass(const StoredMatrix<T>& matrix, core::Side side, core::Factor<T> local,
                           core::Factor<const T> fixed, const core::Divergence& divergence,
                           core::Factor<const T> known_denominator, const core::UpdateRule<T>& rule,
                           core::Factor<T> numerator, core::Factor<T> denominator, core::KktSums* kkt,
                           core::Workspace& workspace);

template <class T>
void dense_coordinate_descent(const StoredMatrix<T>& matrix, core::Side side, core::Factor<T> f,
                              core::Factor<const T> fixed, const core::Divergence& divergence, const T* fixed_sums,
                              core::ScaledPenalty penalty, int sweeps, core::Workspace& workspace);

/// Bytes of workspace of the descents and terms of the sides that are updated.
std::int64_t dense_coordinate_descent_bytes(const MatrixShape& shape, const core::Divergence& divergence,
                                            bool updates_w, bool updates_h, int rank, int element_size, int threads);

/// Bytes of workspace of a pass, or of the terms of `side` alone.
std::int64_t dense_divergence_pass_bytes(const MatrixShape& shape, const core::Divergence& divergence, int rank,
                                         int element_size, int threads);
std::int64_t dense_divergence_terms_bytes(const MatrixShape& shape, core::Side side, const core::Divergence& divergence,
                                          int rank, int element_size, int threads);

}  // namespace orthant::cpu
