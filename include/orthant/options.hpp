#pragma once

#include <cstdint>
#include <functional>

namespace orthant {

/// How one factor is updated while the other is fixed.
enum class Solver {
  multiplicative_update,  ///< Lee & Seung 2001. Slow to converge; keeps zeros of the start.
  hals,                   ///< Hierarchical alternating least squares, Cichocki & Phan 2009. The default.
  anls,  ///< Alternating exact non-negative least squares by block principal pivoting, Kim & Park 2011. Each half of an
         ///< iteration ends at its minimum: fewer iterations, each of which costs more, the more the larger the rank,
         ///< and many times more where the data have far fewer components than the rank, the Gram matrices being
         ///< singular.
};

/// Where W and H start. An `nndsvd*` start needs rank <= min(rows, columns).
enum class Initialization {
  given,    ///< from the values in the views
  random,   ///< uniform, scaled so that the mean of WH is the mean of X; any rank
  nndsvd,   ///< Boutsidis & Gallopoulos 2008. Has exact zeros, which `multiplicative_update` could never leave: refused
            ///< there.
  nndsvda,  ///< its zeros replaced by the mean of X
  nndsvdar,  ///< its zeros replaced by random values up to a hundredth of the mean of X
};

/// What must become small for the iteration to be converged.
enum class Stopping {
  loss,                ///< the decrease of the objective per iteration since the last check, relative to the objective
  projected_gradient,  ///< Result::kkt_residual
};

/// What the weights in `Penalty` are multiplied by.
enum class PenaltyScaling {
  none,     ///< nothing
  sklearn,  ///< W's by the number of columns of X, H's by the number of rows, as scikit-learn's alpha_W and alpha_H
};

/// Adds `l1 * sum(F) + l2 / 2 * ||F||_F^2` to the objective. Both weights must be finite and not negative.
struct Penalty {
  double l1 = 0;
  double l2 = 0;
};

/// What is known at a check.
struct Progress {
  int iteration = 0;  ///< iterations done
  int max_iterations = 0;
  double loss = 0;            ///< 1/2 ||X - WH||_F^2
  double objective = 0;       ///< loss and penalties
  double relative_error = 0;  ///< ||X - WH||_F / ||X||_F
  double kkt_residual = 0;    ///< as Result::kkt_residual, of each factor before its last update
  double seconds = 0;         ///< since the first iteration began
};

/// What to compute: minimise 1/2 ||X - WH||_F^2 plus penalties over W >= 0, H >= 0.
struct Options {
  Solver solver = Solver::hals;
  Initialization initialization = Initialization::nndsvda;
  std::uint64_t seed = 0;  ///< of `random`, `nndsvdar` and of the randomized SVD behind every nndsvd
  Penalty w_penalty = {}, h_penalty = {};
  PenaltyScaling penalty_scaling = PenaltyScaling::none;
  bool update_w = true;      ///< false: W stays as given
  bool update_h = true;      ///< false: H stays as given
  int sweeps = 1;            ///< HALS sweeps over the components per visit of X (Gillis & Glineur 2012)
  int max_iterations = 200;  ///< 0 is allowed: only the start is computed
  double tolerance = 1e-4;   ///< 0: never stop early
  Stopping stopping = Stopping::loss;
  int check_every =
      10;  ///< iterations from one check (loss, stopping, callback) to the next; the last is always checked
  /// Ask for bitwise equal results from run to run and for any number of threads. The CPU backend is always so, at no
  /// cost; a backend that cannot comply throws.
  bool deterministic = false;
  /// Called at every check on the calling thread; return false to stop. What it throws passes through factorize().
  std::function<bool(const Progress&)> on_check = {};
};

}  // namespace orthant
