#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/io/file_descriptor.hpp"
#include "host/io/gzip.hpp"
#include "host/io/input_file.hpp"
#include "host/io/io_error.hpp"
#include "host/io/matrix_file.hpp"

namespace orthant::io {
namespace {

// A file under a name of its own beside `path`, removed again unless it was put in place of it.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& path) : path_(path), fd_(create()) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!name_.empty()) unlink(name_.c_str());
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
      if (n >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno != EINTR) {
        fail("cannot be written");
      }
    }
  }

  void put_in_place() {
    if (fsync(fd_.get()) != 0 || !fd_.close()) fail("cannot be written");
    if (rename(name_.c_str(), path_.c_str()) != 0) fail("cannot be put in place");
    name_.clear();
  }

 private:
  // Not mkstemp: the file's permissions are those that the user's umask gives to new files.
  int create() {
    for (int attempt = 0;; ++attempt) {
      name_ = path_ + "." + std::to_string(getpid()) + "-" + std::to_string(attempt) + ".tmp";
      const int fd = open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (fd >= 0) return fd;
      if (errno != EEXIST) fail("cannot be written");
    }
  }
  [[noreturn]] void fail(const std::string& what) const { throw IoError(path_, what + ": " + std::strerror(errno)); }

  std::string path_, name_;
  FileDescriptor fd_;
};

}  // namespace

std::string read_bytes(const std::string& path) {
  InputFile file(path);
  // One byte more than the file has, to see its end without another round.
  std::string bytes(file.size() == InputFile::kUnknown ? std::size_t{1} << 16 : file.size() + 1, '\0');
  std::size_t used = file.read(bytes.data(), bytes.size());
  while (used == bytes.size()) {
    bytes.resize(used * 2);
    used += file.read(bytes.data() + used, bytes.size() - used);
  }
  bytes.resize(used);
  return path.ends_with(".gz") ? inflate_gzip(bytes, path) : bytes;
}

void write_bytes(const std::string& path, std::string_view bytes) {
  TemporaryFile file(path);
  file.write(bytes);
  file.put_in_place();
}

}  // namespace orthant::io
