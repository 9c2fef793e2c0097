#pragma once

#include <memory>

#include "host/core/backend.hpp"
#include "orthant/options.hpp"

namespace orthant::core {

/// One algorithm, as a function of the factor and its terms. The columns of the factor are independent given the terms,
/// so that a pass may apply it to panels, from any thread.
template <class T>
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;

  /// Updates f (rank x count) given terms of the same count. `kkt` (backend memory, or null): see Backend::hals.
  virtual void apply(Factor<T> f, const Terms<T>& terms, KktSums* kkt) const = 0;
};

/// Options::sweeps for the factor of this side, those of `auto` counted.
int sweeps_of(Side side, const Options& options, const MatrixShape& shape, int rank);

/// Doubles of scratch that the rules of the factors which are updated take, one after the other.
template <class T>
std::int64_t update_scratch(const Backend<T>& backend, const Options& options, const MatrixShape& shape, int rank);

/// The rule of `options.solver` for one factor, with the `options.sweeps` (1 or more) of it. `scratch`: as
/// update_scratch() says.
template <class T>
std::unique_ptr<UpdateRule<T>> make_update_rule(const Backend<T>& backend, const Options& options,
                                                ScaledPenalty penalty, double* scratch);

/// Leaves f as it is and only reports the KKT sums.
template <class T>
std::unique_ptr<UpdateRule<T>> make_kkt_probe(const Backend<T>& backend, ScaledPenalty penalty);

/// Backend::scale_by_ratio: the multiplicative update of any divergence; exponent 0 only reports the KKT sums.
template <class T>
std::unique_ptr<UpdateRule<T>> make_ratio_update(const Backend<T>& backend, ScaledPenalty penalty, RatioForm form);

}  // namespace orthant::core
