#pragma once

#include <cstdint>
#include <type_traits>

#include "cuda/device.hpp"
#include "cuda/kernels/element.hpp"

namespace orthant::cuda {

/// Entries of dense X, whichever way they are stored: for kernels that do much else, which need not be compiled for
/// each.
template <class T>
class Entries {
 public:
  template <class S>
  explicit Entries(const S* data) : data_(data), stored_(stored_as<S>()) {}

  /// Calls use(pointer to the entries as they are stored). The branch is the same for all threads, but loads do not
  /// move across it: a thread's loads belong within one call, and number() of what they bring after them.
  template <class Use>
  __device__ auto as_stored(Use&& use) const {
    switch (stored_) {
      case Stored::uint8:
        return use(static_cast<const std::uint8_t*>(data_));
      case Stored::fp16:
        return use(static_cast<const Fp16*>(data_));
      case Stored::bf16:
        return use(static_cast<const Bf16*>(data_));
      default:
        return use(static_cast<const T*>(data_));
    }
  }

  /// One entry as a number. For kernels that have much to do with it before the next.
  __device__ T operator[](std::int64_t at) const {
    return as_stored([&]<class S>(const S* data) {
      const device::Global<const S> x = data;
      return number<T>(static_cast<S>(x[at]));
    });
  }

 private:
  enum class Stored { plain, uint8, fp16, bf16 };

  template <class S>
  static constexpr Stored stored_as() {
    if constexpr (std::is_same_v<S, std::uint8_t>) return Stored::uint8;
    if constexpr (std::is_same_v<S, Fp16>) return Stored::fp16;
    if constexpr (std::is_same_v<S, Bf16>) return Stored::bf16;
    return Stored::plain;
  }

  const void* data_;
  Stored stored_;
};

}  // namespace orthant::cuda
