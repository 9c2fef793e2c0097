// Products of matrices by a warp: PTX ISA, "Warp Level Matrix Multiply-Accumulate Instructions".

#include <bit>

#include "tests/ptx/decode.hpp"

namespace ptx {
namespace {

// The operands of mma.sync.aligned.m16n8kK.row.col: D, A, B and C in this order, of tf32 one entry to a register and of
// bf16 two, the first in the low half. By the figures of the manual, lane l being number l % 4 of group l / 4.
struct Tf32 {
  static constexpr std::uint32_t kDepth = 8;
  static float at(Warp& warp, std::size_t operand, std::uint32_t lane, const Instruction& i) {
    return std::bit_cast<float>(warp.lane(lane).get<std::uint32_t>(i.at[operand]) & 0xFFFFE000U);
  }
  static float a(Warp& warp, std::uint32_t row, std::uint32_t k, const Instruction& i) {
    return at(warp, 4 + (row >= 8 ? 1 : 0) + (k >= 4 ? 2 : 0), row % 8 * 4 + k % 4, i);
  }
  static float b(Warp& warp, std::uint32_t k, std::uint32_t column, const Instruction& i) {
    return at(warp, 8 + (k >= 4 ? 1 : 0), column * 4 + k % 4, i);
  }
};
struct Brain {
  static constexpr std::uint32_t kDepth = 16;
  static float at(Warp& warp, std::size_t operand, std::uint32_t lane, std::uint32_t k, const Instruction& i) {
    const auto pair = warp.lane(lane).get<std::uint32_t>(i.at[operand]);
    return std::bit_cast<float>(k % 2 == 0 ? pair << 16 : pair & 0xFFFF0000U);
  }
  static float a(Warp& warp, std::uint32_t row, std::uint32_t k, const Instruction& i) {
    return at(warp, 4 + (row >= 8 ? 1 : 0) + (k >= 8 ? 2 : 0), row % 8 * 4 + k % 8 / 2, k, i);
  }
  static float b(Warp& warp, std::uint32_t k, std::uint32_t column, const Instruction& i) {
    return at(warp, 8 + (k >= 8 ? 1 : 0), column * 4 + k % 8 / 2, k, i);
  }
};

template <class Format>
void multiply(Warp& warp, std::uint32_t mask, const Instruction& i) {
  constexpr std::uint32_t kRows = 16, kColumns = 8;
  if (mask != 0xFFFFFFFFU) warp.lane(0).fail("some lanes of the warp have ended or do not exist");
  float d[kRows][kColumns];
  for (std::uint32_t row = 0; row < kRows; ++row) {
    for (std::uint32_t column = 0; column < kColumns; ++column) {
      const std::size_t part = row / 8 * 2 + column % 2;
      double sum = warp.lane(row % 8 * 4 + column / 2).get<float>(i.at[10 + part]);
      for (std::uint32_t k = 0; k < Format::kDepth; ++k) {
        sum += static_cast<double>(Format::a(warp, row, k, i)) * static_cast<double>(Format::b(warp, k, column, i));
      }
      d[row][column] = static_cast<float>(sum);
    }
  }
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    for (std::uint32_t part = 0; part < 4; ++part) {
      warp.lane(lane).set(i.at[part], d[lane / 4 + part / 2 * 8][lane % 4 * 2 + part % 2]);
    }
  }
}

/// Removes the modifiers of a product; false if one is missing.
bool take_all(Mnemonic& name, std::initializer_list<std::string_view> modifiers) {
  bool all = true;
  for (const std::string_view modifier : modifiers) all = name.take(modifier) && all;
  return all;
}

}  // namespace

bool decode_multiply(Mnemonic& name, const Shape& shape, Instruction& i) {
  if (name.opcode() != "mma" || shape != Shape{4, 4, 2, 4}) return false;
  if (!take_all(name, {"sync", "aligned", "row", "col", "f32", "f32"})) return false;
  if (name.take("m16n8k8")) {
    i.together = multiply<Tf32>;
    if (!take_all(name, {"tf32", "tf32"})) return false;
  } else {
    i.together = multiply<Brain>;
    if (!take_all(name, {"m16n8k16", "bf16", "bf16"})) return false;
  }
  i.run = [](Thread& t, const Instruction&) { t.wait(State::at_warp); };
  i.offset = kNoMask;
  return true;
}

}  // namespace ptx
