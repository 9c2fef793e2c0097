#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/cost.hpp"
#include "bench/limits.hpp"
#include "bench/measure.hpp"
#include "bench/traffic.hpp"
#include "host/cli/bench_rows.hpp"

namespace orthant::cli {

/// A row that has been measured.
struct MeasuredRow {
  BenchRow row;
  bench::Iteration iteration;  ///< of X as it is: with the nonzeros that it has
  bench::Timing timing;
  bench::Bound bound;
  double peak_flops = 0;  ///< per second
  std::int64_t peak_memory = 0;
  std::vector<double> losses;  ///< with --time-to: after 0, 1, ... iterations
};

/// What the help of `orthant bench` documents. `best_loss`: what --time-to refers to.
nlohmann::ordered_json as_json(const MeasuredRow& row, double best_loss, const BenchArguments& arguments);

/// The same of a prediction: of no time but the predicted one.
nlohmann::ordered_json as_json(const BenchRow& row, const bench::Iteration& iteration, const bench::Bound& predicted,
                               const BenchArguments& arguments);

/// The same of what was counted.
nlohmann::ordered_json as_json(const BenchRow& row, const bench::Iteration& iteration,
                               const std::vector<bench::KernelTraffic>& traffic, const BenchArguments& arguments);

/// What the limits are, as JSON and in a line for people.
template <class T>
nlohmann::ordered_json limits_as_json(bench::Limits& limits);
void print_limits(std::ostream& out, const nlohmann::ordered_json& limits);

/// The table: its titles, then a line for each row as JSON has it, and below it with --explain how it is counted.
void print_titles(std::ostream& out, const BenchArguments& arguments);
void print_row(std::ostream& out, const nlohmann::ordered_json& row, const BenchArguments& arguments);

}  // namespace orthant::cli
