#include "host/io/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "host/io/io_error.hpp"

namespace orthant::io {
namespace {

std::string without_links(const std::string& path) {
  std::error_code none;
  const std::filesystem::path target = std::filesystem::canonical(path, none);
  return none ? path : target.string();
}

}  // namespace

OutputFile::OutputFile(const std::string& path) : path_(path), target_(without_links(path)), fd_(open_for_writing()) {}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

bool OutputFile::writes_through(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

void OutputFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      fail("cannot be written");
    }
  }
  const bool on_disk = temporary_.empty() || fsync(fd_.get()) == 0;  // pipes and devices have no disk
  if (!on_disk || !fd_.close()) fail("cannot be written");
}

void OutputFile::put_in_place() {
  if (temporary_.empty()) return;
  if (rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot be put in place");
  temporary_.clear();
}

// Not mkstemp: the file's permissions are those that the user's umask gives to new files.
int OutputFile::open_for_writing() {
  if (writes_through(path_)) {
    const int fd = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) fail("cannot be written");
    return fd;
  }
  for (int attempt = 0;; ++attempt) {
    const std::string name = target_ + "." + std::to_string(getpid()) + "-" + std::to_string(attempt) + ".tmp";
    const int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) {
      temporary_ = name;
      return fd;
    }
    if (errno != EEXIST) fail("cannot be written");
  }
}

void OutputFile::fail(const std::string& what) const { throw IoError(path_, what + ": " + std::strerror(errno)); }

}  // namespace orthant::io
