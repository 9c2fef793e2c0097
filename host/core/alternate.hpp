#pragma once

#include "host/core/backend.hpp"
#include "host/core/data_matrix.hpp"
#include "host/core/runtime.hpp"
#include "host/core/stopping.hpp"

namespace orthant::core {

/// The factors of a fit, in the backend's memory.
template <class T>
struct Factors {
  Factor<T> w, h;
  Factor<T> of(Side side) const { return side == Side::w ? w : h; }
};

/// Penalties with PenaltyScaling applied.
struct Penalties {
  ScaledPenalty w, h;
  ScaledPenalty of(Side side) const { return side == Side::w ? w : h; }
};

Penalties scale_penalties(const Options& options, const MatrixShape& shape);

/// The loop, for every solver, storage and backend: from the start in `factors` to the end. Of the results, all is
/// filled in but the times of the whole call.
template <class T>
class Alternation {
 public:
  /// Allocates all that it needs. What is referred to must outlive it.
  Alternation(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors, const Options& options,
              Workspace& workspace);

  /// Runs it, with the host in control at checks.
  Result run();

  /// Enqueues all of it, without the host: options.on_check is not called. Once.
  void enqueue();
  /// What came out of enqueue(), read by way of a marker set after it. The history has its end only.
  Result collect(const Marker& marker) const;

 private:
  Factor<T> r() const { return {product_memory_.data(), rank_, factors_.of(other(local_)).count, rank_}; }
  Gram<T> gram_of(Side side) const {
    return {gram_memory_.data() + (side == Side::w ? 0 : static_cast<std::int64_t>(rank_) * rank_), rank_};
  }
  void gram(Side side) const { backend_.gram(factors_.of(side), gram_of(side)); }
  Terms<T> terms_of_other() const { return {gram_of(local_), r()}; }
  const UpdateRule<T>& rule_of(Side side) const { return side == Side::w ? *rule_w_ : *rule_h_; }
  Measured& measured() const { return *measured_.data(); }
  LoopState& state() const { return *state_.data(); }

  void prepare() const;
  void step_other(const UpdateRule<T>& rule, bool checked) const;
  void step_local(const UpdateRule<T>& rule, bool checked) const;
  void iterate(bool checked) const;
  void probe() const;
  void check(CheckStep step, int iterations) const;
  void component_sums() const;
  Progress progress_of(const Measured& m, const LoopState& s) const;
  Progress read_progress() const;
  void finish(const Progress& end, const std::vector<double>& sums, Result& result) const;

  const Backend<T>& backend_;
  const DataMatrix<T>& x_;
  const Factors<T> factors_;
  const Options options_;
  const Penalties penalties_;
  Workspace& workspace_;
  const int rank_;
  const bool one_sided_;
  const Side local_;
  const StoppingRule stopping_;
  Buffer<Measured> measured_;
  Buffer<LoopState> state_;
  Buffer<double> sums_;  // of each component: sum and squares of W, then of H
  Buffer<T> gram_memory_, product_memory_;
  const std::unique_ptr<UpdateRule<T>> rule_w_, rule_h_, probe_w_, probe_h_;
  std::unique_ptr<Recording> plain_iteration_, checked_iteration_, whole_;
};

/// Bytes that an Alternation takes beside the workspace.
std::int64_t alternate_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options);

}  // namespace orthant::core
