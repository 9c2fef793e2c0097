#include "host/cli/bench_arguments.hpp"

#include "bench/measure.hpp"
#include "bench/workloads.hpp"
#include "host/cli/option_types.hpp"

namespace orthant::cli {
namespace {

constexpr const char* kFooter =
    R"(An iteration updates W and H, by default once. A row is timed in --repeats fits from the same random start. Each goes
through N = --iterations + 1 iterations that are not timed, N more, and one; the loss is looked at after each of the
three. What the second takes longer than the third is the time of --iterations iterations, without a look at the loss.
On a device CUDA events tell it.

The limits of the machine are measured first: multiply-adds out of registers and reading memory (both again between the
fits, so that they see the same disturbances), and gathering columns of a factor at random; on a device, copying and the
product of square matrices. The limit of a row is the largest of what its flops, its bytes of memory and, for sparse X,
its gathers would take by themselves; --explain prints how they are counted. A row may do better
than its limit where all of it fits in cache, where columns that sparse X asks for have favourites (gathers are measured
in uniformly random order), or are visited in an order that suits the cache. On a device gathers are not in the limit.

WORKLOADs by name: D1 D2 D3 F dense, S1 S2 T sparse; shapes of data sets of the literature: newsgroups tdt2 reuters rcv1
(text), faces cbcl pie (pictures), pbmc3k pbmc_facs (cells), movielens100k movielens1m movielens10m (ratings),
signatures21 signatures2780 (96 kinds of mutations). With --scale: tall square wide (dense), uniform power-law (sparse);
all rows of small take minutes, those of large hours.
X is made up, the same bits everywhere: factors of the usual rank are planted in it (fewer components where rows of
sparse X are long, bench/README.md tells), and rows and columns of sparse X have the degrees of a power law.

--scale FILE.json holds a list of objects with "rows" and "columns", and if need be "name" (each another) [its number],
"nonzeros" (sparse X), "rank" [32], "degrees" ("power-law" or "uniform") and "content" ("parts" or "counts") of dense X:
  [{"name": "mine", "rows": 3000, "columns": 800, "nonzeros": 50000, "rank": 12}]

--json tells backend, device, fallback (why the CPU was measured instead), cpu, simd (instruction set), driver, threads,
limits, options, versions (on a device those of CUDA, cuBLAS and cuSPARSE too) and, for every row ("results"):
  workload, rows, columns, nonzeros, rank, loss, solver, sweeps, acceleration, precision
  w_sweeps, h_sweeps     of a factor for each visit of X: what sweeps "auto" is there
  seconds_per_iteration  the median;  milliseconds: least, median and repeats, all of an iteration
  iterations             that were timed in each fit
  flops, bytes           of an iteration, counted;  gathers: columns of H, and as many of W
  gflops, gbytes         per second, by the least time
  peak_gflops, share_of_peak
  limit_milliseconds, limit_by, share_of_limit
  peak_memory            bytes: X, W, H and what plan() tells
  best_loss, time_to     with --time-to: for each share its loss, iterations and seconds (iterations times the median)
  phases                 with --explain
  traffic                with --traffic, in place of all times: of each kernel name, launches, bytes_read and
                         bytes_written (null: a library's work); kernel_bytes: their sum

--traffic runs kernels in the rig, a CPU that counts what they read and write in sectors of 32 bytes, for small X:
  cmake --preset traffic && cmake --build build/traffic --target orthant_command orthant_cuda_rig
  ORTHANT_CUDA_MODULE=build/traffic/tests/cuda/liborthant_cuda.so build/traffic/orthant bench signatures21 --traffic
What cuBLAS and cuSPARSE move is not seen. 'ctest -L traffic' holds each kernel to the least that it can do.

'orthant bench compare A.json B.json' sets two such files beside each other.)";

// function(part) for each part between commas.
template <class Function>
void for_each_part(const std::string& option, const std::string& text, Function&& function) {
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = text.find(',', begin);
    const std::string part = text.substr(begin, end == std::string::npos ? end : end - begin);
    if (part.empty()) throw UsageError(option + " is '" + text + "', expected values between commas");
    function(part);
    if (end == std::string::npos) return;
    begin = end + 1;
  }
}

template <class Value, class Parse>
void add_list(CLI::App& app, const std::string& name, std::vector<Value>& values, const std::string& form,
              const std::string& description, Parse&& parse) {
  app.add_option_function<std::string>(
         name,
         [&values, name, parse](const std::string& text) {
           for_each_part(name, text, [&](const std::string& part) { values.push_back(parse(part)); });
         },
         description)
      ->option_text(form);
}

const bench::PublishedDevice* parse_model(const std::string& text) {
  std::string all;
  for (const auto& device : bench::kPublishedDevices) {
    if (device.name == text) return &device;
    all += (all.empty() ? "" : ", ") + std::string(device.name);
  }
  throw UsageError("--model is '" + text + "', expected one of " + all);
}

void add_rows(CLI::App& app, BenchArguments& a) {
  app.option_defaults()->group("Rows: every combination that there is of");
  app.add_option("WORKLOAD", a.workloads, "By name (below) [D3 D1 S1, or all of --scale]")->option_text("...");
  app.add_option_function<std::string>(
         "--scale",
         [&a](const std::string& text) {
           if (text != "small" && text != "medium" && text != "large" && !text.ends_with(".json"))
             throw UsageError("--scale is '" + text + "', expected small, medium, large or a file FILE.json");
           a.scale = text;
         },
         "Shapes of some million entries, ten times as many, or as many as half\n"
         "the memory that is free holds; with every loss and solver")
      ->option_text("small|medium|large|FILE.json");
  add_list(app, "--rank", a.ranks, "K,...", "[the workload's own; of --scale small, medium and large 8 to 256]",
           [](const std::string& text) { return parse_integer("--rank", text, 1, std::numeric_limits<int>::max()); });
  add_list(app, "--loss", a.losses, names_of(kLosses) + "|beta=B,...",
           "[frobenius; with --scale every one, and beta=0.5]",
           [](const std::string& text) { return parse_loss("--loss", text); });
  add_list(app, "--solver", a.solvers, names_of(kSolvers) + ",...",
           "[hals, or mu where that is not; with --scale every one, anls to rank 64]",
           [](const std::string& text) { return parse_choice("--solver", kSolvers, text); });
  add_list(app, "--sweeps", a.sweeps, "N|auto,...",
           "Updates of a factor per visit of X, as orthant factorize has them [1]",
           [](const std::string& text) { return parse_sweeps("--sweeps", text); });
  add_list(app, "--acceleration", a.accelerations, names_of(kAccelerations) + ",...", "Likewise [none]",
           [](const std::string& text) { return parse_choice("--acceleration", kAccelerations, text); });
}

void add_how(CLI::App& app, BenchArguments& a) {
  app.option_defaults()->group("How to measure");
  add_choice(app, "--precision", a.precision, kPrecisions, "Of X, W and H [float]");
  app.add_option_function<std::string>(
         "--device", [&a](const std::string& text) { a.device = parse_device(text); },
         "Where there is none, that is said and the CPU is measured [cpu]")
      ->option_text("auto|cpu|cuda[:N]");
  add_integer(app, "--threads", a.threads, 1, "Threads of the CPU [OMP_NUM_THREADS, or all cores]",
              CpuConfig::kMostThreads);
  add_integer(app, "--iterations", a.iterations, 1, "Iterations of a fit at most [10]",
              bench::TimingPlan::kMostIterations);
  add_integer(app, "--repeats", a.repeats, 1, "Fits of a row [5]");
  add_nonnegative(app, "--seconds", a.seconds, "For a row, about: fits have fewer iterations where they are slow [10]");
  add_list(app, "--time-to", a.time_to, "R,...",
           "Iterations and seconds until the loss is (1 + R) times the least that\n"
           "any solver of this run reaches on that workload, rank and loss",
           [](const std::string& text) { return parse_nonnegative("--time-to", text); });
  add_integer(app, "--until", a.until, 1, "Iterations of the fits that --time-to looks at [200]");
  app.add_flag("--column-major", a.column_major, "Dense X in column-major order");
  app.add_option_function<std::string>(
         "--model", [&a](const std::string& text) { a.model = parse_model(text); },
         "Measure nothing: predict the seconds of an iteration from counted flops\n"
         "and bytes and the published rates of that GPU")
      ->option_text("h100|h200|a100|rtx4090");
  app.add_flag("--traffic", a.traffic,
               "Measure nothing: count, by kernel, what an iteration launches and moves on\n"
               "a device, beside the least (below; of the build that counts)");
}

void add_printing(CLI::App& app, BenchArguments& a) {
  app.option_defaults()->group("What to print");
  app.add_flag("--explain", a.explain, "How flops and bytes of each row are counted");
  app.add_option_function<std::string>(
         "--json", [&a](const std::string& text) { a.json = text; },
         "As JSON, to a file, which grows with the rows, or in place of the table\n"
         "on standard output")
      ->expected(0, 1)
      ->default_str("-")
      ->option_text("[FILE]");
}

template <class Value, class Text>
nlohmann::ordered_json as_json(const std::vector<Value>& values, Text&& text) {
  if (values.empty()) return {};
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Value& value : values) all.push_back(text(value));
  return all;
}

}  // namespace

