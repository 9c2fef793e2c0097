#include "host/core/divergence_objective.hpp"

#include <cmath>

#include "host/core/update_rule.hpp"

namespace orthant::core {
namespace {

template <class T>
class DivergenceObjective final : public Objective<T> {
 public:
  DivergenceObjective(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors,
                      const Options& options, Workspace& workspace)
      : backend_(backend),
        x_(x),
        factors_(factors),
        workspace_(workspace),
        divergence_(make_divergence(options.loss, x)),
        one_sided_(is_one_sided(options)),
        local_(pass_side(options, x.shape())),
        rank_(factors.w.rank),
        numerator_(backend.memory(), rank_ * factors.of(other(local_)).count),
        denominator_(backend.memory(), divergence_.has_closed_denominator() ? 2 * rank_ : numerator_.size()) {
    const Penalties penalties = scale_penalties(options, x.shape());
    const double scale = divergence_.term_scale();
    for (Side side : {Side::w, Side::h}) {
      const ScaledPenalty of_loss = penalties.of(side), penalty{of_loss.l1 * scale, of_loss.l2 * scale};
      rules_[static_cast<int>(side)] = make_ratio_update(backend, penalty, divergence_.form(penalty.l2));
      probes_[static_cast<int>(side)] = make_ratio_update(backend, penalty, {});
    }
    x.reserve_divergence(rank_, divergence_, !one_sided_, workspace);
  }

  void prepare() const override {
    sum_columns(Side::w);
    sum_columns(Side::h);
  }

  void update(Side side, KktSums* kkt) const override {
    step(side, *rules_[static_cast<int>(side)], kkt);
    sum_columns(side);
  }

  void probe(Measured& measured) const override {
    if (!one_sided_) step(local_, *probes_[static_cast<int>(local_)], &measured.kkt(local_));
    const Side side = other(local_);
    step(side, *probes_[static_cast<int>(side)], &measured.kkt(side));
  }

  bool can_estimate() const override { return false; }
  void estimate(Measured&) const override {}
  void loss(double* out) const override { x_.divergence(factors_.w, factors_.h, divergence_, out, workspace_); }

 private:
  Factor<T> numerator() const { return {numerator_.data(), rank_, factors_.of(other(local_)).count, rank_}; }
  // What passes and terms make; without memory where it is known.
  Factor<T> made_denominator() const {
    if (divergence_.has_closed_denominator()) return {};
    return {denominator_.data(), rank_, factors_.of(other(local_)).count, rank_};
  }
  T* sums(Side side) const { return denominator_.data() + (side == Side::w ? 0 : rank_); }
  Factor<const T> known_denominator(Side side) const {
    if (!divergence_.has_closed_denominator()) return {};
    return {sums(other(side)), rank_, factors_.of(side).count, 0};
  }
  void sum_columns(Side side) const {
    if (divergence_.has_closed_denominator()) backend_.sum_columns(factors_.of(side), sums(side));
  }

  void step(Side side, const UpdateRule<T>& rule, KktSums* kkt) const {
    if (side == local_) {
      x_.divergence_pass(side, factors_.of(side), factors_.of(other(side)), divergence_, known_denominator(side), rule,
                         numerator(), made_denominator(), kkt, workspace_);
      return;
    }
    if (one_sided_) {
      x_.divergence_terms(side, factors_.w, factors_.h, divergence_, numerator(), made_denominator(), workspace_);
    }
    Factor<const T> denominator = known_denominator(side);
    if (denominator.data == nullptr) denominator = made_denominator();
    rule.apply(factors_.of(side), {{}, numerator(), denominator}, kkt);
  }

  const Backend<T>& backend_;
  const DataMatrix<T>& x_;
  const Factors<T> factors_;
  Workspace& workspace_;
  const Divergence divergence_;
  const bool one_sided_;
  const Side local_;
  const int rank_;
  Buffer<T> numerator_, denominator_;  // of the other side; or, instead of the latter, the component sums of both
  std::unique_ptr<UpdateRule<T>> rules_[2], probes_[2];  // by Side
};

}  // namespace

template <class T>
Divergence make_divergence(const Loss& loss, const DataMatrix<T>& x) {
  const double mean = x.statistics().mean();
  const bool powers = mean > 0 && loss.beta != 1 && loss.beta != 2;
  return {loss.beta, mean > 0 ? 1e-12 * mean : 1e-12, x.shape().complete(), powers ? std::exp2(-std::ilogb(mean)) : 1};
}

template <class T>
std::unique_ptr<Objective<T>> make_divergence_objective(const Backend<T>& backend, const DataMatrix<T>& x,
                                                        const Factors<T>& factors, const Options& options,
                                                        Workspace& workspace) {
  return std::make_unique<DivergenceObjective<T>>(backend, x, factors, options, workspace);
}

std::int64_t divergence_objective_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options) {
  const std::int64_t count = pass_side(options, shape) == Side::w ? shape.columns : shape.rows;
  const bool closed = Divergence{options.loss.beta, 0, shape.complete()}.has_closed_denominator();
  return (rank * count + (closed ? 2 * rank : rank * count)) * element_size;
}

#define ORTHANT_INSTANTIATE(T)                                                                              \
  template Divergence make_divergence(const Loss&, const DataMatrix<T>&);                                   \
  template std::unique_ptr<Objective<T>> make_divergence_objective(const Backend<T>&, const DataMatrix<T>&, \
                                                                   const Factors<T>&, const Options&, Workspace&);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::core
