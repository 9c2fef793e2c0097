// What updates of factors by the ratio of their terms move.

#include "cuda/kernels/ratio_update.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

std::vector<Bound> ratio_bounds() {
  constexpr double kF = 4.0 * kRank * kCount, kBlocks = kCount / 8.0;  // a group of lanes takes four columns
  return {{.kernel = "ratio_update: update<float>",
           .read = 3 * kF,
           .written = kF,
           .again = kF + kBlocks * 16,
           .again_to = kBlocks * 2 * kSector,
           .reason = "the largest entry of a column is found first; sums of blocks",
           .barriers = of_sums(kBlocks),
           .call = [](Device& d) {
             update_by_ratio<float>(d.gpu(), d.factor(kRank, kCount),
                                    {{}, d.factor(kRank, kCount), d.factor(kRank, kCount)}, {}, {0.5},
                                    d.zeros<core::KktSums>(1));
           }}};
}

}  // namespace orthant::cuda::traffic
