#pragma once

#include <nlohmann/json.hpp>

namespace orthant::cli {

/// Versions of what this binary is made of: orthant, compiler, openmp, eigen, highway.
nlohmann::ordered_json versions();

/// The version of the kernel's NVIDIA driver, or null where there is none.
nlohmann::ordered_json nvidia_driver();

}  // namespace orthant::cli
