// What an iteration is made of, one by one. Run with --benchmark_filter=... to choose; each line tells flops and bytes
// per second and the share of the multiply-adds that the machine can do at most, measured at the start.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <memory>
#include <string>

#include "bench/machine.hpp"
#include "bench/synthetic.hpp"
#include "bench/workloads.hpp"
#include "host/core/backend.hpp"
#include "host/core/data_matrix.hpp"
#include "host/core/runtime.hpp"
#include "host/core/update_rule.hpp"
#include "tests/cases.hpp"

namespace orthant::bench {
namespace {

using core::Factor;
using core::Side;

/// X of a workload and factors for it, made once and shared by the benchmarks that follow each other.
template <class T>
struct Problem {
  Context context = Context::cpu();
  Workload shape;
  SyntheticMatrix<T> x;
  const core::Backend<T>& backend = context.runtime()->backend(T{});
  core::Workspace workspace{backend.memory()};
  core::Buffer<T> w_memory, h_memory, r_w_memory, r_h_memory, gram_memory;
  Factor<T> w, h, r_w, r_h;
  core::Gram<T> gram;

  explicit Problem(const Workload& c) : shape(c), x(context, c) {
    const auto make = [&](core::Buffer<T>& memory, std::int64_t count, Side side) {
      memory = core::Buffer<T>(backend.memory(), c.rank * count);
      const Factor<T> f{memory.data(), c.rank, count, c.rank};
      backend.fill_uniform(f, 1, side, T(1));
      return f;
    };
    w = make(w_memory, c.rows, Side::w);
    h = make(h_memory, c.columns, Side::h);
    r_w = make(r_w_memory, c.rows, Side::w);
    r_h = make(r_h_memory, c.columns, Side::h);
    gram_memory = core::Buffer<T>(backend.memory(), static_cast<std::int64_t>(c.rank) * c.rank);
    gram = {gram_memory.data(), c.rank};
    backend.gram(h, gram);
  }
};

template <class T>
double peak() {
  static const double flops = measure_flops<T>(Context::cpu().threads());
  return flops;
}

template <class T>
void report(benchmark::State& state, double flops, double bytes) {
  using benchmark::Counter;
  state.counters["flops"] = Counter(flops, Counter::kIsIterationInvariantRate);
  state.counters["bytes"] = Counter(bytes, Counter::kIsIterationInvariantRate, Counter::kIs1024);
  state.counters["of_peak"] = Counter(flops / peak<T>(), Counter::kIsIterationInvariantRate);
}

/// Bytes of X that one visit reads: a sparse entry is a value and a 32-bit index.
template <class T>
double bytes_of_x(const Problem<T>& p) {
  const auto entries = static_cast<double>(p.x.matrix().nonzeros());
  return entries * (p.shape.sparse() ? sizeof(T) + 4 : sizeof(T));
}
template <class T>
double product_flops(const Problem<T>& p) {
  return 2.0 * static_cast<double>(p.x.matrix().nonzeros()) * p.shape.rank;
}

// The two products and the pass of X.
template <class T>
void add_products(const std::string& name, const std::shared_ptr<std::unique_ptr<Problem<T>>>& lazy,
                  const Workload& shape) {
  const auto problem = [lazy, shape]() -> Problem<T>& {
    if (!*lazy) *lazy = std::make_unique<Problem<T>>(shape);
    return **lazy;
  };
  const auto add = [&](const std::string& what, auto&& run) {
    benchmark::RegisterBenchmark((name + "/" + what).c_str(),
                                 [problem, run](benchmark::State& state) { run(state, problem()); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  };
  add("XHt", [](benchmark::State& state, Problem<T>& p) {
    for (auto _ : state) p.x.matrix().data()->product(Side::h, p.h, p.r_w, p.workspace);
    report<T>(state, product_flops(p), bytes_of_x(p));
  });
  add("WtX", [](benchmark::State& state, Problem<T>& p) {
    for (auto _ : state) p.x.matrix().data()->product(Side::w, p.w, p.r_h, p.workspace);
    report<T>(state, product_flops(p), bytes_of_x(p));
  });
  add("pass", [](benchmark::State& state, Problem<T>& p) {
    const Side side = core::local_side(p.x.matrix().data()->shape());
    const Factor<T> local = side == Side::w ? p.w : p.h, fixed = side == Side::w ? p.h : p.w;
    const Factor<T> r = side == Side::w ? p.r_h : p.r_w;
    p.backend.gram(fixed, p.gram);
    const auto rule = core::make_update_rule(p.backend, Options{}, {}, nullptr);
    for (auto _ : state) p.x.matrix().data()->pass(side, local, fixed, p.gram, *rule, r, nullptr, p.workspace);
    report<T>(state, 2 * product_flops(p), bytes_of_x(p));
  });
  add("loss", [](benchmark::State& state, Problem<T>& p) {
    double loss = 0;
    for (auto _ : state) p.x.matrix().data()->loss(p.w, p.h, &loss, p.workspace);
    benchmark::DoNotOptimize(loss);
    report<T>(state, product_flops(p), bytes_of_x(p));
  });
}

// Updates of a factor of 50000 columns, given its terms.
template <class T>
void add_updates(const std::string& name, int rank) {
  struct Update {
    const char* name;
    Options options;
  };
  const auto lazy = std::make_shared<std::unique_ptr<Problem<T>>>();
  const auto problem = [lazy, rank]() -> Problem<T>& {
    if (!*lazy) *lazy = std::make_unique<Problem<T>>(Workload{"", 50000, 64, 1, rank});
    return **lazy;
  };
  for (const Update& u : {Update{"hals", {}}, Update{"mu", {.solver = Solver::multiplicative_update}}}) {
    benchmark::RegisterBenchmark((name + "/" + u.name).c_str(),
                                 [problem, options = u.options](benchmark::State& state) {
                                   Problem<T>& p = problem();
                                   p.backend.gram(p.h, p.gram);
                                   const auto rule = core::make_update_rule(p.backend, options, {}, nullptr);
                                   for (auto _ : state) rule->apply(p.w, {p.gram, p.r_w}, nullptr);
                                   const double k = p.shape.rank, count = static_cast<double>(p.w.count);
                                   report<T>(state, 2 * k * k * count, 3 * k * count * sizeof(T));
                                 })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RegisterBenchmark((name + "/gram").c_str(),
                               [problem](benchmark::State& state) {
                                 Problem<T>& p = problem();
                                 for (auto _ : state) p.backend.gram(p.w, p.gram);
                                 const double k = p.shape.rank, count = static_cast<double>(p.w.count);
                                 report<T>(state, 2 * k * k * count, k * count * sizeof(T));
                               })
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

// Exact least squares from nothing: columns of which each is a combination of some rows of B and noise.
template <class T>
void add_nnls(const std::string& name, int rank) {
  static constexpr std::int64_t kCount = 5000;
  benchmark::RegisterBenchmark((name + "/nnls").c_str(),
                               [rank](benchmark::State& state) {
                                 const Context context = Context::cpu();
                                 const auto b = cases::make_dense(2 * rank, rank, cases::Content::uniform, 1);
                                 auto y = oracle::multiply(b, cases::make_factor(rank, kCount, 2));
                                 const auto noise = cases::make_dense(2 * rank, kCount, cases::Content::uniform, 3);
                                 for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += 0.3 * noise.values[i];
                                 const test::DenseStorage<T> gram(oracle::gram(transpose(b))),
                                     products(oracle::multiply(transpose(b), y), Layout::column_major);
                                 test::DenseStorage<T> solution(rank, kCount, Layout::column_major);
                                 for (auto _ : state) nnls<T>(context, gram.view(), products.view(), solution.view());
                                 state.counters["columns"] = benchmark::Counter(
                                     static_cast<double>(kCount), benchmark::Counter::kIsIterationInvariantRate);
                               })
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

template <class T>
void add_all(const std::string& precision) {
  for (const Workload& w : known_workloads())
    add_products<T>(w.name + "/" + precision, std::make_shared<std::unique_ptr<Problem<T>>>(), w);
  for (int rank : cases::kRanks) {
    add_updates<T>("rank" + std::to_string(rank) + "/" + precision, rank);
    add_nnls<T>("rank" + std::to_string(rank) + "/" + precision, rank);
  }
}

}  // namespace
}  // namespace orthant::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("peak_gflops_float", std::to_string(orthant::bench::peak<float>() / 1e9));
  benchmark::AddCustomContext("peak_gflops_double", std::to_string(orthant::bench::peak<double>() / 1e9));
  orthant::bench::add_all<float>("float");
  orthant::bench::add_all<double>("double");
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
