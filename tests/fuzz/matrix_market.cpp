#include "tests/fuzz/property.hpp"

// The first byte chooses the precision.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orthant;
  if (size == 0 || fuzz::names_huge_size(fuzz::text(data, size))) return 0;
  const std::string_view text = fuzz::text(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    fuzz::reads_or_refuses([&] { return io::parse_matrix_market<float>(text, "input"); });
  } else {
    fuzz::reads_or_refuses([&] { return io::parse_matrix_market<double>(text, "input"); });
  }
  return 0;
}
