#include "host/cli/bench_rows.hpp"

#include <algorithm>

#include "bench/memory.hpp"
#include "host/cli/errors.hpp"
#include "host/cli/option_types.hpp"
#include "host/cli/wording.hpp"
#include "host/cli/workload_file.hpp"
#include "orthant/error.hpp"

namespace orthant::cli {
namespace {

using bench::Workload;

std::vector<Loss> losses_of(const BenchArguments& a) {
  if (!a.losses.empty()) return a.losses;
  if (a.scale.empty()) return {Loss::frobenius()};
  return {Loss::frobenius(), Loss::kullback_leibler(), Loss::itakura_saito(), Loss{0.5}};
}

// Exact least squares takes minutes a row at the larger ranks: there it must be named.
constexpr std::int64_t kLargestExactRank = 64;

std::vector<Solver> solvers_of(const BenchArguments& a, Loss loss, std::int64_t rank) {
  if (!a.solvers.empty()) return a.solvers;
  if (!a.scale.empty()) {
    std::vector<Solver> all = {Solver::hals, Solver::multiplicative_update};
    if (rank <= kLargestExactRank) all.push_back(Solver::anls);
    return all;
  }
  const bool has_hals = loss == Loss::frobenius() || loss == Loss::kullback_leibler();
  return {has_hals ? Solver::hals : Solver::multiplicative_update};
}

std::vector<int> sweeps_of(const BenchArguments& a) { return a.sweeps.empty() ? std::vector{1} : a.sweeps; }

std::vector<Acceleration> accelerations_of(const BenchArguments& a) {
  return a.accelerations.empty() ? std::vector{Acceleration::none} : a.accelerations;
}

std::vector<std::int64_t> ranks_of(const BenchArguments& a, const Workload& workload) {
  if (!a.ranks.empty()) return a.ranks;
  if (a.scale.empty() || a.scale.ends_with(".json")) return {workload.rank};
  return {std::begin(bench::kScaleRanks), std::end(bench::kScaleRanks)};
}

std::int64_t peak_memory(const BenchRow& row, const BenchArguments& a, const Context& context) {
  const MatrixShape shape = row.iteration(a, false).shape;
  return a.precision == Precision::float_ ? bench::peak_memory<float>(context, shape, row.rank, row.options())
                                          : bench::peak_memory<double>(context, shape, row.rank, row.options());
}

// Why there is no such row; empty: there is.
std::string refusal(const BenchRow& row, const BenchArguments& a, const Context& context) {
  if (row.loss.beta <= 0 && row.workload.has_zeros()) return "X has zeros, where that loss is infinite";
  try {
    peak_memory(row, a, context);
  } catch (const InvalidArgument& e) {
    return in_options(e.what());
  }
  return {};
}

// All rows of a workload that exist; `refuse` hears of the others.
template <class Refuse>
std::vector<BenchRow> rows_of(const Workload& workload, const BenchArguments& a, const Context& context,
                              Refuse&& refuse) {
  std::vector<BenchRow> rows;
  for (std::int64_t rank : ranks_of(a, workload))
    for (Loss loss : losses_of(a))
      for (Solver solver : solvers_of(a, loss, rank))
        for (Acceleration acceleration : accelerations_of(a))
          for (int sweeps : sweeps_of(a)) {
            const BenchRow row{workload, rank, loss, solver, sweeps, acceleration};
            const std::string why = refusal(row, a, context);
            if (why.empty())
              rows.push_back(row);
            else
              refuse(row, why);
          }
  return rows;
}

std::vector<Workload> workloads_of_scale(const BenchArguments& a, const Context& context) {
  if (a.scale.empty()) return {};
  if (a.scale == "small") return bench::small_workloads();
  if (a.scale == "medium") return bench::medium_workloads();
  if (a.scale != "large") return read_workloads(a.scale);
  return bench::large_workloads(bench::memory_budget(context), [&](const Workload& workload) {
    std::int64_t most = 0;
    for (const BenchRow& row : rows_of(workload, a, context, [](const BenchRow&, const std::string&) {}))
      most = std::max(most, peak_memory(row, a, context));
    return most;
  });
}

std::vector<Workload> workloads_of(const BenchArguments& a, const Context& context) {
  const std::vector<Workload> of_scale = workloads_of_scale(a, context);
  std::vector<std::string> names = a.workloads;
  if (names.empty() && !of_scale.empty()) return of_scale;
  if (names.empty()) names = {"D3", "D1", "S1"};
  const std::vector<Workload>& known = a.scale.empty() ? bench::known_workloads() : of_scale;
  std::vector<Workload> chosen;
  for (const std::string& name : names) {
    const auto found = std::find_if(known.begin(), known.end(), [&](const Workload& w) { return w.name == name; });
    if (found == known.end()) {
      std::string all;
      for (const Workload& w : known) all += (all.empty() ? "" : ", ") + w.name;
      throw UsageError("there is no workload '" + name + "', expected some of " + all);
    }
    chosen.push_back(*found);
  }
  return chosen;
}

}  // namespace

Options BenchRow::options() const {
  return {.loss = loss,
          .solver = solver,
          .initialization = Initialization::random,
          .sweeps = sweeps,
          .acceleration = acceleration};
}

bench::Iteration BenchRow::iteration(const BenchArguments& a, bool on_device) const {
  const MatrixShape shape = workload.shape(a.column_major ? Layout::column_major : Layout::row_major);
  return {shape, rank, loss, solver, sweeps, a.precision == Precision::float_ ? 4 : 8, on_device, acceleration};
}

BenchRows choose_rows(const BenchArguments& a, const Context& context) {
  BenchRows all;
  std::string first_refusal;
  for (const Workload& workload : workloads_of(a, context)) {
    std::vector<std::pair<BenchRow, std::string>> refused;
    const std::vector<BenchRow> rows = rows_of(
        workload, a, context, [&](const BenchRow& row, const std::string& why) { refused.emplace_back(row, why); });
    for (const auto& [row, why] : refused) {
      const std::string refusal = row.workload.name + ", rank " + std::to_string(row.rank) + ", " + name_of(row.loss) +
                                  ", " + name_of(kSolvers, row.solver) + ": " + why;
      if (first_refusal.empty()) first_refusal = refusal;
      // What was not named is tried, and left out in silence; what was named must be in some row.
      const auto lacks = [&rows, &lost = row](auto&& part) {
        return std::none_of(rows.begin(), rows.end(), [&](const BenchRow& other) {
          return other.rank == lost.rank && other.*part == lost.*part;
        });
      };
      if (!a.solvers.empty() || (!a.losses.empty() && lacks(&BenchRow::loss)) ||
          (!a.sweeps.empty() && lacks(&BenchRow::sweeps)) ||
          (!a.accelerations.empty() && lacks(&BenchRow::acceleration)))
        all.refused.push_back(refusal);
    }
    all.rows.insert(all.rows.end(), rows.begin(), rows.end());
  }
  if (all.rows.empty()) throw UsageError("no row is left: " + first_refusal);
  return all;
}

}  // namespace orthant::cli
