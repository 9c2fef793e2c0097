#include "host/cli/suggestion.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace orthant::cli {
namespace {

// Insertions, deletions and replacements that make one text of the other (Levenshtein).
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

// 0 also for a part of the name, as in --max-iter or --iterations.
std::size_t distance_from_name(const std::string& argument, const std::string& name) {
  const std::string bare = argument.substr(std::min(argument.find_first_not_of('-'), argument.size()));
  return bare.size() >= 3 && name.find(bare) != std::string::npos ? 0 : distance(argument, name);
}

std::vector<std::string> known_names(const CLI::App& app, bool options) {
  std::vector<std::string> names;
  if (options)
    for (const CLI::Option* option : app.get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  else
    for (const CLI::App* subcommand : app.get_subcommands({})) names.push_back(subcommand->get_name());
  return names;
}

}  // namespace

std::string unknown_argument(const CLI::App& app, const std::string& argument) {
  const bool option = argument.starts_with("-");
  const std::string name = argument.substr(0, argument.find('='));
  const auto names = known_names(app, option);
  const auto near = [&](const std::string& a, const std::string& b) {
    return distance_from_name(name, a) < distance_from_name(name, b);
  };
  const auto nearest = std::min_element(names.begin(), names.end(), near);
  if (!option && names.empty()) return "unexpected argument '" + name + "'";
  if (option && std::find(names.begin(), names.end(), name) != names.end())
    return name + " stands before " + app.get_name() + ", expected behind it";
  std::string message = option ? "unknown option " + name : "unknown subcommand '" + name + "'";
  if (nearest != names.end() && distance_from_name(name, *nearest) <= 1 + name.size() / 4)
    return message + ", did you mean " + *nearest + "?";
  if (option) return message;
  message += ", expected one of ";
  for (const std::string& known : names) message += (&known == &names.front() ? "" : ", ") + known;
  return message;
}

}  // namespace orthant::cli
