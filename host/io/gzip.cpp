#include "host/io/gzip.hpp"

#define ZLIB_CONST
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>

#include "host/io/io_error.hpp"

namespace orthant::io {
namespace {

class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();  // 16: with gzip's header and checksum
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

std::string inflate_gzip(std::string_view bytes, const std::string& file) {
  Inflater inflater;
  z_stream& z = inflater.stream();
  constexpr std::size_t step = std::numeric_limits<uInt>::max();  // zlib's counters have 32 bits
  std::string out(std::min(bytes.size() * 4, bytes.size() + (std::size_t{1} << 28)) + 64, '\0');
  std::size_t consumed = 0, produced = 0;
  do {
    int code = Z_OK;
    while (code == Z_OK) {
      if (produced == out.size()) out.resize(out.size() * 2);
      const std::size_t available = std::min(bytes.size() - consumed, step);
      const std::size_t room = std::min(out.size() - produced, step);
      z.next_in = reinterpret_cast<const Bytef*>(bytes.data()) + consumed;
      z.avail_in = static_cast<uInt>(available);
      z.next_out = reinterpret_cast<Bytef*>(out.data()) + produced;
      z.avail_out = static_cast<uInt>(room);
      code = inflate(&z, Z_NO_FLUSH);
      consumed += available - z.avail_in;
      produced += room - z.avail_out;
    }
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    if (code != Z_STREAM_END) {
      const bool ends = code == Z_BUF_ERROR && consumed == bytes.size();
      throw IoError::at_byte(file, static_cast<std::int64_t>(consumed),
                             ends ? std::string("the gzip file ends early")
                                  : std::string("not a sound gzip file: ") + (z.msg != nullptr ? z.msg : zError(code)));
    }
    inflateReset(&z);
  } while (bytes.find_first_not_of('\0', consumed) != std::string_view::npos);
  out.resize(produced);
  return out;
}

}  // namespace orthant::io
