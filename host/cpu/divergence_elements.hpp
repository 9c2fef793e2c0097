#pragma once

#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"
#include "host/core/observed.hpp"
#include "host/cpu/skinny_product.hpp"

/// What a beta-divergence does to single entries of X and of its fit V.
namespace orthant::cpu {

/// In place of v, with what the terms sum columns: v(i, j) = x(i, j) v^(beta - 2), and b(i, j) = v^(beta - 1) unless b
/// is null, each times the weight of its entry, 0 where it does not count. V and b are row-major, `ld` elements from
/// row to row; `observed` is that of the block. One thread.
template <class T>
void divergence_coefficients(Block<T> x, const core::Observed<T>& observed, const core::Divergence& divergence, T* v,
                             T* b, std::int64_t ld);

/// The divergence of the block from WH, w belonging to its rows and h to its columns; in double, since the parts of an
/// entry may nearly cancel. One thread; 2 rows columns k flops, nothing of the size of the block is stored.
template <class T>
double divergence_sum(Block<T> x, const core::Observed<T>& observed, core::Factor<const T> w, core::Factor<const T> h,
                      const core::Divergence& divergence);

}  // namespace orthant::cpu
