#include "host/core/extrapolated_objective.hpp"

#include <limits>

#include "host/core/squared_objective.hpp"

namespace orthant::core {
namespace {

// Updates are made on `points`, which begin as extrapolated factors and end as the candidate: what its loss is follows
// from the terms at hand. Then it is accepted or not, and the points of the next iteration are made.
template <class T>
class ExtrapolatedObjective final : public Objective<T> {
 public:
  ExtrapolatedObjective(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors,
                        const Options& options, Workspace& workspace)
      : backend_(backend),
        x_(x),
        factors_(factors),
        workspace_(workspace),
        penalties_(scale_penalties(options, x.shape())),
        updates_w_(options.update_w),
        updates_h_(options.update_h),
        rule_{x.statistics().squared_norm, kTrusted, kResolution},
        w_memory_(backend.memory(), updates_w_ ? factors.w.rank * factors.w.count : 0),
        h_memory_(backend.memory(), updates_h_ ? factors.h.rank * factors.h.count : 0),
        measured_(backend.memory(), 1),
        momentum_(backend.memory(), 1),
        points_{updates_w_ ? Factor<T>{w_memory_.data(), factors.w.rank, factors.w.count, factors.w.rank} : factors.w,
                updates_h_ ? Factor<T>{h_memory_.data(), factors.h.rank, factors.h.count, factors.h.rank} : factors.h},
        inner_(make_squared_objective(backend, x, points_, options, workspace)) {}

  void prepare() const override {
    backend_.clear(measured_.data(), sizeof(Measured));
    return_to_factors();
    inner_->prepare();
  }

  void update(Side side, KktSums* kkt) const override {
    inner_->update(side, kkt);
    if (side == Side::w && updates_h_) return;
    evaluate();
    advance(MomentumStep::decide);
    move_points();
    inner_->refresh();
  }

  void probe(Measured& measured) const override {
    return_to_factors();
    inner_->refresh();
    inner_->probe(measured);
    evaluate();
    advance(MomentumStep::start);
  }

  bool can_estimate() const override { return true; }
  void estimate(Measured& measured) const override {
    backend_.advance(rule_, MomentumStep::report, &measured, momentum_.data());
  }
  void loss(double* out) const override { x_.loss(factors_.w, factors_.h, out, workspace_); }

 private:
  // What was seen of the rounding of estimated losses is below `resolution`; where that is not small beside the loss,
  // the residual is worth its visit of X.
  static constexpr double kResolution = static_cast<double>(std::numeric_limits<T>::epsilon());
  static constexpr double kTrusted = 300 * kResolution;

  void advance(MomentumStep step) const { backend_.advance(rule_, step, measured_.data(), momentum_.data()); }

  // The loss of the points.
  void evaluate() const {
    inner_->estimate(*measured_.data());
    for (Side side : {Side::w, Side::h}) {
      const ScaledPenalty p = penalties_.of(side);
      if (p.l1 != 0 || p.l2 != 0) backend_.penalty(points_.of(side), p, &measured_.data()->penalty(side));
    }
    advance(MomentumStep::estimate);
    backend_.repeat_while(&momentum_.data()->needs_residual, [&] {
      inner_->loss(&measured_.data()->residual);
      advance(MomentumStep::accept);
    });
  }

  void move_points() const {
    if (updates_w_) backend_.extrapolate(points_.w, factors_.w, momentum_.data());
    if (updates_h_) backend_.extrapolate(points_.h, factors_.h, momentum_.data());
  }

  // Nothing is accepted where all is 0.
  void return_to_factors() const {
    backend_.clear(momentum_.data(), sizeof(Momentum));
    move_points();
  }

  const Backend<T>& backend_;
  const DataMatrix<T>& x_;
  const Factors<T> factors_;
  Workspace& workspace_;
  const Penalties penalties_;
  const bool updates_w_, updates_h_;
  const MomentumRule rule_;
  Buffer<T> w_memory_, h_memory_;
  Buffer<Measured> measured_;  // of the candidate
  Buffer<Momentum> momentum_;
  const Factors<T> points_;
  const std::unique_ptr<SquaredObjective<T>> inner_;
};

}  // namespace

template <class T>
std::unique_ptr<Objective<T>> make_extrapolated_objective(const Backend<T>& backend, const DataMatrix<T>& x,
                                                          const Factors<T>& factors, const Options& options,
                                                          Workspace& workspace) {
  return std::make_unique<ExtrapolatedObjective<T>>(backend, x, factors, options, workspace);
}

std::int64_t extrapolated_objective_bytes(const MatrixShape& shape, int rank, int element_size,
                                          const Options& options) {
  const std::int64_t columns = (options.update_w ? shape.rows : 0) + (options.update_h ? shape.columns : 0);
  return squared_objective_bytes(shape, rank, element_size, options) + rank * columns * element_size +
         static_cast<std::int64_t>(sizeof(Measured) + sizeof(Momentum));
}

#define ORTHANT_INSTANTIATE(T)                                                                                \
  template std::unique_ptr<Objective<T>> make_extrapolated_objective(const Backend<T>&, const DataMatrix<T>&, \
                                                                     const Factors<T>&, const Options&, Workspace&);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::core
