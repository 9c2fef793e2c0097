#pragma once

#include <nlohmann/json.hpp>

#include "orthant/context.hpp"

namespace orthant::cli {

/// Versions of what this binary is made of: orthant, compiler, openmp, eigen, highway.
nlohmann::ordered_json versions();

/// The same and, on a device, of what it is used through: cuda_driver, cuda_runtime, cublas, cusparse.
nlohmann::ordered_json versions(const Context& context);

/// The processor as the operating system calls it, or null where it does not.
nlohmann::ordered_json cpu_model();

/// The version of the kernel's NVIDIA driver, or null where there is none.
nlohmann::ordered_json nvidia_driver();

}  // namespace orthant::cli
