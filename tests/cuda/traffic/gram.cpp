// What Gram matrices move.

#include "cuda/kernels/gram.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

std::vector<Bound> gram_bounds() {
  std::vector<Bound> t;
  for (int k : {kRank, 3 * kRank}) {
    const double f = 4.0 * k * kCount, tiles = k / 32, chunks = kCount / 64, pairs = tiles * (tiles + 1) / 2;
    t.push_back({.kernel = "gram: gram_tiles<float, float, float>",
                 .read = f,
                 .written = 4.0 * k * k,
                 .again = (tiles - 1) * f + pairs * chunks * 8192,
                 .again_to = pairs * chunks * 8192 + 4 * 4.0 * k * k,
                 .reason = "a tile reads the components of its rows and of its columns; sums of chunks of 64 columns "
                           "in double, many since each is waited for; a thread writes 4 x 4 entries",
                 .barriers = pairs * chunks * (64 / 16 + 2),
                 .call = [k](Device& d) {
                   gram_matrix<float>(d.gpu(), Factor<const float>(d.factor(k, kCount)),
                                      core::Gram<float>{d.zeros<float>(k * k), k});
                 }});
  }
  return t;
}

}  // namespace orthant::cuda::traffic
