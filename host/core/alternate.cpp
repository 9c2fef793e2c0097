#include "host/core/alternate.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <vector>

namespace orthant::core {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Numbers that the device makes and the host reads at checks only.
struct Scalars {
  double product_dot = 0;  // <R, F>
  double gram_dot = 0;     // <WW', HH'>
  double loss = 0;         // the true one, where it is asked for
  KktSums kkt_w, kkt_h;
  KktSums& kkt(Side side) { return side == Side::w ? kkt_w : kkt_h; }
};

template <class T>
class Alternation {
 public:
  Alternation(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors, const Options& options,
              Workspace& workspace)
      : backend_(backend),
        x_(x),
        factors_(factors),
        options_(options),
        penalties_(scale_penalties(options, x.shape())),
        workspace_(workspace),
        rank_(factors.w.rank),
        one_sided_(!options.update_w || !options.update_h),
        local_(one_sided_ ? (options.update_w ? Side::h : Side::w) : local_side(x.shape())),
        scalars_(backend.memory(), 1),
        sums_(backend.memory(), 4 * static_cast<std::int64_t>(rank_)),
        gram_memory_(backend.memory(), 2 * static_cast<std::int64_t>(rank_) * rank_),
        product_memory_(backend.memory(), rank_ * factors.of(other(local_)).count) {
    backend.clear(scalars_.data(), sizeof(Scalars));
  }

  Result run() {
    // local_ is the side whose factor a pass updates panel by panel; the product r_ of X with it is kept for the other.
    // One-sided: local_ is the fixed side, whose product never changes, and X is not needed again.
    if (one_sided_) {
      x_.product(local_, factors_.of(local_), r(), workspace_);
      gram(local_);
    }
    gram(other(local_));
    const bool idle = !options_.update_w && !options_.update_h;
    Result result;
    int previous_iteration = 0;
    const int iterations = idle ? 0 : options_.max_iterations;
    const Progress begin = measure(0);
    result.history.push_back(begin);
    double previous = begin.objective;
    if (options_.on_check && !options_.on_check(begin)) {
      result.stop_reason = StopReason::stopped_by_caller;
      finish(result);
      return result;
    }
    const auto start = Clock::now();
    while (result.iterations < iterations) {
      ++result.iterations;
      const bool checked = result.iterations % options_.check_every == 0 || result.iterations == iterations;
      backend_.repeat(checked ? checked_iteration_ : plain_iteration_, [&] { iterate(checked); });
      if (!checked) continue;
      Progress progress = check(result.iterations);
      progress.seconds = seconds_since(start);
      result.history.push_back(progress);
      if (options_.on_check && !options_.on_check(progress)) {
        result.stop_reason = StopReason::stopped_by_caller;
        break;
      }
      if (converged(progress, previous, result.iterations - previous_iteration)) {
        result.stop_reason = StopReason::converged;
        break;
      }
      previous = progress.objective;
      previous_iteration = result.iterations;
    }
    if (result.iterations > 0) result.seconds_per_iteration = seconds_since(start) / result.iterations;
    finish(result);
    return result;
  }

 private:
  Factor<T> r() const { return {product_memory_.data(), rank_, factors_.of(other(local_)).count, rank_}; }
  Gram<T> gram_of(Side side) const {
    return {gram_memory_.data() + (side == Side::w ? 0 : static_cast<std::int64_t>(rank_) * rank_), rank_};
  }
  void gram(Side side) const { backend_.gram(factors_.of(side), gram_of(side)); }
  Terms<T> terms_of_other() const { return {gram_of(local_), r()}; }
  bool updated(Side side) const { return side == Side::w ? options_.update_w : options_.update_h; }

  void step_other(const UpdateRule<T>& rule, bool checked) const {
    const Side side = other(local_);
    rule.apply(factors_.of(side), terms_of_other(), checked ? &scalars_[0].kkt(side) : nullptr);
    gram(side);
  }
  void step_local(const UpdateRule<T>& rule, bool checked) const {
    const Side side = other(local_);
    x_.pass(local_, factors_.of(local_), factors_.of(side), gram_of(side), rule, r(),
            checked ? &scalars_[0].kkt(local_) : nullptr, workspace_);
    gram(local_);
  }

  // W from the old H, then H from the new W, whichever of them is local.
  void iterate(bool checked) const {
    if (!one_sided_ && local_ == Side::w) step_local(*rule_of(local_), checked);
    step_other(*rule_of(other(local_)), checked);
    if (!one_sided_ && local_ == Side::h) step_local(*rule_of(local_), checked);
  }

  const UpdateRule<T>* rule_of(Side side) const { return side == Side::w ? rule_w_.get() : rule_h_.get(); }

  // What is known of the current factors, r_ being the product with the current local one.
  Progress check(int iteration) const {
    backend_.dot(r(), factors_.of(other(local_)), &scalars_[0].product_dot);
    const auto flat = [&](Gram<T> g) { return Factor<const T>{g.data, rank_, rank_, rank_}; };
    backend_.dot(flat(gram_of(Side::w)), flat(gram_of(Side::h)), &scalars_[0].gram_dot);
    Scalars s;
    backend_.read(scalars_.data(), sizeof s, &s);
    const double squared_norm = x_.statistics().squared_norm;
    Progress progress;
    progress.iteration = iteration;
    progress.max_iterations = options_.max_iterations;
    progress.loss = (squared_norm - 2 * s.product_dot + s.gram_dot) / 2;
    // The three terms cancel; in what they leave, their rounding must stay small. Below this bound the residual itself.
    const double trusted = 1e4 * static_cast<double>(std::numeric_limits<T>::epsilon());
    if (std::isfinite(progress.loss) && 2 * progress.loss < trusted * squared_norm) {
      x_.loss(factors_.w, factors_.h, &scalars_[0].loss, workspace_);
      backend_.read(&scalars_[0].loss, sizeof(double), &progress.loss);
    }
    progress.objective = progress.loss + penalty(Side::w) + penalty(Side::h);
    progress.relative_error = relative_error(progress.loss, squared_norm);
    progress.kkt_residual = kkt_residual(s);
    if (!std::isfinite(progress.objective)) {
      throw NumericalError("the objective is no longer a finite number: X or the start is too large for this precision",
                           iteration);
    }
    return progress;
  }

