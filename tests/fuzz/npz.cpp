#include "tests/fuzz/property.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orthant;
  fuzz::reads_or_refuses([&] { return io::parse_npz<float>(fuzz::text(data, size), "input"); });
  fuzz::reads_or_refuses([&] { return io::parse_npz<double>(fuzz::text(data, size), "input"); });
  return 0;
}
