#include "host/cli/bench_compare.hpp"

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "host/cli/errors.hpp"
#include "host/cli/exit_code.hpp"
#include "host/cli/json_file.hpp"
#include "host/cli/option_types.hpp"
#include "host/cli/table.hpp"

namespace orthant::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* kFooter =
    R"(Rows are the same if workload, rows, columns, nonzeros, rank, loss, solver, sweeps, acceleration and
precision are. 'ratio' is A's median time by B's: above 1, B is faster. 'noise' is the larger of
(median - least) / least of both, over their repeats, and 2 % at least. B is called faster or slower if the
ratio of the medians and that of the least times both differ from 1 by more than the noise, to the same side;
otherwise what was measured does not tell. One repeat tells nothing.
Below the rows is told what else the ratios may come from: device, threads, options, compiler or libraries in
which the two runs differ.)";

constexpr const char* kSame[] = {"workload", "rows",   "columns", "nonzeros",     "rank",
                                 "loss",     "solver", "sweeps",  "acceleration", "precision"};

/// Milliseconds of an iteration.
struct Times {
  double least, median;
  std::size_t repeats;
  double spread() const { return (median - least) / least; }
};

struct Row {
  std::map<std::string, std::string> cells;  ///< what makes rows the same
  Times times;
};

struct File {
  std::string device;
  std::map<std::string, std::string> conditions;  ///< under which it was measured, beside the version of Orthant
  std::vector<Row> rows;
};

[[noreturn]] void refuse(const std::string& path, const std::string& place, const std::string& expected) {
  throw FileError(path + ": " + place + ": expected " + expected + ", as orthant bench --json writes it");
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : shown(value); }

const Json& object(const Json& file, const char* key, const std::string& path) {
  static const Json none = Json::object();
  if (!file.contains(key)) return none;
  if (!file[key].is_object()) refuse(path, key, "an object");
  return file[key];
}

// Options that choose rows are not among them: rows are compared one by one. What was measured tells the device better
// than what was asked for, and threads likewise. The others left out have no part in the time of an iteration.
std::map<std::string, std::string> read_conditions(const Json& file, const std::string& path) {
  const std::set<std::string> left_out = {"workloads", "scale",        "rank",   "loss",    "solver",
                                          "sweeps",    "acceleration", "device", "threads", "time_to",
                                          "until",     "traffic",      "model"};
  std::map<std::string, std::string> all;
  for (const char* key : {"backend", "device", "cpu", "simd", "driver", "threads", "precision"})
    if (file.contains(key)) all[key] = text_of(file[key]);
  for (const auto& [name, value] : object(file, "options", path).items()) {
    if (left_out.contains(name)) continue;
    std::string option = "--" + name;
    std::replace(option.begin(), option.end(), '_', '-');
    all[option] = text_of(value);
  }
  for (const auto& [name, value] : object(file, "versions", path).items())
    if (name != "orthant") all[name] = text_of(value);
  return all;
}

double positive(const Json& times, const char* key, const std::string& path, const std::string& place) {
  if (!times.contains(key) || !times[key].is_number() || !(times[key].get<double>() > 0))
    refuse(path, place + ".milliseconds." + key, "a number above 0");
  return times[key];
}

Row read_row(const Json& json, const std::string& path, const std::string& place) {
  if (!json.is_object()) refuse(path, place, "an object");
  Row row;
  for (const char* key : kSame) {
    const bool dense = std::string_view(key) == "nonzeros" && json.contains(key) && json[key].is_null();
    if (!dense && (!json.contains(key) || !(json[key].is_string() || json[key].is_number_integer())))
      refuse(path, place + "." + key, "a text or an integer");
    row.cells[key] = text_of(json[key]);
  }
  if (json.contains("predicted_seconds_per_iteration")) refuse(path, place, "a time that was measured, not predicted");
  if (!json.contains("milliseconds") || !json["milliseconds"].is_object())
    refuse(path, place + ".milliseconds", "least, median and repeats");
  const Json& times = json["milliseconds"];
  if (!times.contains("repeats") || !times["repeats"].is_array())
    refuse(path, place + ".milliseconds.repeats", "a list");
  row.times = {positive(times, "least", path, place), positive(times, "median", path, place), times["repeats"].size()};
  return row;
}

