#pragma once

#include <cstdint>
#include <functional>
#include <limits>

namespace orthant {

/// How one factor is updated while the other is fixed.
enum class Solver {
  multiplicative_update,  ///< Lee & Seung 2001. Slow to converge; keeps zeros of the start.
  hals,                   ///< Hierarchical alternating least squares, Cichocki & Phan 2009. The default. For
                          ///< kullback_leibler likewise one entry of a factor after the other, by Newton's method on
                          ///< reciprocals (after Hsieh & Dhillon 2011): far fewer iterations, each of more work.
  anls,  ///< Alternating exact non-negative least squares by block principal pivoting, Kim & Park 2011. Each half of an
         ///< iteration ends at its minimum: fewer iterations, each of which costs more, the more the larger the rank,
         ///< and many times more where the data have far fewer components than the rank, the Gram matrices being
         ///< singular.
};

/// The loss that is minimised, a beta-divergence, summed over the entries x of X and v of WH (Fevotte & Idier 2011):
///   1/2 (x - v)^2 (frobenius, beta = 2);  x log(x/v) - x + v (kullback_leibler, 1);  x/v - log(x/v) - 1
///   (itakura_saito, 0);  else (x^beta + (beta - 1) v^beta - beta x v^(beta-1)) / (beta (beta - 1)).
/// With beta <= 0, X must have no zeros; sparse X takes frobenius and kullback_leibler, whose sums over the entries
/// that are not stored have a closed form. Where v is below 1e-12 times the mean of X, it counts as that.
struct Loss {
  double beta = 2;

  static constexpr Loss frobenius() { return {2}; }
  static constexpr Loss kullback_leibler() { return {1}; }
  static constexpr Loss itakura_saito() { return {0}; }
  friend constexpr bool operator==(Loss, Loss) = default;
};

/// Where W and H start. An `nndsvd*` start needs rank <= min(rows, columns).
enum class Initialization {
  given,    ///< from the values in the views
  random,   ///< uniform, scaled so that the mean of WH is the mean of X; any rank
  nndsvd,   ///< Boutsidis & Gallopoulos 2008. Has exact zeros, which `multiplicative_update` could never leave: refused
            ///< there.
  nndsvda,  ///< its zeros replaced by sqrt(mean(X) / k), so that data in any unit start alike (scikit-learn: mean(X))
  nndsvdar,  ///< its zeros replaced by random values up to a hundredth of that
};

/// How iterations build on those before them.
enum class Acceleration {
  automatic,  ///< extrapolation where it can be: for frobenius, without missing or weighted entries; elsewhere none
  none,       ///< each iteration starts where the last one ended
  /// Each iteration starts from the factors extrapolated beyond the last ones, F + weight (F - F before it); entries
  /// that this would take to zero or below stay. Whenever the objective rises the iteration is taken back (it counts),
  /// and the next starts from the last factors themselves: no iteration that is kept raises the objective by more than
  /// rounding, epsilon ||X||^2. Weights and restart of Ang & Gillis 2019; both factors are extrapolated between
  /// iterations, as Mitchell, Ye & De Sterck 2020 do for tensors, so that the loss that decides is that of the factors
  /// that are returned. Progress::kkt_residual is of the extrapolated factors, Result::kkt_residual of those returned.
  /// Takes a copy of the factors that are updated, and products with X in place of passes where passes would go over
  /// its columns. For frobenius, any solver.
  extrapolation,
};

/// What must become small for the iteration to be converged.
enum class Stopping {
  loss,  ///< the decrease of the objective per iteration since the last check, relative to the objective; a rise by
         ///< more than rounding is none
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
  double loss = 0;            ///< of the options
  double objective = 0;       ///< loss and penalties
  double relative_error = 0;  ///< ||X - WH||_F / ||X||_F; NaN for other losses than frobenius
  double kkt_residual = 0;    ///< as Result::kkt_residual, of each factor before its last update
  double held_out_loss = std::numeric_limits<double>::quiet_NaN();  ///< of entries that are not fitted, if there are
  double seconds = 0;                                               ///< since the first iteration began
};

/// What to compute: minimise the loss plus penalties over W >= 0, H >= 0.
struct Options {
  Loss loss = Loss::frobenius();  ///< others than frobenius and kullback_leibler need multiplicative_update
  Solver solver = Solver::hals;
  Initialization initialization = Initialization::nndsvda;
  std::uint64_t seed = 0;  ///< of `random`, `nndsvdar` and of the randomized SVD behind every nndsvd
  Penalty w_penalty = {}, h_penalty = {};
  PenaltyScaling penalty_scaling = PenaltyScaling::none;
  bool update_w = true;  ///< false: W stays as given
  bool update_h = true;  ///< false: H stays as given
  /// Updates of a factor per visit of X (Gillis & Glineur 2012): HALS sweeps or, for frobenius, multiplicative updates.
  /// 0: as many as cost about half (multiplicative_update: twice) what the visit does, for each factor by itself, but
  /// at most 8 (32): floor(1 + a (p + k c) / (k (f + 1))), where f and c are the columns of that factor and of the
  /// other one, p = rows * columns or the nonzeros of sparse X, k the rank, and a = 1/2 (2). Where each update visits X
  /// anyway (other losses, missing or weighted entries) and for anls, which needs one, that is 1.
  int sweeps = 0;
  Acceleration acceleration = Acceleration::automatic;
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
