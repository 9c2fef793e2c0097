// What Gram matrices move.

#include <algorithm>
#include <string>
#include <utility>

#include "cuda/kernels/gram.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

std::vector<Bound> gram_bounds() {
  std::vector<Bound> t;
  // Columns that begin at 16 bytes, at 8, or anywhere.
  for (auto [k, vector] : {std::pair{kRank, 4}, {3 * kRank, 4}, {kRank, 2}, {kRank, 1}}) {
    const double f = 4.0 * k * kCount, tiles = k / 32, pairs = tiles * (tiles + 1) / 2;
    // Two blocks for each multiprocessor, of at least 64 columns.
    const double chunks =
        std::clamp(static_cast<double>(2 * kMultiprocessors / static_cast<int>(pairs)), 1.0, kCount / 64.0);
    const double parts = chunks > 1 ? pairs * chunks * 8192 : 0;
    t.push_back({.kernel = "gram: gram_tiles<" + std::to_string(vector) + ", float, float, float>",
                 .read = f,
                 .written = 4.0 * k * k,
                 .again = (tiles - 1) * f + parts + (vector < 4 ? kCount * kSector : 0),
                 .again_to = parts + 7 * 4.0 * k * k,
                 .reason = "a tile reads the components of its rows and of its columns; sums of chunks of columns in "
                           "double; below the diagonal an entry is a sector",
                 .barriers = pairs * chunks * (kCount / chunks / 64 + 4 + (chunks > 1 ? 2 : 0)),
                 .call = [k = k, vector = vector](Device& d) {
                   gram_matrix<float>(d.gpu(), Factor<const float>(d.factor(k, kCount, vector % 4)),
                                      core::Gram<float>{d.zeros<float>(k * k), k});
                 }});
  }
  return t;
}

}  // namespace orthant::cuda::traffic
