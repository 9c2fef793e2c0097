#pragma once

#include <cstddef>
#include <string>

#include "host/io/file_descriptor.hpp"

namespace orthant::io {

/// A file that is read from its beginning to its end. @throws IoError
class InputFile {
 public:
  static constexpr std::size_t kUnknown = static_cast<std::size_t>(-1);

  explicit InputFile(const std::string& path);

  /// In bytes; kUnknown unless it is a regular file.
  std::size_t size() const { return size_; }
  /// The next bytes, as many as are wanted unless the file ends. Returns how many.
  std::size_t read(char* to, std::size_t wanted);

 private:
  std::string path_;
  FileDescriptor fd_;
  std::size_t size_ = kUnknown, at_ = 0;
};

}  // namespace orthant::io
