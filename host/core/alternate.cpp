#include "host/core/alternate.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <vector>

namespace orthant::core {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool is_one_sided(const Options& options) { return !options.update_w || !options.update_h; }

// The side whose factor a pass updates panel by panel; the product of X with it is kept for the other. One-sided: the
// fixed side, whose product never changes, so that X is not needed again.
Side local_side_of(const Options& options, const MatrixShape& shape) {
  if (is_one_sided(options)) return options.update_w ? Side::h : Side::w;
  return local_side(shape);
}

template <class T>
StoppingRule make_stopping_rule(const Options& options, double squared_norm) {
  StoppingRule rule;
  rule.squared_norm = squared_norm;
  rule.trusted = 1e4 * static_cast<double>(std::numeric_limits<T>::epsilon());
  rule.tolerance = options.tolerance;
  rule.by_kkt = options.stopping == Stopping::projected_gradient;
  rule.updates_w = options.update_w;
  rule.updates_h = options.update_h;
  rule.max_iterations = options.update_w || options.update_h ? options.max_iterations : 0;
  rule.check_every = options.check_every;
  return rule;
}

}  // namespace

template <class T>
Alternation<T>::Alternation(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors,
                            const Options& options, Workspace& workspace)
    : backend_(backend),
      x_(x),
      factors_(factors),
      options_(options),
      penalties_(scale_penalties(options, x.shape())),
      workspace_(workspace),
      rank_(factors.w.rank),
      one_sided_(is_one_sided(options)),
      local_(local_side_of(options, x.shape())),
      stopping_(make_stopping_rule<T>(options, x.statistics().squared_norm)),
      measured_(backend.memory(), 1),
      state_(backend.memory(), 1),
      sums_(backend.memory(), 4 * static_cast<std::int64_t>(rank_)),
      gram_memory_(backend.memory(), 2 * static_cast<std::int64_t>(rank_) * rank_),
      product_memory_(backend.memory(), rank_ * factors.of(other(local_)).count),
      rule_w_(make_update_rule(backend, options_, penalties_.w)),
      rule_h_(make_update_rule(backend, options_, penalties_.h)),
      probe_w_(make_kkt_probe(backend, penalties_.w)),
      probe_h_(make_kkt_probe(backend, penalties_.h)) {
  x.reserve(rank_, !one_sided_, workspace);
}

template <class T>
Result Alternation<T>::run() {
  prepare();
  probe();
  check(CheckStep::begin, 0);
  Result result;
  const Progress begin = read_progress();
  result.history.push_back(begin);
  const auto start = Clock::now();
  bool stopped = options_.on_check && !options_.on_check(begin);
  while (!stopped && result.iterations < stopping_.max_iterations) {
    ++result.iterations;
    const bool checked = result.iterations % options_.check_every == 0 || result.iterations == stopping_.max_iterations;
    backend_.repeat(checked ? checked_iteration_ : plain_iteration_, [&] { iterate(checked); });
    if (!checked) continue;
    check(CheckStep::conclude, result.iterations - result.history.back().iteration);
    Progress progress = read_progress();
    progress.seconds = seconds_since(start);
    result.history.push_back(progress);
    stopped = options_.on_check && !options_.on_check(progress);
    LoopState s;
    backend_.read(state_.data(), sizeof s, &s);
    if (!stopped && s.converged) {
      result.stop_reason = StopReason::converged;
      break;
    }
  }
  if (stopped) result.stop_reason = StopReason::stopped_by_caller;
  if (result.iterations > 0) result.seconds_per_iteration = seconds_since(start) / result.iterations;
  probe();
  check(CheckStep::end, 0);
  component_sums();
  std::vector<double> sums(static_cast<std::size_t>(sums_.size()));
  backend_.read(sums_.data(), static_cast<std::int64_t>(sums_.bytes()), sums.data());
  finish(read_progress(), sums, result);
  return result;
}

template <class T>
void Alternation<T>::enqueue() {
  const auto rounds = [&](const int* go_on, int iterations) {
    backend_.repeat_while(go_on, [&, iterations] {
      for (int i = 1; i <= iterations; ++i) iterate(i == iterations);
      check(CheckStep::conclude, iterations);
    });
  };
  backend_.repeat(whole_, [&] {
    prepare();
    probe();
    check(CheckStep::begin, 0);
    rounds(&state().go_on, stopping_.check_every);
    const int rest = stopping_.max_iterations % stopping_.check_every;
    if (rest > 0) rounds(&state().last_round, rest);
    probe();
    check(CheckStep::end, 0);
    component_sums();
  });
}

template <class T>
Result Alternation<T>::collect(const Marker& marker) const {
  Measured m;
  LoopState s;
  std::vector<double> sums(static_cast<std::size_t>(sums_.size()));
  marker.read(measured_.data(), sizeof m, &m);
  marker.read(state_.data(), sizeof s, &s);
  marker.read(sums_.data(), static_cast<std::int64_t>(sums_.bytes()), sums.data());
  Result result;
  const Progress end = progress_of(m, s);
  result.iterations = s.iteration;
  if (s.converged) result.stop_reason = StopReason::converged;
  result.history.push_back(end);
  finish(end, sums, result);
  return result;
}

