#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "orthant/factorize.hpp"

namespace orthant::bench {

/// What decides the cost of an iteration.
struct Iteration {
  MatrixShape shape;
  std::int64_t rank = 1;
  Loss loss = Loss::frobenius();
  Solver solver = Solver::hals;
  int sweeps = 1;  ///< as Options::sweeps
  int element_size = 4;
  bool on_device = false;  ///< its kernels read what those of the CPU still have in cache
  Acceleration acceleration = Acceleration::none;
};

/// A part of an iteration. Formulas are in m, n, k, e (entries of X: m n, or those stored), s (bytes of a number), p
/// and q (sweeps of W and of H).
struct Phase {
  std::string name, flops_formula, bytes_formula;
  double flops = 0;  ///< a multiply-add counts two, a division one
  double bytes = 0;  ///< of memory, as if caches held everything but X and the factors once
};

struct Cost {
  std::vector<Phase> phases;
  /// Columns of H gathered by the entries of sparse X, and as many of W: beside `bytes`, since they may be in cache.
  double gathers = 0;
  int w_sweeps = 1, h_sweeps = 1;  ///< those of Options::sweeps = 0 counted

  double flops() const;
  double bytes() const;
};

/// The least seconds that a machine could take for a cost, and what sets them.
struct Bound {
  double seconds = 0;
  std::string by;  ///< "flops", "bytes" or "gathers"
};

/// The least that an iteration, an update of W and one of H, can do. Work that depends on the values in X is not in it:
/// passive sets that anls exchanges, and the visits of X by which extrapolation makes sure of a loss near zero.
Cost cost_of(const Iteration& iteration);

}  // namespace orthant::bench
