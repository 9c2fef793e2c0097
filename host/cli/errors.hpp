#pragma once

#include <stdexcept>

namespace orthant::cli {

/// The command was called wrongly; the message names the option.
class UsageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A file cannot be read or written, or what it holds is not acceptable; the message names the file.
class FileError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace orthant::cli
