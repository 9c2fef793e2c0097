#pragma once

#include <string>

namespace orthant::cli {

/// A message of the library, with options in place of its names for them.
std::string in_options(std::string message);

}  // namespace orthant::cli
