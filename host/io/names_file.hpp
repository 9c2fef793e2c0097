#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host/io/io_error.hpp"

namespace orthant::io {

/// Reads one name a line (`\n` or `\r\n`; the last line may lack its end). An empty line is an empty name.
/// @throws IoError
std::vector<std::string> read_names(const std::string& path);

/// The same of a file's content in memory.
std::vector<std::string> parse_names(std::string_view content);

}  // namespace orthant::io