void add_bench_options(CLI::App& app, BenchArguments& arguments) {
  add_rows(app, arguments);
  add_how(app, arguments);
  add_printing(app, arguments);
  app.footer(kFooter);
}

void check(const CLI::App& app, const BenchArguments& a) {
  // `--json D3` would take the workload for a file.
  for (const bench::Workload& w : bench::known_workloads())
    if (a.json == w.name) throw UsageError("--json is followed by the workload " + w.name + ": name workloads first");
  if (a.model != nullptr && a.traffic) throw UsageError("--model and --traffic exclude each other");
  if (a.model != nullptr || a.traffic)
    for (const char* option :
         {"--device", "--threads", "--iterations", "--repeats", "--seconds", "--time-to", "--until"})
      if (app.count(option) > 0)
        throw UsageError(std::string(option) + " does nothing with " + (a.traffic ? "--traffic" : "--model") +
                         ", which measures nothing");
  if (app.count("--until") > 0 && a.time_to.empty())
    throw UsageError("--until does nothing without --time-to, whose fits it is for");
}

nlohmann::ordered_json options_as_json(const BenchArguments& a) {
  const auto same = [](const auto& value) { return value; };
  const auto text = [](const std::string& t) {
    return t.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(t);
  };
  return {{"workloads", as_json(a.workloads, same)},
          {"scale", text(a.scale)},
          {"rank", as_json(a.ranks, same)},
          {"loss", as_json(a.losses, [](Loss loss) { return name_of(loss); })},
          {"solver", as_json(a.solvers, [](Solver solver) { return name_of(kSolvers, solver); })},
          {"sweeps", as_json(a.sweeps, sweeps_text)},
          {"acceleration", as_json(a.accelerations, [](Acceleration way) { return name_of(kAccelerations, way); })},
          {"precision", name_of(kPrecisions, a.precision)},
          {"device", a.device.text()},
          {"threads", a.threads == 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(a.threads)},
          {"iterations", a.iterations},
          {"repeats", a.repeats},
          {"seconds", a.seconds},
          {"time_to", as_json(a.time_to, same)},
          {"until", a.until},
          {"column_major", a.column_major},
          {"traffic", a.traffic},
          {"model", text(a.model == nullptr ? "" : std::string(a.model->name))}};
}

}  // namespace orthant::cli
