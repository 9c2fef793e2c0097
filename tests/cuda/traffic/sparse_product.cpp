// What products with sparse X move.

#include <algorithm>

#include "cuda/kernels/sparse_product.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

std::vector<Bound> sparse_product_bounds() {
  std::vector<Bound> t;
  const auto nonzeros = static_cast<double>(kX.size()), segments = static_cast<double>(kX.count);
  // Columns that begin at 16 bytes, at 8, or anywhere.
  for (int vector : {4, 2, 1}) {
    for (int k : {8, 16, 32, 64, 128}) {
      const int lanes = std::max(k / 4, 4);
      const double beyond = beyond_column(lanes, vector);
      t.push_back(
          {.kernel = "sparse_product: gather<" + std::to_string(lanes) + ", " + std::to_string(vector) + ", float>",
           .read = 8 * segments + nonzeros * (4 + 4 + 4.0 * k),
           .written = 4 * segments * k,
           .again = segments * 2 * (kSector - 4) + nonzeros * beyond + beyond_entries(lanes, 2 * nonzeros),
           .again_to = segments * beyond,
           .reason = "the lanes of a group read as many indices and values at once as they are, in whole sectors",
           .atomics = 0,
           .fences = 0,
           .call = [k, vector](Device& d) {
             gather_rows<float>(d.gpu(), sparse_x(d), {}, d.factor(k, kX.length, vector % 4),
                                d.factor(k, kX.count, vector % 4), nullptr);
           }});
    }
  }
  // Segments that are shared in parts: their sums are written, and read by the last.
  static constexpr int kParts = 4, kInPart = 256;
  static constexpr Entries kLong{2, 2 * kInPart, 2 * kInPart};
  constexpr auto kEntries = static_cast<double>(kLong.size());
  t.push_back({.kernel = "sparse_product: gather<8, 4, float>",
               .read = kEntries * (4 + 4 + 4 * kRank / 2.0),  // a warp has both segments, of the same columns
               .written = 4 * 2 * kRank,
               .again = kParts * (4 * kRank + 8 * kSector),
               .again_to = 4.0 * kParts * kRank,
               .reason = "sums of the parts of long segments",
               .atomics = kParts + 2,  // a part's lane arrives, and the last of a segment's sets its count back
               .fences = 2 * kParts * 32,
               .call = [](Device& d) {
                 const LongSegments parts{kParts, kInPart,
                                          d.array<std::int32_t>(kParts, [](std::int64_t p) { return p / 2; }),
                                          d.array<std::int32_t>(kParts, [](std::int64_t p) { return p / 2 * 2; }),
                                          d.zeros<unsigned>(kParts)};
                 gather_rows<float>(d.gpu(), sparse_x(d, kLong), parts, d.factor(kRank, kLong.length),
                                    d.factor(kRank, kLong.count), d.zeros<float>(kParts * kRank));
               }});
  return t;
}

}  // namespace orthant::cuda::traffic
