#include "tests/simt/multiply.hpp"

#include <bit>
#include <cstdint>

namespace simt {
namespace {

constexpr int kRows = 16, kColumns = 8, kMostDepth = 16;

struct Matrices {
  float a[kRows][kMostDepth], b[kColumns][kMostDepth];
};

float number(std::uint32_t bits) { return std::bit_cast<float>(bits); }

void take_tf32(const Fragments& f, int group, int in_group, Matrices& to) {
  constexpr std::uint32_t kKept = ~0x1FFFU;
  for (int i = 0; i < 4; ++i) to.a[group + i % 2 * 8][in_group + i / 2 * 4] = number(f.a[i] & kKept);
  for (int i = 0; i < 2; ++i) to.b[group][in_group + i * 4] = number(f.b[i] & kKept);
}

void take_bf16(const Fragments& f, int group, int in_group, Matrices& to) {
  const auto take_pair = [](std::uint32_t word, float* two) {
    two[0] = number(word << 16);
    two[1] = number(word & 0xFFFF0000U);
  };
  for (int i = 0; i < 4; ++i) take_pair(f.a[i], &to.a[group + i % 2 * 8][2 * in_group + i / 2 * 8]);
  for (int i = 0; i < 2; ++i) take_pair(f.b[i], &to.b[group][2 * in_group + i * 8]);
}

}  // namespace

void multiply(Factors factors, Fragments* const (&of_lanes)[32]) {
  const bool tf32 = factors == Factors::kTf32;
  const int depth = tf32 ? 8 : 16;
  Matrices m;
  for (int lane = 0; lane < 32; ++lane) (tf32 ? take_tf32 : take_bf16)(*of_lanes[lane], lane / 4, lane % 4, m);
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i) {
      float& c = of_lanes[lane]->c[i];
      const float *const row = m.a[lane / 4 + i / 2 * 8], *const column = m.b[lane % 4 * 2 + i % 2];
      double sum = c;
      for (int k = 0; k < depth; ++k) sum += static_cast<double>(row[k]) * static_cast<double>(column[k]);
      c = static_cast<float>(sum);
    }
  }
}

}  // namespace simt
