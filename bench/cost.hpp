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
  int sweeps = 1;
  int element_size = 4;
  bool on_device = false;  ///< its kernels read what those of the CPU still have in cache
};

/// A part of an iteration. Formulas are in m, n, k, e (entries of X: m n, or those stored), s (bytes of a number), p
/// (sweeps).
struct Phase {
  std::string name, flops_formula, bytes_formula;
  double flops = 0;  ///< a multiply-add counts two, a division one
  double bytes = 0;  ///< of memory, as if caches held everything but X and the factors once
};

struct Cost {
  std::vector<Phase> phases;
  /// Columns of H gathered by the entries of sparse X, and as many of W: beside `bytes`, since they may be in cache.
  double gathers = 0;

  double flops() const;
  double bytes() const;
};

/// The least seconds that a machine could take for a cost, and what sets them.
struct Bound {
  double seconds = 0;
  std::string by;  ///< "flops", "bytes" or "gathers"
};

/// The least that an iteration, an update of W and one of H, can do.
Cost cost_of(const Iteration& iteration);

}  // namespace orthant::bench
