#pragma once

// Bugs planted to see that they are reported. Each is a short program of its own; the line that is wrong, or at which
// it must be reported, ends in "// bug: NAME". bugs_test.cpp says in which build what must be reported.

#include <cstddef>
#include <string>
#include <vector>

#include "cuda/device.hpp"
#include "tests/simt/rig.hpp"

namespace bugs {

using namespace orthant::cuda::device;

struct Bug {
  const char* name;
  void (*run)();
};
std::vector<Bug>& all();

struct Registered {
  Registered(const char* name, void (*run)()) { all().push_back({name, run}); }
};

/// Device memory, with every entry set to `value`.
template <class T>
T* device_array(std::size_t count, int byte = 0) {
  void* data = nullptr;
  cudaMalloc(&data, count * sizeof(T));
  cudaMemset(data, byte, count * sizeof(T));
  return static_cast<T*>(data);
}

template <class... Parameters, class... Arguments>
cudaError_t run(void (*kernel)(Parameters...), unsigned grid, unsigned block, cudaStream_t stream,
                Arguments... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, arguments...);
}

cudaStream_t new_stream();
/// A line of the report, for errors that a program would see.
void say(const char* what, cudaError_t error);
void say(const char* what, double value);

}  // namespace bugs

/// SIMT_BUG(name) { ... }
#define SIMT_BUG(name)                                                                   \
  static void name##_bug();                                                              \
  [[maybe_unused]] static const ::bugs::Registered name##_registered(#name, name##_bug); \
  static void name##_bug()
