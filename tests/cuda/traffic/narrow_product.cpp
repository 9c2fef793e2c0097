// What products with narrow X move.

#include "cuda/kernels/narrow_product.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

std::vector<Bound> narrow_product_bounds() {
  std::vector<Bound> t;
  // Few columns and a long sum, which several blocks share: 256 terms each, and the sums of 32 x 64 in double.
  constexpr std::int64_t kFew = 32, kLong = kCount * kLength / kFew;
  constexpr double kBlocks = kLong / 256.0, kPart = 8 * 32 * 64;
  constexpr double kX_entries = 1.0 * kCount * kLength;
  for_each_narrow_type([&](const std::string& type, auto element) {
    using S = decltype(element);
    for (bool from_lines : {true, false}) {
      const std::int64_t terms = from_lines ? kCount : kLength, columns = from_lines ? kLength : kCount;
      const auto f = 4.0 * kRank * static_cast<double>(terms), r = 4.0 * kRank * static_cast<double>(columns);
      const auto tiles = static_cast<double>(columns) / 32, sharing = static_cast<double>(terms) / 256;
      const double parts = sharing > 1 ? tiles * sharing * kPart : 0;
      const std::string kernel = std::string("narrow_product: product<") + (from_lines ? "true, " : "false, ") + type;
      t.push_back({.kernel = kernel + ", float>",
                   .read = kX_entries * sizeof(S) + f,
                   .written = r,
                   .again = (tiles - 1) * f + parts,
                   .again_to = 3 * r + parts,
                   .reason = "every block reads the factor, from L2; a thread writes four components, a sector's half, "
                             "one after another; sums of blocks",
                   .barriers = tiles * 2 * (static_cast<double>(terms) / 32 + (sharing > 1 ? sharing : 0)),
                   .call = [=](Device& d) {
                     narrow_product<S, float>(d.gpu(), from_lines, x_of<S>(d), kLength, d.factor(kRank, terms),
                                              d.factor(kRank, columns));
                   }});
    }
    t.push_back({.kernel = "narrow_product: product<false, " + type + ", float>",
                 .read = kX_entries * sizeof(S) + 4.0 * kRank * kLong,
                 .written = 4.0 * kRank * kFew,
                 .again = kBlocks * kPart,
                 .again_to = kBlocks * kPart + 3 * 4.0 * kRank * kFew,
                 .reason = "sums of blocks",
                 .barriers = 2.0 * kLong / 32 + 2 * kBlocks,
                 .call = [=](Device& d) {
                   narrow_product<S, float>(d.gpu(), false, x_of<S>(d), kLong, d.factor(kRank, kLong),
                                            d.factor(kRank, kFew));
                 }});
  });
  return t;
}

}  // namespace orthant::cuda::traffic
