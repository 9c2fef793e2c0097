#pragma once

#include <string>

#include "orthant/error.hpp"
#include "orthant/factorize.hpp"

namespace orthant::core {

/// A number as an error message shows it.
std::string text(double value);
std::string text(std::int64_t value);

/// Throws InvalidArgument that begins with `name` unless the view has memory of a valid shape in `space`.
template <class T>
void check_view(const std::string& name, DenseView<const T> view, MemorySpace space);

/// Throws unless every entry is finite and not negative.
template <class T>
void check_factor_values(const std::string& name, DenseView<const T> view);

/// Throws unless every option is in its range and the combination is possible.
void check_options(const Options& options, const MatrixShape& shape, std::int64_t rank);

}  // namespace orthant::core
