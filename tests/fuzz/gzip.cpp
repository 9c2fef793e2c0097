#include "host/io/gzip.hpp"

#include "tests/fuzz/property.hpp"
#include "tests/io/zip_writer.hpp"

// Deflate makes at most 1032 bytes of one. Any bytes, compressed, come back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orthant;
  const std::string bytes(fuzz::text(data, size));
  try {
    const io::LimitedMemory memory(std::size_t{1} << 28);
    const std::string out = io::inflate_gzip(bytes, "input");
    if (out.size() > 1032 * size) fuzz::fail("more than deflate can hold");
    if (memory.peak() > 3 * out.size() + 5 * size + 16384) fuzz::fail("more memory than the contents need");
  } catch (const io::IoError& e) {
    if (!std::string_view(e.what()).starts_with("input: byte ")) fuzz::fail("an error that does not name the byte");
  }
  if (io::inflate_gzip(io::gzip(bytes), "compressed") != bytes) fuzz::fail("other bytes are inflated than compressed");
  return 0;
}
