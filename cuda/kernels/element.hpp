#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace orthant::cuda {

/// Elements of X narrower than float: std::uint8_t, and the numbers of IEEE half precision and of bfloat16 that are
/// finite and not negative.
struct Fp16 {
  std::uint16_t bits;
};
struct Bf16 {
  std::uint16_t bits;
};

/// The number that an element stands for. Read by both compilers.
template <class T, class S>
constexpr T number(S x) {
  return static_cast<T>(x);
}
template <class T>
constexpr T number(Fp16 x) {
  // The digits where float has them; the exponents' biases, 15 and 127, differ by 112. Right for subnormal numbers too.
  return static_cast<T>(std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 13) * 0x1p112F);
}
template <class T>
constexpr T number(Bf16 x) {
  return static_cast<T>(std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16));
}

/// Sets `out` to the element nearest to a number; false if there is none: one that is negative or not finite, is
/// rounded to infinity, or for std::uint8_t is no integer. Numbers of double are rounded to float first.
template <class T>
constexpr bool to_element(T value, std::uint8_t& out) {
  if (!(value >= 0 && value <= 255)) return false;
  out = static_cast<std::uint8_t>(value);
  return static_cast<T>(out) == value;
}
template <class T>
constexpr bool to_element(T value, Fp16& out) {
  constexpr T kEnd = 65520;  // what lies half way between the largest number and the one that would follow
  if (!(value >= 0 && value < kEnd)) return false;
  const auto single = static_cast<float>(value);
  if (single >= static_cast<float>(kEnd)) return false;
  if (single < 0x1p-14F) {
    // Subnormal: the addition rounds to multiples of 2^-24, to even in ties.
    out.bits =
        static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(single + 0.5F) - std::bit_cast<std::uint32_t>(0.5F));
  } else {
    const auto bits = std::bit_cast<std::uint32_t>(single);
    out.bits = static_cast<std::uint16_t>(((bits + 0xFFF + (bits >> 13 & 1)) >> 13) - (112 << 10));
  }
  return true;
}
template <class T>
constexpr bool to_element(T value, Bf16& out) {
  constexpr T kEnd = 0x1.FFp127F;
  if (!(value >= 0 && value < kEnd)) return false;
  const auto single = static_cast<float>(value);
  if (single >= static_cast<float>(kEnd)) return false;
  const auto bits = std::bit_cast<std::uint32_t>(single);
  out.bits = static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
  return true;
}

}  // namespace orthant::cuda
