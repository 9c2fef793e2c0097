#pragma once

#include <string>
#include <string_view>

#include "host/io/file_descriptor.hpp"

namespace orthant::io {

/// A file that appears whole or not at all: it is written under a temporary name in the same folder, which is removed
/// again unless put_in_place() gives it the name it is for. What a symbolic link leads to is replaced, not the link.
/// Where something else than a regular file is there, as a pipe or a device, that is written to.
class OutputFile {
 public:
  /// @throws IoError
  explicit OutputFile(const std::string& path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  /// Whether a file by this name is written through, and not replaced.
  static bool writes_through(const std::string& path);

  /// All of its contents, down to the disk. @throws IoError
  void write(std::string_view bytes);
  /// @throws IoError
  void put_in_place();

 private:
  int open_for_writing();
  [[noreturn]] void fail(const std::string& what) const;

  std::string path_;       ///< as it was given, for messages
  std::string target_;     ///< without symbolic links
  std::string temporary_;  ///< empty: none
  FileDescriptor fd_;
};

}  // namespace orthant::io
