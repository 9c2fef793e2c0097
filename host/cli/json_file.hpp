#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace orthant::cli {

/// @throws FileError naming the file, and the line and column where it is not JSON
nlohmann::json read_json(const std::string& path);

}  // namespace orthant::cli
