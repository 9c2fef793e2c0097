#include "host/io/gzip.hpp"

#include "tests/fuzz/property.hpp"

// Deflate makes at most 1032 bytes of one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orthant;
  try {
    if (io::inflate_gzip(fuzz::text(data, size), "input").size() > 1032 * size)
      fuzz::fail("more than deflate can hold");
  } catch (const io::IoError& e) {
    if (std::string_view(e.what()).find("input") != 0) fuzz::fail("an error that does not name the file");
  }
  return 0;
}
