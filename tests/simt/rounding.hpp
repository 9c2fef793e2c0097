#pragma once

// Numbers of float in the formats of tensor cores, as the conversions of PTX round them.

#include <bit>
#include <cstdint>

namespace simt {

/// cvt.rna.tf32.f32: 10 bits after the point, ties away from zero. The other bits of the word are 0.
constexpr std::uint32_t tf32_bits(float value) {
  if (value != value) return 0x7FFFE000U;
  return (std::bit_cast<std::uint32_t>(value) + 0x1000U) & ~0x1FFFU;
}

/// cvt.rn.bf16.f32: 7 bits, ties to even.
constexpr std::uint32_t bf16_bits(float value) {
  if (value != value) return 0x7FFFU;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
}

}  // namespace simt
