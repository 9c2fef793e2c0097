#include "host/core/squared_objective.hpp"

#include "host/core/update_rule.hpp"

namespace orthant::core {
namespace {

template <class T>
class TermsOfSquares final : public SquaredObjective<T> {
 public:
  TermsOfSquares(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors, const Options& options,
                 Workspace& workspace)
      : backend_(backend),
        x_(x),
        factors_(factors),
        workspace_(workspace),
        rank_(factors.w.rank),
        one_sided_(is_one_sided(options)),
        by_products_(visits_by_products(options, x.shape())),
        local_(pass_side(options, x.shape())),
        gram_memory_(backend.memory(), 2 * static_cast<std::int64_t>(rank_) * rank_),
        product_memory_(backend.memory(), rank_ * factors.of(other(local_)).count),
        own_product_memory_(backend.memory(), by_products_ ? rank_ * factors.of(local_).count : 0),
        update_memory_(backend.memory(), update_scratch(backend, options, x.shape(), rank_)) {
    const Penalties penalties = scale_penalties(options, x.shape());
    for (Side side : {Side::w, Side::h}) {
      Options counted = options;
      counted.sweeps = sweeps_of(side, options, x.shape(), rank_);
      rules_[static_cast<int>(side)] = make_update_rule(backend, counted, penalties.of(side), update_memory_.data());
      probes_[static_cast<int>(side)] = make_kkt_probe(backend, penalties.of(side));
    }
    x.reserve(rank_, !one_sided_ && !by_products_, workspace);
  }

  void prepare() const override {
    if (one_sided_) {
      x_.product(local_, factors_.of(local_), r(), workspace_);
      gram(local_);
    }
    refresh();
  }

  // The product that is kept is that with a factor that is fixed, or will be updated first.
  void refresh() const override { gram(other(local_)); }

  void update(Side side, KktSums* kkt) const override { step(side, *rules_[static_cast<int>(side)], kkt); }

  void probe(Measured& measured) const override {
    const Side side = other(local_);
    if (!one_sided_) step(local_, *probes_[static_cast<int>(local_)], &measured.kkt(local_));
    probes_[static_cast<int>(side)]->apply(factors_.of(side), terms_of_other(), &measured.kkt(side));
  }

  bool can_estimate() const override { return true; }

  // r() is the product of X with the local factor as it is. (One-sided, with the fixed one: X is not needed again.)
  void estimate(Measured& measured) const override {
    const auto flat = [&](Gram<T> g) { return Factor<const T>{g.data, rank_, rank_, rank_}; };
    backend_.dot(r(), factors_.of(other(local_)), &measured.product_dot);
    backend_.dot(flat(gram_of(Side::w)), flat(gram_of(Side::h)), &measured.gram_dot);
  }

  void loss(double* out) const override { x_.loss(factors_.w, factors_.h, out, workspace_); }

 private:
  Factor<T> r() const { return {product_memory_.data(), rank_, factors_.of(other(local_)).count, rank_}; }
  Gram<T> gram_of(Side side) const {
    return {gram_memory_.data() + (side == Side::w ? 0 : static_cast<std::int64_t>(rank_) * rank_), rank_};
  }
  void gram(Side side) const { backend_.gram(factors_.of(side), gram_of(side)); }
  Terms<T> terms_of_other() const { return {gram_of(local_), r()}; }

  void step(Side side, const UpdateRule<T>& rule, KktSums* kkt) const {
    if (side != local_) {
      rule.apply(factors_.of(side), terms_of_other(), kkt);
    } else if (by_products_) {
      const Factor<T> f = factors_.of(local_), product{own_product_memory_.data(), rank_, f.count, rank_};
      x_.product(other(local_), factors_.of(other(local_)), product, workspace_);
      rule.apply(f, {gram_of(other(local_)), product}, kkt);
      x_.product(local_, f, r(), workspace_);
    } else {
      x_.pass(local_, factors_.of(local_), factors_.of(other(local_)), gram_of(other(local_)), rule, r(), kkt,
              workspace_);
    }
    gram(side);
  }

  const Backend<T>& backend_;
  const DataMatrix<T>& x_;
  const Factors<T> factors_;
  Workspace& workspace_;
  const int rank_;
  const bool one_sided_, by_products_;
  const Side local_;
  Buffer<T> gram_memory_, product_memory_, own_product_memory_;
  Buffer<double> update_memory_;
  std::unique_ptr<UpdateRule<T>> rules_[2], probes_[2];  // by Side
};

}  // namespace

template <class T>
std::unique_ptr<SquaredObjective<T>> make_squared_objective(const Backend<T>& backend, const DataMatrix<T>& x,
                                                            const Factors<T>& factors, const Options& options,
                                                            Workspace& workspace) {
  return std::make_unique<TermsOfSquares<T>>(backend, x, factors, options, workspace);
}

bool visits_by_products(const Options& options, const MatrixShape& shape) {
  return !is_one_sided(options) && pass_side(options, shape) != local_side(shape);
}

std::int64_t squared_objective_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options) {
  const bool both = visits_by_products(options, shape);
  const std::int64_t product = both                                   ? shape.rows + shape.columns
                               : pass_side(options, shape) == Side::w ? shape.columns
                                                                      : shape.rows;
  const std::int64_t k = rank;
  return (2 * k * k + product * k) * element_size;
}

#define ORTHANT_INSTANTIATE(T)                                                                                  \
  template std::unique_ptr<SquaredObjective<T>> make_squared_objective(const Backend<T>&, const DataMatrix<T>&, \
                                                                       const Factors<T>&, const Options&, Workspace&);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::core
