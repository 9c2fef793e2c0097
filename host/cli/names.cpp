#include "host/cli/names.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "host/cli/errors.hpp"

namespace orthant::cli {

std::vector<std::string> read_names(const std::string& path, std::int64_t count, const std::string& what) {
  std::ifstream file(path);
  if (!file) throw FileError("cannot open " + path + ": " + std::strerror(errno));
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    names.push_back(std::move(line));
  }
  if (file.bad()) throw FileError("cannot read " + path);
  if (static_cast<std::int64_t>(names.size()) != count)
    throw FileError(path + " has " + std::to_string(names.size()) + " names, expected " + std::to_string(count) +
                    ", one for each of X's " + what);
  return names;
}

}  // namespace orthant::cli
