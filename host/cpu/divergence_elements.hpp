#pragma once

#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"
#include "host/core/observed.hpp"
#include "host/cpu/skinny_product.hpp"

/// What a beta-divergence does to single entries of X and of its fit V.
namespace orthant::cpu {

/// With what the terms sum columns, of the fit V = of_rows' of_columns: a(i, j) = x(i, j) v^(beta - 2), and b(i, j) =
/// v^(beta - 1) unless b is null, each times the weight of its entry, 0 where it does not count. Of the factors, which
/// lie component by component (k x rows and k x columns of the block), of_columns is on a cache line, as are a and b,
/// which are row-major, `ld` elements from row to row, written up to padded(columns). `observed` is that of the block.
/// One thread; 2 rows columns k flops.
template <class T>
void divergence_coefficients(Block<T> of_rows, Block<T> of_columns, Block<T> x, const core::Observed<T>& observed,
                             const core::Divergence& divergence, T* a, T* b, std::int64_t ld);

/// The divergence of the block from WH, w belonging to its rows and h to its columns; in double, since the parts of an
/// entry may nearly cancel. One thread; 2 rows columns k flops, nothing of the size of the block is stored.
template <class T>
double divergence_sum(Block<T> x, const core::Observed<T>& observed, core::Factor<const T> w, core::Factor<const T> h,
                      const core::Divergence& divergence);

}  // namespace orthant::cpu
