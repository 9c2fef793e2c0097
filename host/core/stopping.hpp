#pragma once

#include "host/core/factor.hpp"

namespace orthant::core {

/// What a check measures, in the backend's memory.
struct Measured {
  double product_dot = 0;  ///< <R, F>
  double gram_dot = 0;     ///< <WW', HH'>
  double residual = 0;     ///< the true loss, where it was asked for
  double held_out = 0;     ///< the loss of entries that are not fitted
  double penalty_w = 0, penalty_h = 0;
  KktSums kkt_w, kkt_h;
  int stalled = 0;  ///< not 0: no iteration since the last check was kept, so that the loss tells nothing
  KktSums& kkt(Side side) { return side == Side::w ? kkt_w : kkt_h; }
  double& penalty(Side side) { return side == Side::w ? penalty_w : penalty_h; }
  /// From the dot products.
  constexpr double estimated_loss(double squared_norm) const { return (squared_norm - 2 * product_dot + gram_dot) / 2; }
};

/// Where the loop stands, in the backend's memory, so that it can go on without the host.
struct LoopState {
  int iteration = 0;
  int go_on = 0;           ///< not 0: another round of `check_every` iterations follows
  int last_round = 0;      ///< not 0: a shorter round follows
  int stretches = 0;       ///< of the round that follows, or runs: those that are left
  int needs_residual = 0;  ///< not 0: `loss` cannot be trusted yet
  int converged = 0;
  int failed = 0;  ///< not 0: the objective or a KKT sum is no longer finite
  double loss = 0, objective = 0;
};

/// The steps of a check. Each is a few operations, made where the numbers are.
enum class CheckStep {
  estimate,  ///< the loss from dot products; asks for the residual if they cancel
  accept,    ///< the residual is the loss
  begin,     ///< the objective of the start; the first round, if any, follows
  stretch,   ///< one of the round's is done
  conclude,  ///< the objective after a round, and whether another one follows
  end,       ///< the objective of what is returned
};

/// What decides when the loop ends. Read by the CUDA compiler too.
struct StoppingRule {
  /// Of iterations without a check. A long round is a loop of stretches and what is left of it, so that what is
  /// recorded of it stays short.
  static constexpr int kStretch = 16;
  static constexpr int stretches(int iterations) { return (iterations - 1) / kStretch; }

  double squared_norm = 0;  ///< of X
  /// Below this share of squared_norm, the rounding of the three terms that cancel in the estimated loss is not small
  /// beside it.
  double trusted = 0;
  /// The objective may seem to rise by so much where it falls: a larger rise is not what convergence looks like.
  double rounding = 0;
  double tolerance = 0;
  bool by_kkt = false;
  bool updates_w = true, updates_h = true;
  int max_iterations = 0, check_every = 1;

  static constexpr bool finite(double x) { return x - x == 0; }
  static constexpr double kkt_squared(const KktSums& k) {
    return k.product_squared > 0 ? k.step_squared / k.product_squared : k.step_squared > 0 ? 1.0 : 0.0;
  }
  /// Terms of an update that are not finite show in these sums, where the loss may not tell: they can make a factor 0.
  static constexpr bool finite(const KktSums& k) { return finite(k.step_squared) && finite(k.product_squared); }
  /// The square of Result::kkt_residual.
  constexpr double kkt_squared(const Measured& m) const {
    const double w = updates_w ? kkt_squared(m.kkt_w) : 0.0, h = updates_h ? kkt_squared(m.kkt_h) : 0.0;
    return w > h ? w : h;
  }

  /// Makes one step; `iterations` have been made since the last check.
  constexpr void advance(CheckStep step, const Measured& m, int iterations, LoopState& state) const {
    if (step == CheckStep::estimate) {
      state.loss = m.estimated_loss(squared_norm);
      state.needs_residual = finite(state.loss) && 2 * state.loss < trusted * squared_norm;
      return;
    }
    if (step == CheckStep::accept) {
      state.loss = m.residual;
      state.needs_residual = 0;
      return;
    }
    if (step == CheckStep::stretch) {
      --state.stretches;
      return;
    }
    const double previous = state.objective;
    state.objective = state.loss + m.penalty_w + m.penalty_h;
    state.iteration += iterations;
    state.failed = state.failed || !finite(state.objective) || !finite(m.kkt_w) || !finite(m.kkt_h);
    if (step == CheckStep::end) return;
    if (step == CheckStep::conclude && tolerance > 0 && m.stalled == 0) {
      const double fall = previous - state.objective;
      state.converged = by_kkt ? kkt_squared(m) <= tolerance * tolerance
                               : fall >= -rounding && fall <= tolerance * iterations * previous;
    }
    const int left = state.converged || state.failed ? 0 : max_iterations - state.iteration;
    state.go_on = left >= check_every;
    state.last_round = left > 0 && left < check_every;
    state.stretches = stretches(state.go_on ? check_every : state.last_round ? left : 1);
  }
};

}  // namespace orthant::core
