#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/published.hpp"
#include "host/cli/choices.hpp"
#include "host/cli/device.hpp"

namespace orthant::cli {

/// What `orthant bench` is told.
struct BenchArguments {
  std::vector<std::string> workloads;
  std::string scale;                        ///< small, medium, large or a file; empty: workloads by name
  std::vector<std::int64_t> ranks;          ///< empty: those of the workload or scale
  std::vector<Loss> losses;                 ///< empty: frobenius, or with a scale each that the workload takes
  std::vector<Solver> solvers;              ///< empty: the loss's first choice, or with a scale each that it has
  std::vector<int> sweeps;                  ///< as Options::sweeps; empty: 1
  std::vector<Acceleration> accelerations;  ///< empty: none
  Precision precision = Precision::float_;
  bool column_major = false;
  Device device{Device::Kind::cpu, 0};
  int threads = 0;
  int iterations = 10;
  int repeats = 5;
  double seconds = 10;
  std::vector<double> time_to;
  int until = 200;
  const bench::PublishedDevice* model = nullptr;
  bool traffic = false;
  bool explain = false;
  std::optional<std::string> json;  ///< a file, or "-": standard output
};

void add_bench_options(CLI::App& app, BenchArguments& arguments);

/// Checks what no single option can know.
/// @throws UsageError
void check(const CLI::App& app, const BenchArguments& arguments);

/// Every option by its name, _ for -; null: not given.
nlohmann::ordered_json options_as_json(const BenchArguments& arguments);

}  // namespace orthant::cli
