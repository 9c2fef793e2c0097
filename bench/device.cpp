#include "bench/device.hpp"

#include <algorithm>
#include <cstdint>

#include "host/core/backend.hpp"
#include "host/core/runtime.hpp"

namespace orthant::bench {
namespace {

using core::Buffer;
using core::Factor;

constexpr std::int64_t kBytes = 256 << 20;

// Seconds that `calls` take on the device.
template <class T, class Calls>
double seconds_of(const core::Backend<T>& backend, Calls&& calls) {
  const auto start = backend.mark();
  calls();
  return backend.mark()->seconds_since(*start);
}

}  // namespace

double measure_copy(const Context& context) {
  constexpr int kRank = 32, kRuns = 6;
  const core::Backend<float>& backend = context.runtime()->backend(float());
  const std::int64_t count = kBytes / static_cast<std::int64_t>(sizeof(float)) / kRank;
  const Buffer<float> source(backend.memory(), kRank * count), target(backend.memory(), kRank * count);
  backend.clear(source.data(), kBytes);
  const DenseView<const float> from{
      source.data(), kRank, count, kRank, Layout::column_major, context.runtime()->memory_space()};
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    const double seconds = seconds_of(backend, [&] { backend.copy_in(from, {target.data(), kRank, count, kRank}); });
    best = std::max(best, 2.0 * kBytes / seconds);
  }
  return best;
}

template <class T>
double measure_gemm(const Context& context) {
  constexpr double kEnough = 0.02;  // seconds
  constexpr std::int64_t kLargest = 16384;
  const core::Runtime& runtime = *context.runtime();
  const core::Backend<T>& backend = runtime.backend(T());
  double best = 0;
  for (std::int64_t side = 128; side <= kLargest; side *= 2) {
    const int rank = static_cast<int>(std::min<std::int64_t>(side, runtime.max_rank()));
    const Buffer<T> x(backend.memory(), side * side), f(backend.memory(), rank * side),
        r(backend.memory(), rank * side);
    const Factor<T> whole{x.data(), static_cast<int>(side), side, side}, factor{f.data(), rank, side, rank};
    backend.fill_uniform(whole, 1, core::Side::w, T(1));
    backend.fill_uniform(factor, 1, core::Side::h, T(1));
    const auto matrix = runtime.make_matrix(
        DenseView<const T>{x.data(), side, side, side, Layout::row_major, runtime.memory_space()}, core::Observed<T>{});
    core::Workspace workspace(backend.memory());
    double seconds = 0;
    for (int run = 0; run < 3; ++run) {  // the first makes handles
      seconds = seconds_of(backend, [&] {
        matrix->product(core::Side::h, factor, {r.data(), rank, side, rank}, workspace);
      });
      best = std::max(best, 2.0 * static_cast<double>(side * side) * rank / seconds);
    }
    if (seconds > kEnough) break;
  }
  return best;
}

std::vector<std::pair<std::string, std::string>> library_versions(const Context& context) {
  return context.runtime()->versions();
}

void flush_caches(const Context& context) {
  const core::Backend<float>& backend = context.runtime()->backend(float());
  const Buffer<float> memory(backend.memory(), kBytes / static_cast<std::int64_t>(sizeof(float)));
  backend.clear(memory.data(), kBytes);
}

template double measure_gemm<float>(const Context&);
template double measure_gemm<double>(const Context&);

}  // namespace orthant::bench
