#include "tests/io/zip_writer.hpp"

#include <zlib.h>

#include <cstdint>
#include <stdexcept>

namespace orthant::io {
namespace {

// `window` as deflateInit2 takes it: below 0 for raw data, beyond 15 for gzip.
std::string deflated_bytes(const std::string& text, int window) {
  z_stream z{};
  if (deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::runtime_error("deflateInit2");
  std::string out(deflateBound(&z, text.size()) + 32, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  if (code != Z_STREAM_END) throw std::runtime_error("deflate");
  return out;
}

std::string little_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i, value >>= 8) out += static_cast<char>(value & 0xff);
  return out;
}

}  // namespace

std::string gzip(const std::string& text) { return deflated_bytes(text, 16 + MAX_WBITS); }

std::string zip(const std::vector<std::pair<std::string, std::string>>& members, bool deflated) {
  std::string out, directory;
  for (const auto& [name, contents] : members) {
    const std::string data = deflated ? deflated_bytes(contents, -MAX_WBITS) : contents;
    const auto checksum = crc32(0, reinterpret_cast<const Bytef*>(contents.data()), static_cast<uInt>(contents.size()));
    // Version, flags, method, time and date, checksum, sizes, length of the name, length of extra fields.
    const std::string common = little_endian(20, 2) + little_endian(0, 2) + little_endian(deflated ? 8 : 0, 2) +
                               little_endian(0x00210000, 4) + little_endian(checksum, 4) +
                               little_endian(data.size(), 4) + little_endian(contents.size(), 4) +
                               little_endian(name.size(), 2) + little_endian(0, 2);
    directory += "PK\1\2" + little_endian(20, 2) + common + std::string(10, '\0') + little_endian(out.size(), 4) + name;
    out += "PK\3\4" + common + name + data;
  }
  const std::string end = "PK\5\6" + little_endian(0, 4) + little_endian(members.size(), 2) +
                          little_endian(members.size(), 2) + little_endian(directory.size(), 4) +
                          little_endian(out.size(), 4) + little_endian(0, 2);
  return out + directory + end;
}

}  // namespace orthant::io
