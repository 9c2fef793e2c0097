#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace orthant::cli {

/// @throws FileError naming the file, and the line and column where it is not JSON; or for a number that no double
/// holds
nlohmann::json read_json(const std::string& path);

/// The same of a file's text. @param path its name, for the message
nlohmann::json parse_json(std::string_view text, const std::string& path);

/// As the command writes JSON, to files and standard output. Bytes that are not UTF-8, as names of files may have,
/// become U+FFFD.
std::string written(const nlohmann::ordered_json& json);

/// A value for a message: "an array", "an object", or itself, texts up to 60 bytes.
std::string shown(const nlohmann::json& value);

}  // namespace orthant::cli
