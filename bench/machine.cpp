#include "bench/machine.hpp"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/machine.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orthant::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Chains of dependent multiply-adds: enough of them to hide the latency of two units. Returns the flops done.
template <class T>
double multiply_add(std::int64_t steps, double* sink) {
  constexpr int kChains = 12;
  const hn::ScalableTag<T> d;
  hn::Vec<decltype(d)> acc[kChains];
  ORTHANT_UNROLL for (int i = 0; i < kChains; ++i) acc[i] = hn::Set(d, static_cast<T>(i));
  const auto b = hn::Set(d, static_cast<T>(0.9999)), c = hn::Set(d, static_cast<T>(0.001));
  for (std::int64_t s = 0; s < steps; ++s) {
    ORTHANT_UNROLL for (int i = 0; i < kChains; ++i) acc[i] = hn::MulAdd(acc[i], b, c);
  }
  auto sum = acc[0];
  ORTHANT_UNROLL for (int i = 1; i < kChains; ++i) sum = hn::Add(sum, acc[i]);
  *sink += static_cast<double>(hn::GetLane(sum));
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(steps);
}
double multiply_add_float(std::int64_t steps, double* sink) { return multiply_add<float>(steps, sink); }
double multiply_add_double(std::int64_t steps, double* sink) { return multiply_add<double>(steps, sink); }

double sum(const float* data, std::int64_t count) {
  constexpr int kChains = 8;
  const hn::ScalableTag<float> d;
  const std::int64_t n = static_cast<std::int64_t>(hn::Lanes(d));
  hn::Vec<decltype(d)> acc[kChains];
  ORTHANT_UNROLL for (auto& a : acc) a = hn::Zero(d);
  for (std::int64_t i = 0; i + kChains * n <= count; i += kChains * n) {
    ORTHANT_UNROLL for (int j = 0; j < kChains; ++j) acc[j] = hn::Add(acc[j], hn::LoadU(d, data + i + j * n));
  }
  auto total = acc[0];
  ORTHANT_UNROLL for (int j = 1; j < kChains; ++j) total = hn::Add(total, acc[j]);
  return static_cast<double>(hn::GetLane(total));
}

}  // namespace orthant::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::bench {

HWY_EXPORT(multiply_add_float);
HWY_EXPORT(multiply_add_double);
HWY_EXPORT(sum);

namespace {

// What is computed must be used, or the compiler drops it.
volatile double unused;

// The best rate of `runs` runs; run(thread) returns what one thread did.
template <class Run>
double best_rate(int threads, int runs, Run&& run) {
  double best = 0;
  for (int r = 0; r < runs; ++r) {
    double work = 0;
    const auto start = std::chrono::steady_clock::now();
#pragma omp parallel num_threads(threads) reduction(+ : work)
    work += run(omp_get_thread_num());
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, work / seconds);
  }
  return best;
}

double multiply_add(float, std::int64_t steps, double* sink) {
  return HWY_DYNAMIC_DISPATCH(multiply_add_float)(steps, sink);
}
double multiply_add(double, std::int64_t steps, double* sink) {
  return HWY_DYNAMIC_DISPATCH(multiply_add_double)(steps, sink);
}

}  // namespace

template <class T>
double measure_flops(int threads) {
  return best_rate(threads, 10, [](int) {
    double sink = 0;
    const double flops = multiply_add(T(), 2'500'000, &sink);
    unused = sink;
    return flops;
  });
}

double measure_bandwidth(int threads) {
  const std::int64_t size = 64 << 20;
  const std::vector<float> data(static_cast<std::size_t>(size), 1.0F);
  return best_rate(threads, 5, [&](int thread) {
    const std::int64_t begin = size * thread / threads, end = size * (thread + 1) / threads;
    unused = HWY_DYNAMIC_DISPATCH(sum)(data.data() + begin, end - begin);
    return static_cast<double>(end - begin) * sizeof(float);
  });
}

template double measure_flops<float>(int);
template double measure_flops<double>(int);

}  // namespace orthant::bench
#endif
