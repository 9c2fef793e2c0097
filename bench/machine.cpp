#include "bench/machine.hpp"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "host/core/philox.hpp"
#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/machine.cpp"
#include <hwy/cache_control.h>
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

// Adds up the columns of `f` (of `stride` numbers each, whole vectors) that `indices` name.
template <class T>
double gather(const T* f, std::int64_t stride, const std::int32_t* indices, std::int64_t count) {
  constexpr int kChains = 4;
  constexpr std::int64_t kAhead = 16;
  const hn::ScalableTag<T> d;
  const std::int64_t n = static_cast<std::int64_t>(hn::Lanes(d));
  hn::Vec<decltype(d)> acc[kChains];
  ORTHANT_UNROLL for (auto& a : acc) a = hn::Zero(d);
  for (std::int64_t p = 0; p < count; ++p) {
    if (p + kAhead < count) {
      const T* next = f + indices[p + kAhead] * stride;
      for (std::int64_t c = 0; c < stride; c += static_cast<std::int64_t>(64 / sizeof(T))) hwy::Prefetch(next + c);
    }
    const T* column = f + indices[p] * stride;
    std::int64_t c = 0;
    for (; c + kChains * n <= stride; c += kChains * n) {
      ORTHANT_UNROLL for (int j = 0; j < kChains; ++j) acc[j] = hn::Add(acc[j], hn::LoadU(d, column + c + j * n));
    }
    for (; c < stride; c += n) acc[0] = hn::Add(acc[0], hn::LoadU(d, column + c));
  }
  auto total = acc[0];
  ORTHANT_UNROLL for (int j = 1; j < kChains; ++j) total = hn::Add(total, acc[j]);
  return static_cast<double>(hn::GetLane(total));
}
double gather_float(const float* f, std::int64_t stride, const std::int32_t* indices, std::int64_t count) {
  return gather(f, stride, indices, count);
}
double gather_double(const double* f, std::int64_t stride, const std::int32_t* indices, std::int64_t count) {
  return gather(f, stride, indices, count);
}
std::int64_t lanes_float() { return static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>())); }
std::int64_t lanes_double() { return static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<double>())); }

}  // namespace orthant::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::bench {

HWY_EXPORT(multiply_add_float);
HWY_EXPORT(multiply_add_double);
HWY_EXPORT(sum);
HWY_EXPORT(gather_float);
HWY_EXPORT(gather_double);
HWY_EXPORT(lanes_float);
HWY_EXPORT(lanes_double);

namespace {

// What is computed must be used, or the compiler drops it; each thread has its own.
thread_local volatile double unused;

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
double gather(const float* f, std::int64_t stride, const std::int32_t* indices, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(gather_float)(f, stride, indices, count);
}
double gather(const double* f, std::int64_t stride, const std::int32_t* indices, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(gather_double)(f, stride, indices, count);
}
std::int64_t lanes(float) { return HWY_DYNAMIC_DISPATCH(lanes_float)(); }
std::int64_t lanes(double) { return HWY_DYNAMIC_DISPATCH(lanes_double)(); }

}  // namespace

template <class T>
double measure_flops(int threads, int runs) {
  return best_rate(threads, runs, [](int) {
    double sink = 0;
    const double flops = multiply_add(T(), 2'500'000, &sink);
    unused = sink;
    return flops;
  });
}

double measure_bandwidth(int threads, const std::vector<float>& array, int runs) {
  const auto size = static_cast<std::int64_t>(array.size());
  return best_rate(threads, runs, [&](int thread) {
    const std::int64_t begin = size * thread / threads, end = size * (thread + 1) / threads;
    unused = HWY_DYNAMIC_DISPATCH(sum)(array.data() + begin, end - begin);
    return static_cast<double>(end - begin) * sizeof(float);
  });
}

template <class T>
double measure_gather(int threads, std::int64_t rank, std::int64_t count) {
  constexpr std::int64_t kGathers = 1 << 18;  // of each thread
  const std::int64_t stride = (rank + lanes(T()) - 1) / lanes(T()) * lanes(T());
  // On a cache line, as factors are: a column that straddles two would cost twice.
  const std::unique_ptr<T[], decltype(&std::free)> factor(
      static_cast<T*>(std::aligned_alloc(64, static_cast<std::size_t>(stride * count * sizeof(T) + 63) / 64 * 64)),
      &std::free);
  if (factor == nullptr) throw std::bad_alloc();
  std::fill_n(factor.get(), stride * count, T(1));
  std::vector<std::int32_t> indices(static_cast<std::size_t>(kGathers * threads));
  for (std::size_t p = 0; p < indices.size(); ++p) {
    const core::PhiloxBlock bits = core::philox({{static_cast<std::uint32_t>(p), 0, 0, 0}}, 1);
    indices[p] = static_cast<std::int32_t>((std::uint64_t{bits.x[0]} * static_cast<std::uint64_t>(count)) >> 32);
  }
  return best_rate(threads, 6, [&](int thread) {
    unused = gather(factor.get(), stride, indices.data() + kGathers * thread, kGathers);
    return static_cast<double>(kGathers);
  });
}

template double measure_flops<float>(int, int);
template double measure_flops<double>(int, int);
template double measure_gather<float>(int, std::int64_t, std::int64_t);
template double measure_gather<double>(int, std::int64_t, std::int64_t);

}  // namespace orthant::bench
#endif
