// What updates of factors by the ratio of their terms move.

#include <string>

#include "cuda/kernels/ratio_update.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

std::vector<Bound> ratio_bounds() {
  constexpr double kF = 4.0 * kRank * kCount;
  std::vector<Bound> t;
  const auto add = [&](const std::string& instance, double exponent, int padding) {
    const double lanes = instance == "true, 4" ? 8 : instance == "true, 2" ? 16 : 32, blocks = kCount * lanes / 64;
    const double misaligned = padding > 0 ? kCount * kSector : 0;
    t.push_back({.kernel = "ratio_update: update<" + instance + ", float>",
                 .read = 3 * kF,
                 .written = kF,
                 .again = kF + blocks * 16 + 4 * misaligned,
                 .again_to = blocks * 2 * kSector + misaligned,
                 .reason = "the largest entry of a column is found first; sums of blocks",
                 .barriers = of_sums(blocks),
                 .call = [=](Device& d) {
                   const auto factor = [&] { return d.factor(kRank, kCount, padding); };
                   update_by_ratio<float>(d.gpu(), factor(), {{}, factor(), factor()}, {}, {exponent},
                                          d.zeros<core::KktSums>(1));
                 }});
  };
  add("true, 4", 1, 0);
  add("true, 2", 1, 2);
  add("true, 1", 1, 1);
  add("false, 1", 0.5, 0);
  return t;
}

}  // namespace orthant::cuda::traffic
