#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace orthant::cli {

/// The lines of a text file in UTF-8.
/// @param what they name, for the message: "rows" or "columns"
/// @throws FileError if the file cannot be read, is not UTF-8 or has not `count` lines
std::vector<std::string> read_names(const std::string& path, std::int64_t count, const std::string& what);

}  // namespace orthant::cli
