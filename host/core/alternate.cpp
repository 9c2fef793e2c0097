#include "host/core/alternate.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <vector>

#include "host/core/divergence_objective.hpp"

namespace orthant::core {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The loss of fits that are wrong by the size of X itself.
double loss_scale(double beta, const MatrixStatistics& x) {
  return beta == 2 ? x.squared_norm : x.weight * std::pow(x.mean(), beta);
}

template <class T>
StoppingRule make_stopping_rule(const Options& options, const MatrixStatistics& x) {
  constexpr double kEpsilon = std::numeric_limits<T>::epsilon();
  StoppingRule rule;
  rule.squared_norm = x.squared_norm;
  rule.trusted = 1e4 * kEpsilon;
  rule.rounding = kEpsilon * loss_scale(options.loss.beta, x);
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
                            const Options& options, Workspace& workspace, const DataMatrix<T>* held_out)
    : backend_(backend),
      workspace_(workspace),
      held_out_(held_out),
      held_out_divergence_{options.loss.beta, make_divergence(options.loss, x).floor, false},
      factors_(factors),
      options_(options),
      penalties_(scale_penalties(options, x.shape())),
      rank_(factors.w.rank),
      stopping_(make_stopping_rule<T>(options, x.statistics())),
      measured_(backend.memory(), 1),
      state_(backend.memory(), 1),
      sums_(backend.memory(), 4 * static_cast<std::int64_t>(rank_)),
      objective_(make_objective(backend, x, factors, options_, workspace)) {}

template <class T>
Result Alternation<T>::run() {
  begin();
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
  objective_->probe(measured());
  check(CheckStep::end, 0);
  component_sums();
  std::vector<double> sums(static_cast<std::size_t>(sums_.size()));
  backend_.read(sums_.data(), static_cast<std::int64_t>(sums_.bytes()), sums.data());
  finish(read_progress(), sums, result);
  return result;
}

template <class T>
void Alternation<T>::enqueue() {
  const auto stretch = [&] {
    for (int i = 0; i < StoppingRule::kStretch; ++i) iterate(false);
    backend_.advance(stopping_, CheckStep::stretch, measured_.data(), StoppingRule::kStretch, state_.data());
  };
  const auto rounds = [&](const int* go_on, int iterations) {
    backend_.repeat_while(go_on, [&, iterations] {
      const int stretches = StoppingRule::stretches(iterations);
      if (stretches > 0) backend_.repeat_while(&state().stretches, stretch);
      const int rest = iterations - stretches * StoppingRule::kStretch;
      for (int i = 1; i <= rest; ++i) iterate(i == rest);
      check(CheckStep::conclude, iterations);
    });
  };
  backend_.repeat(whole_, [&] {
    begin();
    if (stopping_.max_iterations >= stopping_.check_every) rounds(&state().go_on, stopping_.check_every);
    const int rest = stopping_.max_iterations % stopping_.check_every;
    if (rest > 0) rounds(&state().last_round, rest);
    objective_->probe(measured());
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
void Alternation<T>::begin() const {
  backend_.clear(measured_.data(), sizeof(Measured));
  backend_.clear(state_.data(), sizeof(LoopState));
  objective_->prepare();
  objective_->probe(measured());
  check(CheckStep::begin, 0);
}

// W from the old H, then H from the new W.
template <class T>
void Alternation<T>::iterate(bool checked) const {
  if (options_.update_w) objective_->update(Side::w, checked ? &measured().kkt_w : nullptr);
  if (options_.update_h) objective_->update(Side::h, checked ? &measured().kkt_h : nullptr);
}

// Measures the current factors and makes the step.
template <class T>
void Alternation<T>::check(CheckStep step, int iterations) const {
  const auto advance = [&](CheckStep s) {
    backend_.advance(stopping_, s, measured_.data(), iterations, state_.data());
  };
  const auto accept_loss = [&] {
    objective_->loss(&measured().residual);
    advance(CheckStep::accept);
  };
  if (held_out_ != nullptr) {
    held_out_->divergence(factors_.w, factors_.h, held_out_divergence_, &measured().held_out, workspace_);
  }
  for (Side side : {Side::w, Side::h}) {
    const ScaledPenalty p = penalties_.of(side);
    if (p.l1 != 0 || p.l2 != 0) backend_.penalty(factors_.of(side), p, &measured().penalty(side));
  }
  if (objective_->can_estimate()) {
    objective_->estimate(measured());
    advance(CheckStep::estimate);
    backend_.repeat_while(&state().needs_residual, accept_loss);
  } else {
    accept_loss();
  }
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
    throw NumericalError(
        "the objective or its gradient is no longer a finite number: X or the start is too large for this precision",
        s.iteration);
  }
  Progress progress;
  progress.iteration = s.iteration;
  progress.max_iterations = options_.max_iterations;
  progress.loss = s.loss;
  progress.objective = s.objective;
  progress.relative_error = options_.loss.beta != 2      ? std::numeric_limits<double>::quiet_NaN()
                            : stopping_.squared_norm > 0 ? std::sqrt(2 * s.loss / stopping_.squared_norm)
                            : s.loss > 0                 ? std::numeric_limits<double>::infinity()
                                                         : 0;
  progress.kkt_residual = std::sqrt(stopping_.kkt_squared(m));
  if (held_out_ != nullptr) progress.held_out_loss = m.held_out;
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
  result.held_out_loss = end.held_out_loss;
  const auto k = static_cast<std::size_t>(rank_);
  for (std::size_t c = 0; c < k; ++c) result.dead_components += sums[c] == 0 || sums[2 * k + c] == 0;
}

template class Alternation<float>;
template class Alternation<double>;

std::int64_t alternate_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options) {
  return objective_bytes(shape, rank, element_size, options) + 4 * static_cast<std::int64_t>(rank) * 8 +
         static_cast<std::int64_t>(sizeof(Measured) + sizeof(LoopState));
}

}  // namespace orthant::core
