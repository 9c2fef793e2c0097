#pragma once

#include <cstdint>
#include <string>

#include "orthant/error.hpp"

namespace orthant::io {

/// A file cannot be read or written, or its content is malformed. The message starts with the place: `FILE: `,
/// `FILE:LINE: ` or `FILE: byte N: `.
class IoError : public Error {
 public:
  /// @param what what is wrong and, of content, what was expected
  static IoError in_file(const std::string& file, const std::string& what,
                         SourceLocation where = SourceLocation::current()) {
    return IoError(file, 0, -1, file + ": " + what, where);
  }
  /// @param line counted from 1
  static IoError at_line(const std::string& file, std::int64_t line, const std::string& what,
                         SourceLocation where = SourceLocation::current()) {
    return IoError(file, line, -1, file + ":" + std::to_string(line) + ": " + what, where);
  }
  /// @param byte offset in the file, or in what it decompresses to
  static IoError at_byte(const std::string& file, std::int64_t byte, const std::string& what,
                         SourceLocation where = SourceLocation::current()) {
    return IoError(file, 0, byte, file + ": byte " + std::to_string(byte) + ": " + what, where);
  }

  /// The path as the caller gave it; of an archive, with `/MEMBER` behind it.
  const std::string& file() const noexcept { return file_; }
  /// From 1; 0 where no line applies.
  std::int64_t line() const noexcept { return line_; }
  /// From 0; -1 where no offset applies.
  std::int64_t byte() const noexcept { return byte_; }

 private:
  IoError(std::string file, std::int64_t line, std::int64_t byte, const std::string& message, SourceLocation where)
      : Error(message, where), file_(std::move(file)), line_(line), byte_(byte) {}

  std::string file_;
  std::int64_t line_, byte_;
};

}  // namespace orthant::io
