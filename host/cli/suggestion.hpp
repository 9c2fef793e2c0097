#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace orthant::cli {

/// What to say of an argument that `app` does not know, with the nearest name that it does know, if one is near.
std::string unknown_argument(const CLI::App& app, const std::string& argument);

}  // namespace orthant::cli
