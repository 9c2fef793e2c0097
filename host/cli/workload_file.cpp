#include "host/cli/workload_file.hpp"

#include <algorithm>
#include <limits>

#include "host/cli/errors.hpp"
#include "host/cli/json_file.hpp"

namespace orthant::cli {
namespace {

using Json = nlohmann::json;
using bench::Workload;

// One object of the list, and where it is: "sizes.json: workload 2".
class Entry {
 public:
  Entry(const Json& json, std::string place) : json_(json), place_(std::move(place)) {
    if (!json.is_object()) throw FileError(place_ + " is " + shown(json) + ", expected an object");
    for (const auto& item : json.items()) {
      bool known = false;
      for (const char* key : kKeys) known = known || item.key() == key;
      if (!known)
        throw FileError(place_ + " has '" + item.key() +
                        "', expected name, rows, columns, nonzeros, rank, degrees or content");
    }
  }

  bool has(const char* key) const { return json_.contains(key); }

  std::int64_t integer(const char* key, std::int64_t least, std::int64_t most) const {
    if (!has(key)) throw FileError(place_ + " has no '" + key + "'");
    const Json& value = json_[key];
    const bool fits = value.is_number_integer() && value >= least && value <= most;
    if (!fits) refuse(key, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
    return value;
  }

  std::string text(const char* key) const {
    if (!json_[key].is_string()) refuse(key, "a text");
    return json_[key];
  }

  /// Which of two words: 0 or 1. 0 where it is not given.
  int choice(const char* key, const char* first, const char* second) const {
    if (!has(key)) return 0;
    if (json_[key] == first) return 0;
    if (json_[key] != second) refuse(key, std::string("\"") + first + "\" or \"" + second + "\"");
    return 1;
  }

  [[noreturn]] void refuse(const char* key, const std::string& expected) const {
    throw FileError(place_ + ": " + key + " is " + shown(json_[key]) + ", expected " + expected);
  }

 private:
  static constexpr const char* kKeys[] = {"name", "rows", "columns", "nonzeros", "rank", "degrees", "content"};
  const Json& json_;
  std::string place_;
};

Workload read_workload(const Entry& e, const std::string& name) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  Workload w;
  w.name = e.has("name") ? e.text("name") : name;
  w.rows = e.integer("rows", 1, kMost);
  w.columns = e.integer("columns", 1, kMost);
  if (e.has("nonzeros")) w.nonzeros = e.integer("nonzeros", 0, w.rows * w.columns);
  w.rank = e.has("rank") ? static_cast<int>(e.integer("rank", 1, 4096)) : 32;
  w.degrees = e.choice("degrees", "power-law", "uniform") == 0 ? bench::Degrees::power_law : bench::Degrees::uniform;
  w.content = e.choice("content", "parts", "counts") == 0 ? bench::Content::parts : bench::Content::counts;
  if (w.sparse() && e.has("content")) e.refuse("content", "it for dense X only");
  if (!w.sparse() && e.has("degrees")) e.refuse("degrees", "it together with nonzeros only");
  return w;
}

}  // namespace

std::vector<Workload> read_workloads(const std::string& path) { return workloads_of(read_json(path), path); }

std::vector<Workload> workloads_of(const Json& json, const std::string& path) {
  if (!json.is_array() || json.empty()) throw FileError(path + ": expected a list of workloads");
  std::vector<Workload> all;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    all.push_back(read_workload(Entry(json[i], path + ": workload " + number), number));
    // Rows of results are told apart by it.
    const auto same =
        std::find_if(all.begin(), all.end(), [&](const Workload& w) { return w.name == all.back().name; });
    if (const auto first = same - all.begin(); first < static_cast<std::ptrdiff_t>(i))
      throw FileError(path + ": workloads " + std::to_string(first + 1) + " and " + number + " are both named '" +
                      same->name + "', expected names that differ (without one, a workload has its number)");
  }
  return all;
}

}  // namespace orthant::cli
