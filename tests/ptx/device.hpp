#pragma once

// Memory and launches for tests that have no rig: kernels of tests/ptx/kernels, as compiled for one architecture.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/ptx/machine.hpp"

namespace ptx_test {

inline constexpr const char* kArchitectures[] = {"compute_75", "compute_90", "compute_120"};

inline std::string architecture_name(const testing::TestParamInfo<const char*>& info) { return info.param; }

inline std::unique_ptr<ptx::Module> load(const std::string& file, const std::string& architecture) {
  return ptx::load(ORTHANT_PTX_KERNELS "/" + architecture + "/" + file + ".ptx");
}

/// What a body throws, or "no error".
inline std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const ptx::Error& error) {
    return error.what();
  }
  return "no error";
}

class Device {
 public:
  explicit Device(std::unique_ptr<ptx::Module> module) : module_(std::move(module)) {}

  /// Memory of the device, with these values; it stays until the device goes.
  template <class T>
  T* copy(const std::vector<T>& values) {
    const std::size_t bytes = values.size() * sizeof(T);
    void* const memory = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    owned_.emplace_back(memory, &std::free);
    live_.push_back({reinterpret_cast<std::uint64_t>(memory), bytes});
    return std::copy(values.begin(), values.end(), static_cast<T*>(memory)) - values.size();
  }
  template <class T>
  T* fill(std::size_t count, T value = {}) {
    return copy(std::vector<T>(count, value));
  }

  template <class... Arguments>
  void launch(const std::string& kernel, dim3 grid, dim3 block, std::size_t shared_bytes,
              const Arguments&... arguments) {
    const auto bytes = [](const auto& value) {
      const auto* first = reinterpret_cast<const std::byte*>(&value);
      return std::vector<std::byte>(first, first + sizeof value);
    };
    const auto accessible = [this](const void* pointer, std::size_t count) {
      return ptx::covers(live_, reinterpret_cast<std::uint64_t>(pointer), count);
    };
    ptx::run({*module_,
              *module_->kernels.at(kernel),
              grid,
              block,
              shared_bytes,
              {bytes(arguments)...},
              accessible,
              [this](const std::string& name, const auto& values) {
                external_calls_.push_back({name, values});
              }});
  }

  struct ExternalCall {
    std::string name;
    std::vector<std::vector<std::byte>> arguments;
  };
  const std::vector<ExternalCall>& external_calls() const { return external_calls_; }

 private:
  std::unique_ptr<ptx::Module> module_;
  std::vector<ExternalCall> external_calls_;
  std::vector<std::unique_ptr<void, decltype(&std::free)>> owned_;
  std::vector<ptx::Range> live_;
};

}  // namespace ptx_test
