#pragma once

#include <string>
#include <string_view>

namespace orthant::io {

/// What a gzip file holds: the contents of all its members, one after the other. Zero bytes may follow them (padding).
/// @param file for messages
/// @throws IoError with the byte of the compressed file
std::string inflate_gzip(std::string_view bytes, const std::string& file);

}  // namespace orthant::io
