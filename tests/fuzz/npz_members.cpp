#include <algorithm>
#include <vector>

#include "tests/fuzz/property.hpp"
#include "tests/io/zip_writer.hpp"

// Checksums keep the target npz from what archives hold. Here the input is the members: for each a byte that chooses
// the name, two bytes of length (little endian) and its contents.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orthant;
  static const char* const names[] = {"format.npy", "shape.npy", "data.npy", "indices.npy",
                                      "indptr.npy", "row.npy",   "col.npy",  "coords.npy"};
  std::vector<std::pair<std::string, std::string>> members;
  std::string_view rest = fuzz::text(data, size);
  while (rest.size() >= 3) {
    const char* name = names[static_cast<unsigned char>(rest[0]) % 8];
    const std::size_t length = static_cast<unsigned char>(rest[1]) + 256u * static_cast<unsigned char>(rest[2]);
    members.emplace_back(name, rest.substr(3, length));
    rest.remove_prefix(std::min(rest.size(), 3 + length));
  }
  const std::string archive = io::zip(members);
  fuzz::reads_or_refuses(100 * archive.size(), [&] { return io::parse_npz<float>(archive, "input"); });
  fuzz::reads_or_refuses(100 * archive.size(), [&] { return io::parse_npz<double>(archive, "input"); });
  return 0;
}
