#pragma once

#include "host/core/objective.hpp"
#include "host/core/runtime.hpp"

namespace orthant::core {

/// The loop, for every solver, storage and backend: from the start in `factors` to the end. Of the results, all is
/// filled in but the times of the whole call.
template <class T>
class Alternation {
 public:
  /// Allocates all that it needs. What is referred to must outlive it. `held_out`: entries whose loss is measured too,
  /// or null.
  Alternation(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors, const Options& options,
              Workspace& workspace, const DataMatrix<T>* held_out = nullptr);

  /// Runs it, with the host in control at checks.
  Result run();

  /// Enqueues all of it, without the host: options.on_check is not called. Once.
  void enqueue();
  /// What came out of enqueue(), read by way of a marker set after it. The history has its end only.
  Result collect(const Marker& marker) const;

 private:
  Measured& measured() const { return *measured_.data(); }
  LoopState& state() const { return *state_.data(); }

  void begin() const;
  void iterate(bool checked) const;
  void check(CheckStep step, int iterations) const;
  void component_sums() const;
  Progress progress_of(const Measured& m, const LoopState& s) const;
  Progress read_progress() const;
  void finish(const Progress& end, const std::vector<double>& sums, Result& result) const;

  const Backend<T>& backend_;
  Workspace& workspace_;
  const DataMatrix<T>* const held_out_;
  const Divergence held_out_divergence_;
  const Factors<T> factors_;
  const Options options_;
  const Penalties penalties_;
  const int rank_;
  const StoppingRule stopping_;
  Buffer<Measured> measured_;
  Buffer<LoopState> state_;
  Buffer<double> sums_;  // of each component: sum and squares of W, then of H
  const std::unique_ptr<Objective<T>> objective_;
  std::unique_ptr<Recording> plain_iteration_, checked_iteration_, whole_;
};

/// Bytes that an Alternation takes beside the workspace.
std::int64_t alternate_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options);

}  // namespace orthant::core
