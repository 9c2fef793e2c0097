#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <functional>
#include <iostream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/limits.hpp"
#include "bench/measure.hpp"
#include "bench/memory.hpp"
#include "bench/synthetic.hpp"
#include "bench/traffic.hpp"
#include "host/cli/bench_arguments.hpp"
#include "host/cli/bench_compare.hpp"
#include "host/cli/bench_report.hpp"
#include "host/cli/bench_rows.hpp"
#include "host/cli/device.hpp"
#include "host/cli/errors.hpp"
#include "host/cli/exit_code.hpp"
#include "host/cli/json_file.hpp"
#include "host/cli/option_types.hpp"
#include "host/cli/output.hpp"
#include "host/cli/subcommand.hpp"
#include "host/cli/table.hpp"
#include "host/cli/versions.hpp"
#include "host/cli/wording.hpp"
#include "host/io/matrix_file.hpp"
#include "host/io/output_file.hpp"
#include "orthant/error.hpp"

namespace orthant::cli {
namespace {

using Json = nlohmann::ordered_json;

// Nothing falls back in silence: what is measured in place of what was asked for is said here, and in the JSON.
Context bench_context(const BenchArguments& a, std::string& why) {
  Fallback fallback;
  const auto make = [&] {
    try {
      return make_context(a.device, a.threads, &fallback);
    } catch (const BackendUnavailable& e) {
      fallback.reason = e.what();
      return make_context({Device::Kind::cpu, 0}, a.threads);
    }
  };
  const Context context = make();
  why = in_options(fallback.reason);
  if (!why.empty()) std::cerr << "orthant: " << why << "; the CPU is measured instead" << std::endl;
  return context;
}

// Prints rows and keeps them.
class Output {
 public:
  explicit Output(const BenchArguments& a) : a_(a), prints_(a.json != "-") {}

  bool prints() const { return prints_; }
  const Json& rows() const { return rows_; }
  void add(const Json& row) {
    rows_.push_back(row);
    if (prints_) print_row(std::cout, row, a_);
  }

