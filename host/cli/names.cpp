#include "host/cli/names.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "host/cli/errors.hpp"
#include "host/io/number.hpp"

namespace orthant::cli {

namespace {

// As JSON demands of texts, which refuses others.
bool is_utf8(const std::string& text) {
  try {
    (void)nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

}  // namespace

std::vector<std::string> read_names(const std::string& path, std::int64_t count, const std::string& what) {
  std::ifstream file(path);
  if (!file) throw FileError("cannot open " + path + ": " + std::strerror(errno));
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (names.empty()) line = io::without_mark(line);
    if (!is_utf8(line))
      throw FileError(path + ":" + std::to_string(names.size() + 1) + ": " + io::quoted(line) + " is not UTF-8");
    names.push_back(std::move(line));
  }
  if (file.bad()) throw FileError("cannot read " + path);
  if (static_cast<std::int64_t>(names.size()) != count)
    throw FileError(path + " has " + std::to_string(names.size()) + " names, expected " + std::to_string(count) +
                    ", one for each of X's " + what);
  return names;
}

}  // namespace orthant::cli
