#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "host/io/io_error.hpp"
#include "host/io/matrix_file.hpp"

namespace orthant::io {
namespace {

struct GzClose {
  void operator()(gzFile_s* f) const { gzclose(f); }
};

std::string system_error() { return std::strerror(errno); }

}  // namespace

// zlib passes files that are not gzipped through unchanged.
std::string read_bytes(const std::string& path) {
  errno = 0;
  const std::unique_ptr<gzFile_s, GzClose> file(gzopen(path.c_str(), "rb"));
  if (!file) throw IoError(path, "cannot be opened: " + system_error());
  gzbuffer(file.get(), 1 << 20);
  std::string bytes;
  std::size_t used = 0;
  for (;;) {
    if (bytes.size() - used < (1u << 20)) bytes.resize(std::max<std::size_t>(bytes.size() * 2, 1u << 22));
    const auto want = static_cast<unsigned>(std::min<std::size_t>(bytes.size() - used, 1u << 30));
    const int got = gzread(file.get(), bytes.data() + used, want);
    if (got < 0) {
      int code = 0;
      const char* what = gzerror(file.get(), &code);
      throw IoError::at_byte(path, static_cast<std::int64_t>(used),
                             std::string("cannot be read: ") + (code == Z_ERRNO ? system_error().c_str() : what));
    }
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  int code = 0;
  gzerror(file.get(), &code);
  if (code == Z_BUF_ERROR) {
    throw IoError::at_byte(path, static_cast<std::int64_t>(used), "the gzip stream ends early");
  }
  bytes.resize(used);
  return bytes;
}

void write_bytes(const std::string& path, std::string_view bytes) {
  std::string temporary = path + ".XXXXXX";
  const int fd = mkstemp(temporary.data());
  if (fd < 0) throw IoError(path, "cannot be written: " + system_error());
  const auto fail = [&](const std::string& what) {
    const std::string reason = system_error();
    unlink(temporary.c_str());
    throw IoError(path, what + ": " + reason);
  };
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      close(fd);
      errno = error;
      fail("cannot be written");
    }
    done += static_cast<std::size_t>(n);
  }
  if (fchmod(fd, 0644) != 0 || fsync(fd) != 0) {
    close(fd);
    fail("cannot be written");
  }
  if (close(fd) != 0) fail("cannot be written");
  if (rename(temporary.c_str(), path.c_str()) != 0) fail("cannot be put in place");
}

}  // namespace orthant::io