 private:
  const BenchArguments& a_;
  bool prints_;
  Json rows_ = Json::array();
};

template <class T>
MeasuredRow measure(const bench::SyntheticMatrix<T>& x, const BenchRow& row, const BenchArguments& a,
                    bench::Limits& limits) {
  MeasuredRow measured{
      .row = row, .iteration = row.iteration(a, limits.on_device()), .timing = {}, .bound = {}, .losses = {}};
  if (row.workload.sparse()) measured.iteration.shape.nonzeros = x.matrix().nonzeros();
  const Options options = row.options();
  measured.timing = bench::time_iterations(x.matrix(), row.rank, options, {a.iterations, a.repeats, a.seconds},
                                           [&] { limits.measure_again<T>(); });
  if (!a.time_to.empty()) measured.losses = bench::losses(x.matrix(), row.rank, options, a.until);
  measured.bound = limits.bound<T>(bench::cost_of(measured.iteration), measured.iteration);
  measured.peak_flops = limits.flops<T>();
  measured.peak_memory = bench::peak_memory<T>(x.matrix().context(), measured.iteration.shape, row.rank, options);
  return measured;
}

// Rows of one workload, rank and loss, which --time-to compares.
void report_group(const std::vector<MeasuredRow>& group, const BenchArguments& a, Output& output) {
  double best = 0;
  if (!a.time_to.empty()) {
    best = std::numeric_limits<double>::infinity();
    for (const MeasuredRow& r : group) best = std::min(best, *std::min_element(r.losses.begin(), r.losses.end()));
  }
  for (const MeasuredRow& r : group) output.add(as_json(r, best, a));
}

// after_group() is called when rows that are compared with each other have been reported.
template <class T>
void measure_all(const std::vector<BenchRow>& rows, const Context& context, const BenchArguments& a,
                 bench::Limits& limits, Output& output, const std::function<void()>& after_group) {
  const Layout layout = a.column_major ? Layout::column_major : Layout::row_major;
  std::unique_ptr<bench::SyntheticMatrix<T>> x;
  std::vector<MeasuredRow> group;
  const auto finish_group = [&] {
    if (group.empty()) return;
    report_group(group, a, output);
    group.clear();
    after_group();
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const BenchRow& row = rows[i];
    const bool same_x = i > 0 && rows[i - 1].workload.name == row.workload.name;
    if (!same_x || rows[i - 1].rank != row.rank || rows[i - 1].loss != row.loss) finish_group();
    if (!same_x) {
      x.reset();  // before the next takes as much
      x = std::make_unique<bench::SyntheticMatrix<T>>(context, row.workload, layout);
    }
    group.push_back(measure(*x, row, a, limits));
  }
  finish_group();
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return text;
}

void write(const BenchArguments& a, const Json& versions, Json json) {
  json["options"] = options_as_json(a);
  json["versions"] = versions;
  json["date"] = utc_now();
  const std::string text = written(json);
  if (a.json == "-")
    std::cout << text;
  else
    io::write_bytes(*a.json, text);
}

template <class T>
int measure_rows(const BenchArguments& a) {
  std::string fallback;
  const Context context = bench_context(a, fallback);
  const BenchRows chosen = choose_rows(a, context);
  for (const std::string& why : chosen.refused) std::cerr << "orthant: left out: " << why << std::endl;
  bench::Limits limits(context);
  const Json limits_json = limits_as_json<T>(limits);
  Output output(a);
  if (output.prints()) {
    std::cout << readable_device(context);
    if (context.threads() > 0) std::cout << ", " << context.threads() << " threads";
    std::cout << ", " << name_of(kPrecisions, a.precision) << "\n";
    print_limits(std::cout, limits_json);
    print_titles(std::cout, a);
  }
  const Json versions_json = versions(context);
  const auto write_rows = [&] {
    write(a, versions_json,
          {{"backend", context.backend()},
           {"device", readable_device(context)},
           {"fallback", fallback.empty() ? Json() : Json(fallback)},
           {"cpu", cpu_model()},
           {"simd", Context::cpu().device()},
           {"driver", context.backend() == "cuda" ? nvidia_driver() : Json()},
           {"threads", context.threads()},
           {"precision", name_of(kPrecisions, a.precision)},
           {"bandwidth_gbytes", limits.bandwidth() / 1e9},
           {"limits", limits_json},
           {"results", output.rows()}});
  };
  // A file has what was measured before an error or Ctrl-C; a pipe cannot be written anew.
  const bool rewrites = a.json && a.json != "-" && !io::OutputFile::writes_through(*a.json);
  measure_all<T>(chosen.rows, context, a, limits, output, [&] {
    if (rewrites) write_rows();
  });
  if (a.json && !rewrites) write_rows();
  return kSuccess;
}

Context counting_context() {
  try {
    const Context context = make_context({Device::Kind::cuda, 0}, 0);
    if (bench::counts_traffic()) return context;
  } catch (const BackendUnavailable&) {
  }
  throw UsageError("--traffic counts in the rig: ORTHANT_CUDA_MODULE must name the module of the build 'traffic'");
}

// What kernels move, counted in the rig.
template <class T>
int count_rows(const BenchArguments& a) {
  const Context context = counting_context();
  const BenchRows chosen = choose_rows(a, context);
  for (const std::string& why : chosen.refused) std::cerr << "orthant: left out: " << why << std::endl;
  Output output(a);
  if (output.prints()) {
    std::cout << "COUNTED in the rig, of one iteration without a check; bytes of global memory in sectors of 32\n";
    print_titles(std::cout, a);
  }
  for (const BenchRow& row : chosen.rows) {
    const bench::SyntheticMatrix<T> x(context, row.workload, a.column_major ? Layout::column_major : Layout::row_major);
    bench::Iteration iteration = row.iteration(a, true);
    if (row.workload.sparse()) iteration.shape.nonzeros = x.matrix().nonzeros();
    output.add(as_json(row, iteration, bench::traffic_of_iteration(x.matrix(), row.rank, row.options()), a));
  }
  if (a.json) write(a, versions(context), {{"counted_for", readable_device(context)}, {"results", output.rows()}});
  return kSuccess;
}

// What a GPU would take, by its data sheet.
int predict_rows(const BenchArguments& a) {
  const BenchRows chosen = choose_rows(a, Context::cpu());
  for (const std::string& why : chosen.refused) std::cerr << "orthant: left out: " << why << std::endl;
  const std::string title(a.model->title);
  Output output(a);
  if (output.prints()) {
    std::cout << "PREDICTED for " << title << " from published peaks (" << digits(a.model->bandwidth / 1e9) << " GB/s, "
              << digits((a.precision == Precision::float_ ? a.model->flops : a.model->double_flops) / 1e9)
              << " GFLOP/s); nothing was measured\n";
    print_titles(std::cout, a);
  }
  for (const BenchRow& row : chosen.rows) {
    const bench::Iteration iteration = row.iteration(a, true);
    output.add(as_json(row, iteration, bench::predict(*a.model, iteration), a));
  }
  if (a.json) write(a, versions(), {{"prediction_for", title}, {"results", output.rows()}});
  return kSuccess;
}

// So that a file that cannot be written is known before anything is measured.
void prepare_file(const std::string& path) {
  if (path.ends_with('/') || std::filesystem::is_directory(path))
    throw UsageError("--json is '" + path + "', a folder, expected a file");
  if (io::OutputFile::writes_through(path)) return;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  prepare_output(folder.empty() ? "." : folder.string());
}

int run(const BenchArguments& a) {
  if (a.json && a.json != "-") prepare_file(*a.json);
  if (a.model != nullptr) return predict_rows(a);
  if (a.traffic) return a.precision == Precision::float_ ? count_rows<float>(a) : count_rows<double>(a);
  return a.precision == Precision::float_ ? measure_rows<float>(a) : measure_rows<double>(a);
}

// Everything but compare itself, which measures nothing.
void refuse_beside_compare(const CLI::App& bench) {
  for (const CLI::Option* option : bench.get_options())
    if (option->count() > 0)
      throw UsageError(option->get_name() + " does nothing with compare, behind which A and B follow");
}

}  // namespace

Subcommand add_bench(CLI::App& command) {
  CLI::App* app = command.add_subcommand("bench", "Time iterations on synthetic X, beside what the machine can do");
  const auto arguments = std::make_shared<BenchArguments>();
  add_bench_options(*app, *arguments);
  const Subcommand compare = add_bench_compare(*app);
  return {app, [app, arguments, compare] {
            if (compare.app->parsed()) {
              refuse_beside_compare(*app);
              return compare.run();
            }
            check(*app, *arguments);
            return run(*arguments);
          }};
}

}  // namespace orthant::cli
