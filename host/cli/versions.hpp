#pragma once

#include <nlohmann/json.hpp>

namespace orthant::cli {

/// Versions of what this binary is made of: orthant, compiler, openmp, eigen, highway.
nlohmann::ordered_json versions();

}  // namespace orthant::cli
