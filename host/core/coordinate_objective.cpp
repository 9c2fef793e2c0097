#include "host/core/coordinate_objective.hpp"

#include <algorithm>

#include "host/core/divergence_objective.hpp"
#include "host/core/update_rule.hpp"

namespace orthant::core {
namespace {

template <class T>
class CoordinateObjective final : public Objective<T> {
 public:
  CoordinateObjective(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors,
                      const Options& options, Workspace& workspace)
      : backend_(backend),
        x_(x),
        factors_(factors),
        workspace_(workspace),
        penalties_(scale_penalties(options, x.shape())),
        divergence_(make_divergence(options.loss, x)),
        sweeps_(sweeps_of(Side::w, options, x.shape(), factors.w.rank)),
        updates_w_(options.update_w),
        updates_h_(options.update_h),
        rank_(factors.w.rank),
        closed_(divergence_.has_closed_denominator()),
        sums_(backend.memory(), 2 * rank_),
        terms_(backend.memory(), (closed_ ? 1 : 2) * rank_ * std::max(factors.w.count, factors.h.count)) {
    for (Side side : {Side::w, Side::h}) {
      probes_[static_cast<int>(side)] = make_ratio_update(backend, penalties_.of(side), {});
    }
    x.reserve_divergence(rank_, divergence_, false, workspace);
    x.reserve_coordinate_descent(rank_, workspace);
  }

  void prepare() const override {
    sum_columns(Side::w);
    sum_columns(Side::h);
  }

  void update(Side side, KktSums* kkt) const override {
    if (kkt != nullptr) measure(side, kkt);
    x_.coordinate_descent(side, factors_.of(side), factors_.of(other(side)), divergence_, sums(other(side)),
                          penalties_.of(side), sweeps_, workspace_);
    sum_columns(side);
  }

  void probe(Measured& measured) const override {
    if (updates_w_) measure(Side::w, &measured.kkt_w);
    if (updates_h_) measure(Side::h, &measured.kkt_h);
  }

  bool can_estimate() const override { return false; }
  void estimate(Measured&) const override {}
  void loss(double* out) const override { x_.divergence(factors_.w, factors_.h, divergence_, out, workspace_); }

 private:
  T* sums(Side side) const { return sums_.data() + (side == Side::w ? 0 : rank_); }
  void sum_columns(Side side) const {
    if (closed_) backend_.sum_columns(factors_.of(side), sums(side));
  }

  void measure(Side side, KktSums* kkt) const {
    const Factor<T> f = factors_.of(side), numerator{terms_.data(), rank_, f.count, rank_};
    const Factor<T> made = closed_ ? Factor<T>{} : Factor<T>{terms_.data() + rank_ * f.count, rank_, f.count, rank_};
    x_.divergence_terms(side, factors_.w, factors_.h, divergence_, numerator, made, workspace_);
    const Factor<const T> known{sums(other(side)), rank_, f.count, 0};
    probes_[static_cast<int>(side)]->apply(f, {{}, numerator, closed_ ? known : Factor<const T>(made)}, kkt);
  }

  const Backend<T>& backend_;
  const DataMatrix<T>& x_;
  const Factors<T> factors_;
  Workspace& workspace_;
  const Penalties penalties_;
  const Divergence divergence_;
  const int sweeps_;
  const bool updates_w_, updates_h_;
  const int rank_;
  const bool closed_;                         // the denominator is the component sums of the other factor
  Buffer<T> sums_;                            // of the components of W, then of H
  Buffer<T> terms_;                           // for the KKT sums of either side
  std::unique_ptr<UpdateRule<T>> probes_[2];  // by Side
};

}  // namespace

template <class T>
std::unique_ptr<Objective<T>> make_coordinate_objective(const Backend<T>& backend, const DataMatrix<T>& x,
                                                        const Factors<T>& factors, const Options& options,
                                                        Workspace& workspace) {
  return std::make_unique<CoordinateObjective<T>>(backend, x, factors, options, workspace);
}

std::int64_t coordinate_objective_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options) {
  const bool closed = Divergence{options.loss.beta, 0, shape.complete()}.has_closed_denominator();
  return (2 * rank + (closed ? 1 : 2) * rank * std::max(shape.rows, shape.columns)) * element_size;
}

#define ORTHANT_INSTANTIATE(T)                                                                              \
  template std::unique_ptr<Objective<T>> make_coordinate_objective(const Backend<T>&, const DataMatrix<T>&, \
                                                                   const Factors<T>&, const Options&, Workspace&);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::core
