#pragma once

#include <string>

#include "host/cli/input.hpp"

namespace orthant::cli {

/// Makes the folder if it is missing, and checks that files can be made in it, so that this is known before the fit.
/// @throws FileError
void prepare_output(const std::string& folder);

/// Each file appears whole or not at all, and replaces the one before it.
/// @throws FileError
template <class T>
void write_factor(const std::string& folder, const std::string& name, const FactorData<T>& factor);
void write_text(const std::string& folder, const std::string& name, const std::string& text);

}  // namespace orthant::cli
