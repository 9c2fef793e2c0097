#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"
#include "cuda/kernels/compressed.hpp"
#include "cuda/kernels/element.hpp"
#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"
#include "host/core/observed.hpp"

namespace orthant::cuda {

/// What the columns of a factor have in common: DataMatrix::coordinate_descent.
template <class T>
struct Descent {
  const T* fixed_sums = nullptr;  ///< where the divergence is complete
  core::ScaledPenalty penalty;
  int sweeps = 1;
  core::Divergence divergence;  ///< beta 1 or, unless it is complete, 2
};

/// `f` is the factor of the lines of X, as it lies in memory, or of its places; `fixed` the other one, transposed: its
/// component c of column j at fixed(j, c). `scratch`: dense_descent_scratch() numbers. A column none of whose entries
/// counts becomes 0.
template <class S, class T>
void descend_dense(const Gpu&, const S* x, std::int64_t ld, const core::Observed<T>&, bool of_lines, core::Factor<T> f,
                   core::Factor<const T> fixed, const Descent<T>&, T* scratch);

/// Never more than so many times the numbers of both factors.
inline constexpr std::int64_t kDescentScratch = 4;
std::int64_t dense_descent_scratch(const Gpu&, int rank, std::int64_t count, std::int64_t fixed_count, bool of_lines,
                                   bool complete, int element_size);

/// `f` is the factor of the segments, `scratch` a number for each entry. No segment has more than `longest` entries.
template <class T>
void descend_sparse(const Gpu&, Compressed<T> x, std::int64_t longest, core::Factor<T> f, core::Factor<const T> fixed,
                    const Descent<T>&, T* scratch);

}  // namespace orthant::cuda
