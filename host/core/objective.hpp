#pragma once

#include <memory>

#include "host/core/backend.hpp"
#include "host/core/data_matrix.hpp"
#include "host/core/stopping.hpp"

namespace orthant::core {

/// The factors of a fit, in the backend's memory.
template <class T>
struct Factors {
  Factor<T> w, h;
  Factor<T> of(Side side) const { return side == Side::w ? w : h; }
};

/// Penalties with PenaltyScaling applied.
struct Penalties {
  ScaledPenalty w, h;
  ScaledPenalty of(Side side) const { return side == Side::w ? w : h; }
};

Penalties scale_penalties(const Options& options, const MatrixShape& shape);

/// A loss as the loop uses it: it knows in what order X is visited and which terms are kept between updates. Factors
/// that options hold fixed are never updated. All calls are enqueued; none allocates.
template <class T>
class Objective {
 public:
  virtual ~Objective() = default;

  /// Before the first update, from the factors as they are.
  virtual void prepare() const = 0;
  /// Updates one factor, the other being as it is. `kkt` (backend memory, or null): its KKT sums before that.
  virtual void update(Side side, KktSums* kkt) const = 0;
  /// The KKT sums of the factors as they are. estimate() may follow.
  virtual void probe(Measured& measured) const = 0;
  /// Whether dot products of what was kept since the last update of H, or probe, give the loss.
  virtual bool can_estimate() const = 0;
  virtual void estimate(Measured& measured) const = 0;
  /// The true loss of the factors as they are, to backend memory.
  virtual void loss(double* out) const = 0;
};

/// What is referred to must outlive it. Allocates all that it needs.
template <class T>
std::unique_ptr<Objective<T>> make_objective(const Backend<T>& backend, const DataMatrix<T>& x,
                                             const Factors<T>& factors, const Options& options, Workspace& workspace);

/// Bytes that an Objective takes beside the workspace.
std::int64_t objective_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options);

/// Whether the loss is a function of products with X and Gram matrices alone.
inline bool is_squared(Loss loss, const MatrixShape& shape) { return loss == Loss::frobenius() && shape.complete(); }

/// Whether iterations start from extrapolated factors.
inline bool is_extrapolated(const Options& options, const MatrixShape& shape) {
  return options.acceleration == Acceleration::automatic ? is_squared(options.loss, shape)
                                                         : options.acceleration == Acceleration::extrapolation;
}

inline bool is_one_sided(const Options& options) { return !options.update_w || !options.update_h; }

/// The side whose factor a pass updates panel by panel, while terms are kept for the other. One-sided: the fixed side.
/// Extrapolated: W's, since H moves between iterations, so that a product with it would be lost.
inline Side pass_side(const Options& options, const MatrixShape& shape) {
  if (is_one_sided(options)) return options.update_w ? Side::h : Side::w;
  if (is_extrapolated(options, shape)) return Side::w;
  return local_side(shape);
}

}  // namespace orthant::core
