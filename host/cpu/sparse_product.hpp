#pragma once

#include "host/core/factor.hpp"
#include "host/cpu/segments.hpp"

namespace orthant::cpu {

/// r(:, i) += sum over the entries p of segment i of values[p] f(:, indices[p]); where it is to be `fresh`, r is
/// written rather than added to. Weights are not looked at. One thread, 2 k flops an entry; f's columns are gathered.
template <class T>
void gathered_product(const Segments<T>& x, core::Factor<const T> f, core::Factor<T> r, bool fresh);

}  // namespace orthant::cpu
