#include "host/cli/json_file.hpp"

#include <algorithm>

#include "host/cli/errors.hpp"
#include "host/io/matrix_file.hpp"

namespace orthant::cli {

nlohmann::json read_json(const std::string& path) {
  const std::string text = io::read_bytes(path);
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    // e.byte counts from 1, and is that of the last byte that was read.
    const auto at = text.begin() + static_cast<std::ptrdiff_t>(std::min(e.byte > 0 ? e.byte - 1 : 0, text.size()));
    const auto line = std::count(text.begin(), at, '\n') + 1;
    const auto begin = std::find(std::make_reverse_iterator(at), text.rend(), '\n').base();
    throw FileError(path + ":" + std::to_string(line) + ":" + std::to_string(at - begin + 1) + ": this is not JSON");
  }
}

}  // namespace orthant::cli
