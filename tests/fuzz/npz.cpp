#include "tests/fuzz/property.hpp"

// Deflate makes at most 1032 bytes of one; members are read one after the other, bytes may become doubles.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orthant;
  const std::string_view bytes = fuzz::text(data, size);
  fuzz::reads_or_refuses(40 * 1032 * size, [&] { return io::parse_npz<float>(bytes, "input"); });
  fuzz::reads_or_refuses(40 * 1032 * size, [&] { return io::parse_npz<double>(bytes, "input"); });
  return 0;
}
