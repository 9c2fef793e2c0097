#include "host/cli/bench_report.hpp"

#include <ostream>

#include "host/cli/option_types.hpp"
#include "host/cli/table.hpp"

namespace orthant::cli {
namespace {

using Json = nlohmann::ordered_json;

Json head_of(const BenchRow& row, const bench::Iteration& iteration, const BenchArguments& a) {
  return {{"workload", row.workload.name},
          {"rows", row.workload.rows},
          {"columns", row.workload.columns},
          {"nonzeros", row.workload.sparse() ? Json(iteration.shape.nonzeros) : Json(nullptr)},
          {"rank", row.rank},
          {"loss", name_of(row.loss)},
          {"solver", name_of(kSolvers, row.solver)},
          {"sweeps", row.sweeps == 0 ? Json("auto") : Json(row.sweeps)},
          {"acceleration", name_of(kAccelerations, row.acceleration)},
          {"precision", name_of(kPrecisions, a.precision)}};
}

void add_cost(const bench::Cost& cost, const BenchArguments& a, Json& json) {
  json["w_sweeps"] = cost.w_sweeps;
  json["h_sweeps"] = cost.h_sweeps;
  json["flops"] = cost.flops();
  json["bytes"] = cost.bytes();
  json["gathers"] = cost.gathers;
  if (!a.explain) return;
  json["phases"] = Json::array();
  for (const bench::Phase& p : cost.phases)
    json["phases"].push_back({{"name", p.name},
                              {"flops_formula", p.flops_formula},
                              {"flops", p.flops},
                              {"bytes_formula", p.bytes_formula},
                              {"bytes", p.bytes}});
}

Json time_to_as_json(const MeasuredRow& r, double best_loss, const BenchArguments& a) {
  Json all = Json::array();
  for (double share : a.time_to) {
    const double target = (1 + share) * best_loss;
    const std::optional<int> iterations = bench::iterations_to(r.losses, target);
    all.push_back({{"share", share},
                   {"loss", target},
                   {"iterations", iterations ? Json(*iterations) : Json(nullptr)},
                   {"seconds", iterations ? Json(*iterations * r.timing.median()) : Json(nullptr)}});
  }
  return all;
}

std::vector<Column> columns_of(const BenchArguments& a) {
  std::vector<Column> columns = {{"workload", 14, true}, {"rows", 8}, {"columns", 8},
                                 {"nonzeros", 10},       {"rank", 5}, {"loss", 16, true},
                                 {"solver", 6, true}};
  if (!a.sweeps.empty()) columns.push_back({"sweeps", 10, true});
  if (!a.accelerations.empty()) columns.push_back({"acceleration", 13, true});
  if (a.traffic) {
    columns.insert(columns.end(), {{"launches", 9}, {"bytes of kernels", 17}, {"least of all", 13}});
    return columns;
  }
  if (a.model != nullptr) {
    columns.insert(columns.end(), {{"predicted ms", 12}, {"bound by", 10}});
    return columns;
  }
  columns.insert(columns.end(),
                 {{"ms/iteration", 12}, {"median", 8}, {"GFLOP/s", 8}, {"GB/s", 7}, {"of limit", 18}, {"peak MB", 8}});
  for (double share : a.time_to) columns.push_back({"to " + brief(share), 18});
  return columns;
}

std::string percent(double share) { return digits(100 * share) + " %"; }

void print_traffic(std::ostream& out, const Json& traffic) {
  for (const Json& t : traffic) {
    out << "    " << t["name"].get<std::string>() << ": " << t["launches"] << " x, ";
    if (t["bytes_read"].is_null())
      out << "not counted\n";
    else
      out << t["bytes_read"] << " bytes read, " << t["bytes_written"] << " written\n";
  }
}

// "3", or those of W and of H: "auto 3, 5"
std::string sweeps_cell(const Json& row) {
  if (row["sweeps"].is_number()) return row["sweeps"].dump();
  return "auto " + row["w_sweeps"].dump() + ", " + row["h_sweeps"].dump();
}

std::string time_to_cell(const Json& reached) {
  if (reached["iterations"].is_null()) return "-";
  return digits(reached["seconds"]) + " s (" + reached["iterations"].dump() + ")";
}

}  // namespace

nlohmann::ordered_json as_json(const MeasuredRow& r, double best_loss, const BenchArguments& a) {
  const bench::Cost cost = bench::cost_of(r.iteration);
  const double least = r.timing.least();
  Json json = head_of(r.row, r.iteration, a);
  json["seconds_per_iteration"] = r.timing.median();
  Json repeats = Json::array();
  for (double seconds : r.timing.seconds) repeats.push_back(1e3 * seconds);
  json["milliseconds"] = {{"least", 1e3 * least}, {"median", 1e3 * r.timing.median()}, {"repeats", repeats}};
  json["iterations"] = r.timing.iterations;
  add_cost(cost, a, json);
  json["gflops"] = cost.flops() / least / 1e9;
  json["gbytes"] = cost.bytes() / least / 1e9;
  json["peak_gflops"] = r.peak_flops / 1e9;
  json["share_of_peak"] = cost.flops() / least / r.peak_flops;
  json["limit_milliseconds"] = 1e3 * r.bound.seconds;
  json["limit_by"] = r.bound.by;
  json["share_of_limit"] = r.bound.seconds / least;
  json["peak_memory"] = r.peak_memory;
  if (!a.time_to.empty()) {
    json["best_loss"] = best_loss;
    json["time_to"] = time_to_as_json(r, best_loss, a);
  }
  return json;
}

nlohmann::ordered_json as_json(const BenchRow& row, const bench::Iteration& iteration, const bench::Bound& predicted,
                               const BenchArguments& a) {
  Json json = head_of(row, iteration, a);
  json["predicted_seconds_per_iteration"] = predicted.seconds;
  json["limit_by"] = predicted.by;
  add_cost(bench::cost_of(iteration), a, json);
  return json;
}

nlohmann::ordered_json as_json(const BenchRow& row, const bench::Iteration& iteration,
                               const std::vector<bench::KernelTraffic>& traffic, const BenchArguments& a) {
  const auto bytes = [](const std::optional<std::int64_t>& b) { return b ? Json(*b) : Json(nullptr); };
  Json json = head_of(row, iteration, a);
  json["traffic"] = Json::array();
  std::int64_t kernel_bytes = 0;
  for (const bench::KernelTraffic& t : traffic) {
    json["traffic"].push_back({{"name", t.name},
                               {"launches", t.launches},
                               {"bytes_read", bytes(t.bytes_read)},
                               {"bytes_written", bytes(t.bytes_written)}});
    kernel_bytes += t.bytes_read.value_or(0) + t.bytes_written.value_or(0);
  }
  json["kernel_bytes"] = kernel_bytes;
  add_cost(bench::cost_of(iteration), a, json);
  return json;
}

template <class T>
nlohmann::ordered_json limits_as_json(bench::Limits& limits) {
  Json json{{limits.on_device() ? "gemm_gflops" : "multiply_add_gflops", limits.flops<T>() / 1e9},
            {limits.on_device() ? "copy_gbytes" : "read_gbytes", limits.bandwidth() / 1e9}};
  if (limits.on_device()) return json;
  json["gathers"] = Json::array();
  for (std::int64_t count : {1000, 100'000}) {
    constexpr std::int64_t kRank = 32;
    const double rate = limits.gathers<T>(kRank, count);
    json["gathers"].push_back({{"rank", kRank},
                               {"count", count},
                               {"per_second", rate},
                               {"gbytes", rate * kRank * static_cast<double>(sizeof(T)) / 1e9}});
  }
  return json;
}

template nlohmann::ordered_json limits_as_json<float>(bench::Limits&);
template nlohmann::ordered_json limits_as_json<double>(bench::Limits&);

void print_limits(std::ostream& out, const nlohmann::ordered_json& limits) {
  const auto rate = [&](const char* key) { return digits(limits[key].get<double>()); };
  if (limits.contains("gemm_gflops")) {
    out << "limits: products of matrices " << rate("gemm_gflops") << " GFLOP/s, copies " << rate("copy_gbytes")
        << " GB/s\n";
    return;
  }
  out << "limits: multiply-adds " << rate("multiply_add_gflops") << " GFLOP/s, reads " << rate("read_gbytes")
      << " GB/s, gathers";
  const char* separator = " ";
  for (const Json& g : limits["gathers"]) {
    out << separator << digits(g["per_second"].get<double>() / 1e6) << " M/s of " << g["count"] << " columns of "
        << g["rank"];
    separator = ", ";
  }
  out << "\n";
}

void print_titles(std::ostream& out, const BenchArguments& a) { out << title_line(columns_of(a)) << std::endl; }

void print_row(std::ostream& out, const nlohmann::ordered_json& row, const BenchArguments& a) {
  std::vector<std::string> cells = {row["workload"],       row["rows"].dump(),
                                    row["columns"].dump(), row["nonzeros"].is_null() ? "dense" : row["nonzeros"].dump(),
                                    row["rank"].dump(),    row["loss"],
                                    row["solver"]};
  if (!a.sweeps.empty()) cells.push_back(sweeps_cell(row));
  if (!a.accelerations.empty()) cells.push_back(row["acceleration"]);
  const auto add = [&](double value) { cells.push_back(digits(value)); };
  if (row.contains("traffic")) {
    std::int64_t launches = 0;
    for (const Json& t : row["traffic"]) launches += t["launches"].get<std::int64_t>();
    cells.push_back(std::to_string(launches));
    add(row["kernel_bytes"]);
    add(row["bytes"]);
  } else if (row.contains("predicted_seconds_per_iteration")) {
    add(1e3 * row["predicted_seconds_per_iteration"].get<double>());
    cells.push_back(row["limit_by"]);
  } else {
    add(row["milliseconds"]["least"]);
    add(row["milliseconds"]["median"]);
    add(row["gflops"]);
    add(row["gbytes"]);
    cells.push_back(percent(row["share_of_limit"]) + " " + row["limit_by"].get<std::string>());
    add(row["peak_memory"].get<double>() / 1e6);
    if (row.contains("time_to"))
      for (const Json& reached : row["time_to"]) cells.push_back(time_to_cell(reached));
  }
  out << table_line(columns_of(a), cells) << "\n";
  if (row.contains("traffic")) print_traffic(out, row["traffic"]);
  if (a.explain) {
    for (const Json& p : row["phases"])
      out << "    " << p["name"].get<std::string>() << ": " << p["flops_formula"].get<std::string>() << " = "
          << digits(p["flops"]) << " flops; " << p["bytes_formula"].get<std::string>() << " = " << digits(p["bytes"])
          << " bytes\n";
    if (row["gathers"] > 0) out << "    gathers: e = " << digits(row["gathers"]) << " columns of H and of W\n";
  }
  out.flush();
}

}  // namespace orthant::cli
