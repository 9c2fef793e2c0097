#pragma once

#include <cstdint>

#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"

/// Beta-divergences over the entries of sparse X that are stored. One thread each; `count` segments with bounds
/// offsets[i] and offsets[i + 1], of which local(:, i) is the factor's column, f's columns being gathered.
namespace orthant::cpu {

/// numerator(:, i) += sum over the entries p of segment i of values[p] v^(beta - 2) f(:, indices[p]), v being
/// local(:, i) . f(:, indices[p]); denominator, unless it has no memory, likewise of v^(beta - 1). 4 k flops an entry
/// and no memory for it.
template <class T>
void accumulate_divergence(const std::int64_t* offsets, std::int64_t count, const std::int32_t* indices,
                           const T* values, core::Factor<const T> local, core::Factor<const T> f,
                           const core::Divergence& divergence, core::Factor<T> numerator, core::Factor<T> denominator);

/// The sum over the entries of x log(x / v) - x, in double: the divergence for beta = 1 but for the sum of all of WH.
template <class T>
double sparse_kullback_leibler(const std::int64_t* offsets, std::int64_t count, const std::int32_t* indices,
                               const T* values, core::Factor<const T> local, core::Factor<const T> f, double floor);

}  // namespace orthant::cpu
