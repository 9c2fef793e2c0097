#pragma once

#include <string>

#include "orthant/context.hpp"
#include "orthant/cuda.hpp"

namespace orthant::cli {

/// Where to run, as `--device` says it.
struct Device {
  enum class Kind { automatic, cpu, cuda };
  Kind kind = Kind::automatic;
  int index = 0;  ///< of the CUDA device

  /// "auto", "cpu", "cuda:0"
  std::string text() const;
};

/// @throws UsageError unless `text` is auto, cpu, cuda or cuda:N
Device parse_device(const std::string& text);

/// Why `automatic` is the CPU.
struct Fallback {
  std::string reason;         ///< what CUDA said; empty: it is what runs, or was not tried
  bool device_fails = false;  ///< there is a device, but it is broken, busy or full
};

/// `automatic` is CUDA where it can be used, else the CPU. `threads` are those of the CPU; 0: its default. `math` is
/// how CUDA makes products.
/// @throws BackendUnavailable, CudaError or OutOfMemory if CUDA was asked for and cannot be used
Context make_context(const Device& device, int threads, Fallback* fallback = nullptr, MathMode math = MathMode::strict);

/// "AVX-512" for Highway's name of it; other names as they are.
std::string readable_device(const Context& context);

}  // namespace orthant::cli
