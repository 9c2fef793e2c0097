#pragma once

/// Version of the headers. `cmake` reads it from here, so it is stated once.
#define ORTHANT_VERSION_MAJOR 0
#define ORTHANT_VERSION_MINOR 1
#define ORTHANT_VERSION_PATCH 0

namespace orthant {

/// Version of the library that is linked, for example "0.1.0".
const char* version() noexcept;

}  // namespace orthant
