#pragma once

#include <cstdint>
#include <vector>

/// What the processor can do at most, measured now: to be compared only with times taken beside it. The best of some
/// runs, each of milliseconds.
namespace orthant::bench {

/// Flops per second of fused multiply-adds in T out of registers (each counts two).
template <class T>
double measure_flops(int threads, int runs = 10);

/// Bytes per second read from an array that no cache holds.
double measure_bandwidth(int threads, const std::vector<float>& array, int runs = 5);

/// Columns per second that can be read and added up, of a factor of rank x count numbers, in an order drawn at random
/// (uniformly), fetched ahead.
template <class T>
double measure_gather(int threads, std::int64_t rank, std::int64_t count);

}  // namespace orthant::bench