  static double relative_error(double loss, double squared_norm) {
    if (squared_norm > 0) return std::sqrt(2 * loss / squared_norm);
    return loss > 0 ? std::numeric_limits<double>::infinity() : 0;
  }

  double kkt_residual(const Scalars& s) const {
    const auto ratio = [](const KktSums& k) {
      return k.product_squared > 0 ? std::sqrt(k.step_squared / k.product_squared) : (k.step_squared > 0 ? 1.0 : 0.0);
    };
    return std::max(updated(Side::w) ? ratio(s.kkt_w) : 0.0, updated(Side::h) ? ratio(s.kkt_h) : 0.0);
  }

  double penalty(Side side) const {
    const ScaledPenalty p = penalties_.of(side);
    if (p.l1 == 0 && p.l2 == 0) return 0;
    std::vector<double> sums(2 * static_cast<std::size_t>(rank_));
    component_sums(side, sums);
    double value = 0;
    for (std::size_t c = 0; c < static_cast<std::size_t>(rank_); ++c) {
      value += p.l1 * sums[c] + p.l2 / 2 * sums[static_cast<std::size_t>(rank_) + c];
    }
    return value;
  }

  void component_sums(Side side, std::vector<double>& host) const {
    backend_.component_sums(factors_.of(side), sums_.data(), sums_.data() + rank_);
    backend_.read(sums_.data(), static_cast<std::int64_t>(host.size() * sizeof(double)), host.data());
  }

  bool converged(const Progress& progress, double previous, int iterations) const {
    if (options_.tolerance == 0) return false;
    if (options_.stopping == Stopping::projected_gradient) return progress.kkt_residual <= options_.tolerance;
    return previous - progress.objective <= options_.tolerance * iterations * previous;
  }

  // Loss and KKT residual of the factors as they are, by a pass that changes nothing.
  Progress measure(int iteration) const {
    const auto probe_local = make_kkt_probe(backend_, penalties_.of(local_));
    const auto probe_other = make_kkt_probe(backend_, penalties_.of(other(local_)));
    if (!one_sided_) step_local(*probe_local, true);
    probe_other->apply(factors_.of(other(local_)), terms_of_other(), &scalars_[0].kkt(other(local_)));
    return check(iteration);
  }

  void finish(Result& result) const {
    const Progress end = measure(result.iterations);
    result.loss = end.loss;
    result.objective = end.objective;
    result.relative_error = end.relative_error;
    result.kkt_residual = end.kkt_residual;
    std::vector<double> w(2 * static_cast<std::size_t>(rank_)), h(w.size());
    component_sums(Side::w, w);
    component_sums(Side::h, h);
    for (std::size_t c = 0; c < static_cast<std::size_t>(rank_); ++c) {
      result.dead_components += w[c] == 0 || h[c] == 0;
    }
  }

  const Backend<T>& backend_;
  const DataMatrix<T>& x_;
  const Factors<T> factors_;
  const Options& options_;
  const Penalties penalties_;
  Workspace& workspace_;
  const int rank_;
  const bool one_sided_;
  const Side local_;
  Buffer<Scalars> scalars_;
  Buffer<double> sums_;
  Buffer<T> gram_memory_, product_memory_;
  const std::unique_ptr<UpdateRule<T>> rule_w_ = make_update_rule(backend_, options_, penalties_.w);
  const std::unique_ptr<UpdateRule<T>> rule_h_ = make_update_rule(backend_, options_, penalties_.h);
  std::unique_ptr<Recording> plain_iteration_, checked_iteration_;
};

}  // namespace

Penalties scale_penalties(const Options& options, const MatrixShape& shape) {
  const bool sklearn = options.penalty_scaling == PenaltyScaling::sklearn;
  const double w = sklearn ? static_cast<double>(shape.columns) : 1, h = sklearn ? static_cast<double>(shape.rows) : 1;
  return {{options.w_penalty.l1 * w, options.w_penalty.l2 * w}, {options.h_penalty.l1 * h, options.h_penalty.l2 * h}};
}

template <class T>
Result alternate(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors, const Options& options,
                 Workspace& workspace) {
  return Alternation<T>(backend, x, factors, options, workspace).run();
}

std::int64_t alternate_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options) {
  const bool one_sided = !options.update_w || !options.update_h;
  const Side local = one_sided ? (options.update_w ? Side::h : Side::w) : local_side(shape);
  const std::int64_t product = local == Side::w ? shape.columns : shape.rows;
  const std::int64_t k = rank;
  return (2 * k * k + product * k) * element_size + 4 * k * 8 + static_cast<std::int64_t>(sizeof(Scalars));
}

template Result alternate(const Backend<float>&, const DataMatrix<float>&, const Factors<float>&, const Options&,
                          Workspace&);
template Result alternate(const Backend<double>&, const DataMatrix<double>&, const Factors<double>&, const Options&,
                          Workspace&);

}  // namespace orthant::core
