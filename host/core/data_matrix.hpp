#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"
#include "host/core/update_rule.hpp"
#include "host/core/workspace.hpp"
#include "orthant/factorize.hpp"

namespace orthant::core {

/// What is measured once, when X is made ready.
struct MatrixStatistics {
  double sum = 0;           ///< of the entries that count, times their weights
  double squared_norm = 0;  ///< likewise
  double weight = 0;        ///< of all entries together
  std::int64_t empty_rows = 0;
  std::int64_t empty_columns = 0;

  double mean() const { return weight > 0 ? sum / weight : 0; }
};

/// X (m x n) through its products with the factors: the only way in which the algorithms touch it. Immutable; the
/// workspace belongs to the fit.
template <class T>
class DataMatrix {
 public:
  virtual ~DataMatrix() = default;

  virtual MatrixShape shape() const = 0;
  virtual MatrixStatistics statistics() const = 0;
  virtual std::int64_t bytes() const = 0;  ///< memory held beyond what is borrowed

  /// Takes from the workspace what calls with factors of this rank need (`passes`: pass() too), so that they allocate
  /// nothing. By default that happens in the first of them.
  virtual void reserve(int rank, bool passes, Workspace&) const {
    (void)rank;
    (void)passes;
  }

  /// The product of X with the factor on one side gives the terms of the other:
  /// side h: r (k x m) = H X' from f = H (k x n);  side w: r (k x n) = W' X from f = W (k x m).
  virtual void product(Side side, Factor<const T> f, Factor<T> r, Workspace&) const = 0;

  /// The true loss, 1/2 ||X - WH||^2, from the residual itself in double, to backend memory.
  virtual void loss(Factor<const T> w, Factor<const T> h, double* out, Workspace&) const = 0;

  /// One visit of X (architecture: observation 4). With `fixed` the factor of the other side and `fixed_gram` its Gram,
  /// applies `rule` to `local` (the factor of side `side`) and leaves in `r` (k x the other count) the product of X
  /// with the *new* local factor: the terms with which the other side is updated next. `kkt` as in UpdateRule::apply.
  virtual void pass(Side side, Factor<T> local, Factor<const T> fixed, Gram<const T> fixed_gram,
                    const UpdateRule<T>& rule, Factor<T> r, KktSums* kkt, Workspace&) const = 0;

  /// @name The same for any beta-divergence
  /// WH is made piece by piece and never stored. `denominator` without memory is not made: it is known.
  ///@{
  /// With `divergence.complete` false they are of the entries that count, times their weights.
  /// As reserve(), for these.
  virtual void reserve_divergence(int rank, const Divergence& divergence, bool passes, Workspace&) const {
    (void)rank;
    (void)divergence;
    (void)passes;
  }

  /// The first zero of X in the order of its rows that counts, if it has any (stored or not).
  virtual std::optional<BadEntry> find_zero() const = 0;

  /// Numerator and denominator for the factor of side `side`, both factors being as they are.
  virtual void divergence_terms(Side side, Factor<const T> w, Factor<const T> h, const Divergence& divergence,
                                Factor<T> numerator, Factor<T> denominator, Workspace&) const = 0;

  /// One visit of X: the terms of `local`, `rule`, and with the new local factor the terms of the other side.
  /// `known_denominator`, unless it has no memory, is that of the local factor.
  virtual void divergence_pass(Side side, Factor<T> local, Factor<const T> fixed, const Divergence& divergence,
                               Factor<const T> known_denominator, const UpdateRule<T>& rule, Factor<T> numerator,
                               Factor<T> denominator, KktSums* kkt, Workspace&) const = 0;

  /// As reserve(), for coordinate_descent.
  virtual void reserve_coordinate_descent(int rank, Workspace&) const { (void)rank; }

  /// Updates the factor of side `side` entry by entry, `sweeps` times over its components, each entry going to its own
  /// minimum of divergence and penalty (beta = 2) or near it (Kullback-Leibler). `fixed_sums`: of the components of the
  /// fixed factor, where the denominator is closed.
  virtual void coordinate_descent(Side side, Factor<T> f, Factor<const T> fixed, const Divergence& divergence,
                                  const T* fixed_sums, ScaledPenalty penalty, int sweeps, Workspace&) const = 0;

  /// The divergence of X from WH, over all entries that count, in double, to backend memory.
  virtual void divergence(Factor<const T> w, Factor<const T> h, const Divergence& divergence, double* out,
                          Workspace&) const = 0;
  ///@}
};

/// The side that passes update panel by panel, while an accumulator is held for the other one. That of the longer
/// factor, so that the accumulator is small; but of dense X, whose panels should be contiguous, that of its rows as
/// they lie in memory unless they are long (the panel would leave the cache) or much fewer than they are long.
inline Side local_side(const MatrixShape& shape) {
  const Side longer = shape.rows >= shape.columns ? Side::w : Side::h;
  if (shape.nonzeros >= 0) return longer;
  const bool by_rows = shape.layout == Layout::row_major;
  const std::int64_t lines = by_rows ? shape.rows : shape.columns, length = by_rows ? shape.columns : shape.rows;
  return length <= 6144 && lines >= std::max<std::int64_t>(1024, length / 4) ? (by_rows ? Side::w : Side::h) : longer;
}

}  // namespace orthant::core
