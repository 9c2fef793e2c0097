#pragma once

#include <cstdint>
#include <string>

#include "orthant/error.hpp"

namespace orthant::io {

/// A file that cannot be read or written, or does not hold what its format promises. The message begins with the file
/// and, where one applies, the line (from 1) or the byte (from 0).
class IoError : public Error {
 public:
  IoError(const std::string& file, const std::string& what, SourceLocation where = SourceLocation::current())
      : Error(file + ": " + what, where), file_(file) {}

  static IoError at_line(const std::string& file, std::int64_t line, const std::string& what,
                         SourceLocation where = SourceLocation::current()) {
    IoError error(file + ":" + std::to_string(line), what, where);
    error.file_ = file;
    error.line_ = line;
    return error;
  }
  static IoError at_byte(const std::string& file, std::int64_t byte, const std::string& what,
                         SourceLocation where = SourceLocation::current()) {
    IoError error(file + ": byte " + std::to_string(byte), what, where);
    error.file_ = file;
    error.byte_ = byte;
    return error;
  }

  const std::string& file() const noexcept { return file_; }
  std::int64_t line() const noexcept { return line_; }  ///< or -1
  std::int64_t byte() const noexcept { return byte_; }  ///< or -1

 private:
  std::string file_;
  std::int64_t line_ = -1, byte_ = -1;
};

}  // namespace orthant::io
