#include "tests/fuzz/property.hpp"

// The first byte chooses precision and separator.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orthant;
  if (size == 0) return 0;
  const std::string_view text = fuzz::text(data + 1, size - 1);
  const char separator = data[0] % 4 < 2 ? ',' : '\t';
  if (data[0] % 2 == 0) {
    fuzz::reads_or_refuses([&] { return io::parse_csv<float>(text, separator, "input"); });
  } else {
    fuzz::reads_or_refuses([&] { return io::parse_csv<double>(text, separator, "input"); });
  }
  return 0;
}
