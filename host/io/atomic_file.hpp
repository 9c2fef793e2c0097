#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "host/io/io_error.hpp"

namespace orthant::io {

/// A file that appears whole or not at all: written under a temporary name in the same directory, which `commit`
/// brings to disk and renames. Without `commit` the destructor removes it, and what was at `path` before stays.
class AtomicFile {
 public:
  /// @throws IoError if the directory cannot be written to
  explicit AtomicFile(const std::string& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// @throws IoError
  void write(const void* data, std::size_t bytes);
  /// @throws IoError
  void commit();

 private:
  std::string path_, temporary_path_;
  int descriptor_ = -1;
};

/// @throws IoError
void write_file_atomically(const std::string& path, std::string_view content);

}  // namespace orthant::io
