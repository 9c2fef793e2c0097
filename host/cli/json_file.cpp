#include "host/cli/json_file.hpp"

#include <algorithm>

#include "host/cli/errors.hpp"
#include "host/io/matrix_file.hpp"

namespace orthant::cli {

nlohmann::json read_json(const std::string& path) { return parse_json(io::read_bytes(path), path); }

nlohmann::json parse_json(std::string_view text, const std::string& path) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    // e.byte counts from 1, and is that of the last byte that was read.
    const auto at = text.begin() + static_cast<std::ptrdiff_t>(std::min(e.byte > 0 ? e.byte - 1 : 0, text.size()));
    const auto line = std::count(text.begin(), at, '\n') + 1;
    const auto begin = std::find(std::make_reverse_iterator(at), text.rend(), '\n').base();
    throw FileError(path + ":" + std::to_string(line) + ":" + std::to_string(at - begin + 1) + ": this is not JSON");
  } catch (const nlohmann::json::out_of_range&) {  // 1e999
    throw FileError(path + ": a number is too large, expected those of double");
  }
}

std::string written(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string shown(const nlohmann::json& value) {
  constexpr std::size_t kMost = 60;
  // What is nested deeply would overflow the stack of who writes it out.
  if (value.is_structured()) return value.is_array() ? "an array" : "an object";
  if (!value.is_string() || value.get_ref<const std::string&>().size() <= kMost) return value.dump();
  const std::string begin = value.get_ref<const std::string&>().substr(0, kMost);
  return nlohmann::json(begin).dump(-1, ' ', false, nlohmann::json::error_handler_t::ignore) + " and so on";
}

}  // namespace orthant::cli
