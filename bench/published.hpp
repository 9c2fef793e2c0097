#pragma once

#include <cstdint>
#include <string_view>

#include "bench/cost.hpp"

namespace orthant::bench {

/// A GPU as its maker describes it: peaks, which nothing reaches.
struct PublishedDevice {
  std::string_view name, title;
  double bandwidth;            ///< bytes per second of its memory
  double flops, double_flops;  ///< multiply-adds of float and double outside tensor cores, per second, each two
  double cache;                ///< bytes of second-level cache
};

/// From NVIDIA's data sheets of H100 SXM, H200 SXM and A100 80GB SXM, and the appendix of its Ada architecture paper
/// (version 2) for the RTX 4090.
inline constexpr PublishedDevice kPublishedDevices[] = {
    {"h100", "NVIDIA H100 SXM", 3.35e12, 67e12, 34e12, 50e6},
    {"h200", "NVIDIA H200 SXM", 4.8e12, 67e12, 34e12, 50e6},
    {"a100", "NVIDIA A100 80GB SXM", 2.039e12, 19.5e12, 9.7e12, 40e6},
    {"rtx4090", "NVIDIA GeForce RTX 4090", 1.008e12, 82.6e12, 1.29e12, 72e6},
};

/// Seconds that an iteration would take if each phase, one after the other, took the longer of its flops and its bytes
/// at these peaks. Columns that sparse X gathers count as bytes, in sectors of 32, where their factor is larger than
/// the cache, and as nothing where it is not. Launches count as nothing.
Bound predict(const PublishedDevice& device, const Iteration& iteration);

}  // namespace orthant::bench
