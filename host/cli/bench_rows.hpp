#pragma once

#include <string>
#include <vector>

#include "bench/cost.hpp"
#include "bench/workloads.hpp"
#include "host/cli/bench_arguments.hpp"
#include "orthant/context.hpp"

namespace orthant::cli {

/// One row of what `orthant bench` prints.
struct BenchRow {
  bench::Workload workload;
  std::int64_t rank = 1;
  Loss loss;
  Solver solver = Solver::hals;
  int sweeps = 1;  ///< as Options::sweeps
  Acceleration acceleration = Acceleration::none;

  /// What is given to the fit.
  Options options() const;
  /// What its cost is counted of.
  bench::Iteration iteration(const BenchArguments& arguments, bool on_device) const;
};

struct BenchRows {
  std::vector<BenchRow> rows;        ///< those of one workload, and within it of one rank and loss, follow each other
  std::vector<std::string> refused;  ///< combinations that were asked for by name and do not exist, and why
};

/// The rows that the arguments ask for.
/// @throws UsageError if a workload is not known, or there is no row
/// @throws FileError for a bad --scale FILE.json
BenchRows choose_rows(const BenchArguments& arguments, const Context& context);

}  // namespace orthant::cli
