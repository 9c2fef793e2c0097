// What the module of the build `traffic` tells `orthant bench --traffic` (bench/traffic.cpp).

#include <cstdint>

#include "tests/simt/rig.hpp"
#include "tests/simt/traffic.hpp"

namespace {

constexpr std::int64_t kSector = 32;  // bytes, as the memory moves them

using Tell = void (*)(void* to, const char* name, std::int64_t launches, std::int64_t read, std::int64_t written);

}  // namespace

/// Since the process began: of kernels launches and bytes, of libraries' work and copies how often, and -1 bytes.
extern "C" __attribute__((visibility("default"))) void orthant_cuda_traffic(Tell tell, void* to) {
  for (const auto& [kernel, traffic] : simt::traffic())
    tell(to, kernel.c_str(), traffic.launches, kSector * traffic.sectors_read, kSector * traffic.sectors_written);
  for (const auto& [name, count] : simt::calls())
    if (name.starts_with("work:") && name != "work:graph") tell(to, name.c_str() + 5, count, -1, -1);
}
