#include "host/io/input_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "host/io/io_error.hpp"

namespace orthant::io {

InputFile::InputFile(const std::string& path) : path_(path), fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_.get() < 0) throw IoError(path, std::string("cannot be opened: ") + std::strerror(errno));
  struct stat status {};
  if (fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode)) size_ = static_cast<std::size_t>(status.st_size);
}

std::size_t InputFile::read(char* to, std::size_t wanted) {
  std::size_t done = 0;
  while (done < wanted) {
    const ssize_t n = ::read(fd_.get(), to + done, wanted - done);
    if (n == 0) break;
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      at_ += static_cast<std::size_t>(n);
    } else if (errno != EINTR) {
      throw IoError::at_byte(path_, static_cast<std::int64_t>(at_),
                             std::string("cannot be read: ") + std::strerror(errno));
    }
  }
  return done;
}

}  // namespace orthant::io
