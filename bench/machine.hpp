#pragma once

/// What the machine can do at most, measured now: to be compared only with times taken beside it.
namespace orthant::bench {

/// Flops per second of fused multiply-adds in T out of registers (each counts two). The best of ten runs of 5 ms.
template <class T>
double measure_flops(int threads);

/// Bytes per second read from an array of 256 MiB. The best of five runs.
double measure_bandwidth(int threads);

}  // namespace orthant::bench
