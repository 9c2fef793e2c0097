#include "tests/fuzz/property.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orthant;
  for (char separator : {',', '\t'}) {
    const std::string_view text = fuzz::text(data, size);
    for (const bool missing : {false, true}) {
      for (const auto header :
           {io::HeaderLine::words, io::HeaderLine::automatic, io::HeaderLine::yes, io::HeaderLine::no}) {
        const io::ReadOptions options{.missing_fields = missing, .missing_hint = {}, .header = header};
        fuzz::reads_or_refuses(80 * size, [&] { return io::parse_csv<float>(text, separator, "input", options); });
        fuzz::reads_or_refuses(80 * size, [&] { return io::parse_csv<double>(text, separator, "input", options); });
      }
    }
  }
  return 0;
}
