#pragma once

#include <cstdint>

#include "host/core/factor.hpp"

namespace orthant::cpu {

/// r(:, i) += sum over the entries p of segment i of values[p] f(:, indices[p]), for `count` segments with bounds
/// offsets[i] and offsets[i + 1]; where it is to be `fresh`, r is written rather than added to. One thread, 2 k flops
/// an entry; f's columns are gathered.
template <class T>
void gathered_product(const std::int64_t* offsets, std::int64_t count, const std::int32_t* indices, const T* values,
                      core::Factor<const T> f, core::Factor<T> r, bool fresh);

}  // namespace orthant::cpu