File read_file(const std::string& path) {
  const Json json = read_json(path);
  if (!json.is_object() || !json.contains("results") || !json["results"].is_array()) refuse(path, "results", "a list");
  File file;
  file.device = json.contains("device") ? text_of(json["device"]) : "an unknown device";
  if (json.contains("threads")) file.device += ", " + text_of(json["threads"]) + " threads";
  file.conditions = read_conditions(json, path);
  for (std::size_t i = 0; i < json["results"].size(); ++i)
    file.rows.push_back(read_row(json["results"][i], path, "results[" + std::to_string(i) + "]"));
  return file;
}

std::string verdict(const Times& a, const Times& b, double noise) {
  if (a.repeats < 2 || b.repeats < 2) return "one repeat";
  const double medians = a.median / b.median, least = a.least / b.least;
  if (std::min(medians, least) > 1 + noise) return "B is faster";
  if (std::max(medians, least) < 1 / (1 + noise)) return "B is slower";
  return "within noise";
}

void print(const std::vector<std::pair<Row, Row>>& pairs) {
  const auto differs = [&](const char* key, const char* from) {
    return std::any_of(pairs.begin(), pairs.end(), [&](auto& pair) { return pair.first.cells.at(key) != from; });
  };
  std::vector<std::pair<const char*, Column>> named = {{"workload", {"workload", 14, true}},
                                                       {"rank", {"rank", 5}},
                                                       {"loss", {"loss", 16, true}},
                                                       {"solver", {"solver", 6, true}}};
  if (differs("sweeps", "1")) named.push_back({"sweeps", {"sweeps", 6}});
  if (differs("acceleration", "none")) named.push_back({"acceleration", {"acceleration", 13, true}});
  named.push_back({"precision", {"precision", 9, true}});
  std::vector<Column> columns;
  for (const auto& [key, column] : named) columns.push_back(column);
  columns.insert(columns.end(), {{"A ms", 10}, {"B ms", 10}, {"ratio", 8}, {"noise", 8}, {"", 12, true}});
  std::cout << title_line(columns) << "\n";
  for (const auto& [a, b] : pairs) {
    const double noise = std::max({0.02, a.times.spread(), b.times.spread()});
    std::vector<std::string> cells;
    for (const auto& [key, column] : named) cells.push_back(a.cells.at(key));
    cells.insert(cells.end(), {digits(a.times.median), digits(b.times.median), digits(a.times.median / b.times.median),
                               digits(100 * noise) + " %", verdict(a.times, b.times, noise)});
    std::cout << table_line(columns, cells) << "\n";
  }
}

// What a ratio may come from beside Orthant.
void print_differences(const File& a, const File& b) {
  std::set<std::string> names;
  for (const File* file : {&a, &b})
    for (const auto& [name, value] : file->conditions) names.insert(name);
  const auto value = [](const File& file, const std::string& name) {
    const auto found = file.conditions.find(name);
    return found == file.conditions.end() ? "not told" : found->second;
  };
  const char* before = "WARNING: A and B were not measured alike, and ratios tell of that too:\n";
  for (const std::string& name : names) {
    if (value(a, name) == value(b, name)) continue;
    std::cout << before << "  " << name << ": " << value(a, name) << " and " << value(b, name) << "\n";
    before = "";
  }
}

int run(const std::string& path_a, const std::string& path_b) {
  const File a = read_file(path_a), b = read_file(path_b);
  std::vector<std::pair<Row, Row>> pairs;
  std::vector<Row> left = b.rows;  // each has one partner: a row may be there twice
  for (const Row& row : a.rows) {
    const auto same = std::find_if(left.begin(), left.end(), [&](const Row& r) { return r.cells == row.cells; });
    if (same == left.end()) continue;
    pairs.emplace_back(row, *same);
    left.erase(same);
  }
  if (pairs.empty()) throw FileError(path_a + " and " + path_b + " have no row in common");
  std::cout << "A: " << path_a << ", " << a.device << "\nB: " << path_b << ", " << b.device << "\n";
  print(pairs);
  const std::size_t only_a = a.rows.size() - pairs.size(), only_b = left.size();
  if (only_a + only_b > 0) std::cout << "rows in one of the files only: " << only_a << " of A, " << only_b << " of B\n";
  print_differences(a, b);
  return kSuccess;
}

}  // namespace

Subcommand add_bench_compare(CLI::App& bench) {
  CLI::App* app = bench.add_subcommand("compare", "Set two files of --json beside each other");
  const auto paths = std::make_shared<std::pair<std::string, std::string>>();
  add_path(*app, "A", paths->first, "Written by orthant bench --json A", "")->required();
  add_path(*app, "B", paths->second, "Another", "")->required();
  app->footer(kFooter);
  return {app, [paths] { return run(paths->first, paths->second); }};
}

}  // namespace orthant::cli
