#pragma once

#include "host/core/data_matrix.hpp"
#include "orthant/options.hpp"

namespace orthant::core {

/// Throws unless something of X counts, and T can hold the numbers of a fit of it: products of three of the size of its
/// mean's root, and its loss; and penalties. Called after the other checks.
template <class T>
void check_range(const Options& options, const DataMatrix<T>& x);

}  // namespace orthant::core