template <class T>
void Alternation<T>::prepare() const {
  backend_.clear(measured_.data(), sizeof(Measured));
  backend_.clear(state_.data(), sizeof(LoopState));
  if (one_sided_) {
    x_.product(local_, factors_.of(local_), r(), workspace_);
    gram(local_);
  }
  gram(other(local_));
}

template <class T>
void Alternation<T>::step_other(const UpdateRule<T>& rule, bool checked) const {
  const Side side = other(local_);
  rule.apply(factors_.of(side), terms_of_other(), checked ? &measured().kkt(side) : nullptr);
  gram(side);
}

template <class T>
void Alternation<T>::step_local(const UpdateRule<T>& rule, bool checked) const {
  const Side side = other(local_);
  x_.pass(local_, factors_.of(local_), factors_.of(side), gram_of(side), rule, r(),
          checked ? &measured().kkt(local_) : nullptr, workspace_);
  gram(local_);
}

// W from the old H, then H from the new W, whichever of them is local.
template <class T>
void Alternation<T>::iterate(bool checked) const {
  if (!one_sided_ && local_ == Side::w) step_local(rule_of(local_), checked);
  step_other(rule_of(other(local_)), checked);
  if (!one_sided_ && local_ == Side::h) step_local(rule_of(local_), checked);
}

// A pass that changes nothing: terms and KKT sums of the factors as they are.
template <class T>
void Alternation<T>::probe() const {
  const auto probe_of = [&](Side side) -> const UpdateRule<T>& { return side == Side::w ? *probe_w_ : *probe_h_; };
  const Side side = other(local_);
  if (!one_sided_) step_local(probe_of(local_), true);
  probe_of(side).apply(factors_.of(side), terms_of_other(), &measured().kkt(side));
}

// Measures the current factors, r() being the product with the current local one, and makes the step.
template <class T>
void Alternation<T>::check(CheckStep step, int iterations) const {
  const auto flat = [&](Gram<T> g) { return Factor<const T>{g.data, rank_, rank_, rank_}; };
  const auto advance = [&](CheckStep s) {
    backend_.advance(stopping_, s, measured_.data(), iterations, state_.data());
  };
  backend_.dot(r(), factors_.of(other(local_)), &measured().product_dot);
  backend_.dot(flat(gram_of(Side::w)), flat(gram_of(Side::h)), &measured().gram_dot);
  for (Side side : {Side::w, Side::h}) {
    const ScaledPenalty p = penalties_.of(side);
    if (p.l1 != 0 || p.l2 != 0) backend_.penalty(factors_.of(side), p, &measured().penalty(side));
  }
  advance(CheckStep::estimate);
  backend_.repeat_while(&state().needs_residual, [&] {
    x_.loss(factors_.w, factors_.h, &measured().residual, workspace_);
    advance(CheckStep::accept);
  });
  advance(step);
}

template <class T>
void Alternation<T>::component_sums() const {
  backend_.component_sums(factors_.w, sums_.data(), sums_.data() + rank_);
  backend_.component_sums(factors_.h, sums_.data() + 2 * rank_, sums_.data() + 3 * rank_);
}

template <class T>
Progress Alternation<T>::progress_of(const Measured& m, const LoopState& s) const {
  if (s.failed) {
    throw NumericalError("the objective is no longer a finite number: X or the start is too large for this precision",
                         s.iteration);
  }
  Progress progress;
  progress.iteration = s.iteration;
  progress.max_iterations = options_.max_iterations;
  progress.loss = s.loss;
  progress.objective = s.objective;
  progress.relative_error = stopping_.squared_norm > 0 ? std::sqrt(2 * s.loss / stopping_.squared_norm)
                            : s.loss > 0               ? std::numeric_limits<double>::infinity()
                                                       : 0;
  progress.kkt_residual = std::sqrt(stopping_.kkt_squared(m));
  return progress;
}

template <class T>
Progress Alternation<T>::read_progress() const {
  Measured m;
  LoopState s;
  backend_.read(measured_.data(), sizeof m, &m);
  backend_.read(state_.data(), sizeof s, &s);
  return progress_of(m, s);
}

template <class T>
void Alternation<T>::finish(const Progress& end, const std::vector<double>& sums, Result& result) const {
  result.loss = end.loss;
  result.objective = end.objective;
  result.relative_error = end.relative_error;
  result.kkt_residual = end.kkt_residual;
  const auto k = static_cast<std::size_t>(rank_);
  for (std::size_t c = 0; c < k; ++c) result.dead_components += sums[c] == 0 || sums[2 * k + c] == 0;
}

template class Alternation<float>;
template class Alternation<double>;

Penalties scale_penalties(const Options& options, const MatrixShape& shape) {
  const bool sklearn = options.penalty_scaling == PenaltyScaling::sklearn;
  const double w = sklearn ? static_cast<double>(shape.columns) : 1, h = sklearn ? static_cast<double>(shape.rows) : 1;
  return {{options.w_penalty.l1 * w, options.w_penalty.l2 * w}, {options.h_penalty.l1 * h, options.h_penalty.l2 * h}};
}

std::int64_t alternate_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options) {
  const std::int64_t product = local_side_of(options, shape) == Side::w ? shape.columns : shape.rows;
  const std::int64_t k = rank;
  return (2 * k * k + product * k) * element_size + 4 * k * 8 +
         static_cast<std::int64_t>(sizeof(Measured) + sizeof(LoopState));
}

}  // namespace orthant::core
