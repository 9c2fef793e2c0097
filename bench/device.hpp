#pragma once

#include <string>
#include <utility>
#include <vector>

#include "orthant/context.hpp"

/// What a device can do at most, measured now through its Context. The best of some runs.
namespace orthant::bench {

/// Bytes per second, read and written, of a copy of 256 MiB within the device.
double measure_copy(const Context& context);

/// Flops per second of the product of square matrices of T, as large as take it 20 ms.
template <class T>
double measure_gemm(const Context& context);

/// Names and versions of the driver and the libraries that a device is used through; of the CPU none.
std::vector<std::pair<std::string, std::string>> library_versions(const Context& context);

/// Writes 256 MiB, so that no cache holds what was used before.
void flush_caches(const Context& context);

}  // namespace orthant::bench
