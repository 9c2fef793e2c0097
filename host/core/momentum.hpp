#pragma once

#include "host/core/stopping.hpp"

namespace orthant::core {

/// Where an extrapolated fit stands, in the backend's memory. The accepted iterate is what the caller's factors hold.
struct Momentum {
  int accepted = 0;        ///< 0: the candidate is given up, and the next iteration starts from the accepted iterate
  int needs_residual = 0;  ///< not 0: the candidate's `loss` cannot be trusted yet
  int exact = 0;           ///< not 0: `loss` is that of the residual
  int progress = 0;        ///< iterations accepted since the last report
  double weight = 0;       ///< of the extrapolation
  double most = 0;         ///< that the weight may grow to
  double loss = 0;         ///< of the candidate
  double objective = 0;    ///< the least of an accepted iterate
  double product_dot = 0, gram_dot = 0;  ///< of the accepted iterate, as Measured has them
};

/// Operations on Momentum, each made where the numbers are.
enum class MomentumStep {
  estimate,  ///< the candidate's loss from dot products; asks for the residual if they cancel
  accept,    ///< the residual is the candidate's loss
  start,     ///< the candidate is the iterate from which extrapolation begins
  decide,    ///< accepts the candidate, or restarts
  report,    ///< puts the dot products of the accepted iterate where a check expects them
};

/// Restart and weights of extrapolation, with the constants of Ang & Gillis 2019. Read by the CUDA compiler too.
struct MomentumRule {
  double squared_norm = 0;  ///< of X
  double trusted = 0;       ///< as StoppingRule::trusted, for differences between losses
  double resolution = 0;    ///< a rise of an estimated loss by less than this share of squared_norm may be rounding

  static constexpr double kFirstWeight = 0.5;
  static constexpr double kGrowth = 1.01;        // of the weight while the objective does not rise
  static constexpr double kLimitGrowth = 1.005;  // of what it may grow to
  static constexpr double kShrinkage = 1.5;      // at a restart

  constexpr void advance(MomentumStep step, Measured& m, Momentum& state) const {
    if (step == MomentumStep::estimate) {
      state.loss = m.estimated_loss(squared_norm);
      state.exact = 0;
      state.needs_residual = StoppingRule::finite(state.loss) && 2 * state.loss < trusted * squared_norm;
    } else if (step == MomentumStep::accept) {
      state.loss = m.residual;
      state.exact = 1;
      state.needs_residual = 0;
    } else if (step == MomentumStep::report) {
      m.product_dot = state.product_dot;
      m.gram_dot = state.gram_dot;
      m.stalled = state.progress == 0;
      state.progress = 0;
    } else {
      decide(step, m, state);
    }
  }

 private:
  constexpr void decide(MomentumStep step, const Measured& m, Momentum& state) const {
    const double objective = state.loss + m.penalty_w + m.penalty_h;
    const double rounding = state.exact != 0 ? 0 : resolution * squared_norm;
    const bool fresh = state.accepted == 0;  // an iteration without extrapolation, whose objective only rounding raises
    if (step == MomentumStep::start) {
      state.weight = kFirstWeight;
      state.most = 1;
    } else if (!fresh && !(objective <= state.objective + rounding)) {
      state.accepted = 0;
      state.most = state.weight;
      state.weight /= kShrinkage;
      return;
    } else {
      state.accepted = 1;
      ++state.progress;
      const double grown = kGrowth * state.weight, limit = kLimitGrowth * state.most;
      state.weight = grown < state.most ? grown : state.most;
      state.most = limit < 1 ? limit : 1;
    }
    // The least so far, or rises that pass for rounding would add up.
    const bool lowest = step == MomentumStep::start || (fresh && state.exact != 0) || objective < state.objective;
    state.objective = lowest ? objective : state.objective;
    state.product_dot = m.product_dot;
    state.gram_dot = m.gram_dot;
  }
};

}  // namespace orthant::core
