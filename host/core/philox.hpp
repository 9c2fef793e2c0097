#pragma once

#include <cstdint>

#include "host/core/factor.hpp"

namespace orthant::core {

struct PhiloxBlock {
  std::uint32_t x[4];
};

/// Philox 4x32-10 (Salmon et al. 2011): 128 random bits as a function of a counter and a key, so that any entry of a
/// random factor can be made anywhere, in any order. Read by the CUDA compiler too.
constexpr PhiloxBlock philox(PhiloxBlock counter, std::uint64_t key) {
  auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * counter.x[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * counter.x[2];
    counter = {{static_cast<std::uint32_t>(p1 >> 32) ^ counter.x[1] ^ k0, static_cast<std::uint32_t>(p1),
                static_cast<std::uint32_t>(p0 >> 32) ^ counter.x[3] ^ k1, static_cast<std::uint32_t>(p0)}};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return counter;
}

constexpr PhiloxBlock random_bits(std::uint64_t seed, Side side, std::uint32_t component, std::int64_t index) {
  const auto i = static_cast<std::uint64_t>(index);
  const std::uint32_t stream = side == Side::w ? 0 : 1;
  return philox({{static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), component, stream}}, seed);
}

/// Uniform in (0, 1): the midpoints of 2^23 (float) or 2^52 (double) equal cells, so neither end is reached.
template <class T>
constexpr T uniform(PhiloxBlock bits) {
  if constexpr (sizeof(T) == 4) {
    return (static_cast<T>(bits.x[0] >> 9) + T(0.5)) * T(1.0 / 8388608.0);
  } else {
    const std::uint64_t high = (static_cast<std::uint64_t>(bits.x[0]) << 20) | (bits.x[1] >> 12);
    return (static_cast<T>(high) + T(0.5)) * T(1.0 / 4503599627370496.0);
  }
}

}  // namespace orthant::core
