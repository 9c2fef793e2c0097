#include "tests/fuzz/property.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orthant;
  for (char separator : {',', '\t'}) {
    const std::string_view text = fuzz::text(data, size);
    fuzz::reads_or_refuses(80 * size, [&] { return io::parse_csv<float>(text, separator, "input"); });
    fuzz::reads_or_refuses(80 * size, [&] { return io::parse_csv<double>(text, separator, "input"); });
  }
  return 0;
}
