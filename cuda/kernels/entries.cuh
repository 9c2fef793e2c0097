#pragma once

#include <cstdint>
#include <type_traits>

#include "cuda/device.hpp"
#include "cuda/kernels/element.hpp"

namespace orthant::cuda {

/// Entries of dense X as numbers of T, whichever way they are stored: for kernels that read an entry once and then have
/// much to do with it. The branch is the same for all threads.
template <class T>
class Entries {
 public:
  template <class S>
  explicit Entries(const S* data) : data_(data), stored_(stored_as<S>()) {}

  __device__ T operator[](std::int64_t at) const {
    switch (stored_) {
      case Stored::uint8:
        return read<std::uint8_t>(at);
      case Stored::fp16:
        return read<Fp16>(at);
      case Stored::bf16:
        return read<Bf16>(at);
      default:
        return read<T>(at);
    }
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

  template <class S>
  __device__ T read(std::int64_t at) const {
    const device::Global<const S> x = static_cast<const S*>(data_);
    return number<T>(static_cast<S>(x[at]));
  }

  const void* data_;
  Stored stored_;
};

}  // namespace orthant::cuda
