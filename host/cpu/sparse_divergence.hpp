#pragma once

#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"
#include "host/cpu/segments.hpp"

/// Beta-divergences over the entries of sparse X that are stored. One thread each; local(:, i) is the column of the
/// factor that belongs to segment i, the columns of f being gathered.
namespace orthant::cpu {

/// numerator(:, i) += sum over the entries p of segment i of weights[p] values[p] v^(beta - 2) f(:, indices[p]), v
/// being local(:, i) . f(:, indices[p]); denominator, unless it has no memory, likewise of v^(beta - 1). 4 k flops an
/// entry and no memory for it.
template <class T>
void accumulate_divergence(const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f,
                           const core::Divergence& divergence, core::Factor<T> numerator, core::Factor<T> denominator);

/// The sum over the entries of their divergences, in double; but if all entries of X count, stored or not (beta 1 or
/// 2), of what each adds to the divergence beside that of a 0 in its place: x log(x / v) - x, or x (x / 2 - v). 2 k
/// flops an entry.
template <class T>
double sparse_divergence_sum(const Segments<T>& x, core::Factor<const T> local, core::Factor<const T> f,
                             const core::Divergence& divergence);

}  // namespace orthant::cpu
