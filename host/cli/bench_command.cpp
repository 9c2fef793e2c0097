#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "bench/machine.hpp"
#include "bench/workloads.hpp"
#include "host/cli/device.hpp"
#include "host/cli/errors.hpp"
#include "host/cli/exit_code.hpp"
#include "host/cli/option_types.hpp"
#include "host/cli/subcommand.hpp"
#include "host/cli/versions.hpp"
#include "orthant/factorize.hpp"

namespace orthant::cli {
namespace {

using Json = nlohmann::ordered_json;

struct BenchArguments {
  std::vector<std::string> workloads;
  int rank = 0;  // 0: the workload's own
  int threads = 0;
  int iterations = 10;
  int repeats = 5;
  int sweeps = 1;
  Solver solver = Solver::hals;
  Precision precision = Precision::float_;
  bool column_major = false;
  bool json = false;
};

std::string known_workloads(const std::string& separator) {
  std::string all;
  for (const auto& w : bench::kWorkloads) all += (all.empty() ? "" : separator) + std::string(w.name);
  return all;
}

cases::MatrixCase find_workload(const std::string& name) {
  for (const auto& w : bench::kWorkloads)
    if (w.name == name) return {w.rows, w.columns, w.rank, w.nonzeros};
  throw UsageError("there is no workload '" + name + "', expected some of " + known_workloads(", "));
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Fits of a few iterations each, from the same start; between them the machine's limit is measured, so that both see
// the same disturbances. The limit is the best seen, the time the least and the median.
template <class T>
Json measure(const Context& context, const std::string& name, const BenchArguments& arguments) {
  cases::MatrixCase shape = find_workload(name);
  if (arguments.column_major) shape.layout = Layout::column_major;
  const std::int64_t rank = arguments.rank > 0 ? arguments.rank : shape.rank;
  const bench::SyntheticMatrix<T> x(context, shape);
  std::vector<T> w(static_cast<std::size_t>(shape.rows * rank)), h(static_cast<std::size_t>(rank * shape.columns));
  const Options options{.solver = arguments.solver,
                        .initialization = Initialization::random,
                        .sweeps = arguments.sweeps,
                        .max_iterations = arguments.iterations,
                        .tolerance = 0,
                        .check_every = arguments.iterations};
  double peak = 0;
  std::vector<double> seconds;
  for (int repeat = 0; repeat < arguments.repeats; ++repeat) {
    peak = std::max(peak, bench::measure_flops<T>(context.threads()));
    const Result result = factorize(x.matrix(), row_major(w.data(), shape.rows, rank),
                                    column_major(h.data(), rank, shape.columns), options);
    seconds.push_back(result.seconds_per_iteration);
  }
  const double least = *std::min_element(seconds.begin(), seconds.end());
  const double flops = 4.0 * static_cast<double>(x.matrix().nonzeros()) * static_cast<double>(rank);
  return {{"workload", name},
          {"rows", shape.rows},
          {"columns", shape.columns},
          {"nonzeros", x.matrix().sparse() ? Json(x.matrix().nonzeros()) : Json(nullptr)},
          {"rank", rank},
          {"milliseconds", {{"least", 1e3 * least}, {"median", 1e3 * median(seconds)}}},
          {"gflops", flops / least / 1e9},
          {"peak_gflops", peak / 1e9},
          {"share_of_peak", flops / least / peak}};
}

std::string table_line(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::size_t width = i == 0 ? 10 : 14;
    const std::string space(width > cells[i].size() ? width - cells[i].size() : 1, ' ');
    line += i == 0 ? cells[i] + space : space + cells[i];
  }
  return line;
}

std::string digits(double value) {
  std::ostringstream out;
  out.precision(4);
  out << value;
  return out.str();
}

int run(const BenchArguments& arguments) {
  const Context context = make_context({Device::Kind::cpu, 0}, arguments.threads);
  std::vector<std::string> names = arguments.workloads;
  if (names.empty()) names = {"D3", "D1", "S1"};
  for (const std::string& name : names) find_workload(name);
  const double bandwidth = bench::measure_bandwidth(context.threads());
  Json results = Json::array();
  if (!arguments.json) {
    std::cout << readable_device(context) << ", " << context.threads() << " threads, "
              << name_of(kPrecisions, arguments.precision) << ", " << name_of(kSolvers, arguments.solver) << "; reads "
              << digits(bandwidth / 1e9) << " GB/s\n"
              << table_line({"workload", "rows", "columns", "nonzeros", "rank", "ms/iteration", "median", "GFLOP/s",
                             "of peak"})
              << std::endl;
  }
  for (const std::string& name : names) {
    const Json r = arguments.precision == Precision::float_ ? measure<float>(context, name, arguments)
                                                            : measure<double>(context, name, arguments);
    results.push_back(r);
    if (arguments.json) continue;
    const double least = r["milliseconds"]["least"], middle = r["milliseconds"]["median"], gflops = r["gflops"];
    const double share = r["share_of_peak"];
    std::cout << table_line({name, r["rows"].dump(), r["columns"].dump(),
                             r["nonzeros"].is_null() ? "dense" : r["nonzeros"].dump(), r["rank"].dump(), digits(least),
                             digits(middle), digits(gflops), digits(100 * share) + " %"})
              << std::endl;
  }
  if (arguments.json) {
    std::cout << Json{{"device", readable_device(context)},
                      {"threads", context.threads()},
                      {"precision", name_of(kPrecisions, arguments.precision)},
                      {"solver", name_of(kSolvers, arguments.solver)},
                      {"bandwidth_gbytes", bandwidth / 1e9},
                      {"results", results},
                      {"versions", versions()}}
                     .dump(2)
              << "\n";
  }
  return kSuccess;
}

}  // namespace

Subcommand add_bench(CLI::App& command) {
  CLI::App* app = command.add_subcommand("bench", "Time iterations on synthetic X, beside what the machine can do");
  const auto a = std::make_shared<BenchArguments>();
  app->add_option("WORKLOAD", a->workloads, "Some of " + known_workloads(", ") + " (default: D3 D1 S1)")
      ->option_text("...");
  add_integer(*app, "--rank", a->rank, 1, "Rank instead of the workload's own");
  add_choice(*app, "--solver", a->solver, kSolvers, "Update rule (default: hals)");
  add_integer(*app, "--sweeps", a->sweeps, 1, "HALS sweeps per visit of X (default: 1)");
  add_choice(*app, "--precision", a->precision, kPrecisions, "Of X, W and H (default: float)");
  add_integer(*app, "--threads", a->threads, 1, "Threads (default: one per core)");
  add_integer(*app, "--iterations", a->iterations, 1, "Iterations of a fit (default: 10)");
  add_integer(*app, "--repeats", a->repeats, 1, "Fits; the least and the median time are told (default: 5)");
  app->add_flag("--column-major", a->column_major, "Dense X in column-major order");
  app->add_flag("--json", a->json, "As JSON");
  app->footer(
      "An iteration updates W and H. GFLOP/s count 4 m n k flops per iteration (sparse: 4 nnz k), the two products "
      "with "
      "X; the peak is that of fused multiply-adds in registers, measured between the fits.");
  return {app, [a] { return run(*a); }};
}

}  // namespace orthant::cli
