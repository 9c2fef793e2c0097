// What losses move: of kernels that run at checks and in starts.

#include <cmath>

#include "cuda/kernels/residual.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

std::vector<Bound> loss_bounds() {
  constexpr double kX_entries = 1.0 * kCount * kLength, kW = 4.0 * kRank * kCount, kH = 4.0 * kRank * kLength;
  constexpr double kTiles = kCount / 16.0 * kLength / 32;
  const auto nonzeros = static_cast<double>(kX.size()), segments = static_cast<double>(kX.count);
  const double steps = std::log2(segments), warps = nonzeros / 4;
  std::vector<Bound> t;
  const auto add_dense = [&](const std::string& loss, double bytes, auto&& call) {
    t.push_back({.kernel = "residual: dense<" + loss + ", float>",
                 .read = kX_entries * bytes + kW + kH,
                 .written = 0,
                 .again = kTiles * (16 + 32) * kRank * 4 - kW - kH + 8 * kTiles,
                 .again_to = kTiles * kSector,
                 .reason = "tiles of 16 x 32 read their columns of both factors, from L2: 2 rank multiply-adds in "
                           "double for each entry of X take longer; sums of blocks",
                 .barriers = kTiles * 2 * kRank / 16 + of_sums(kTiles),
                 .call = [call](Device& d) {
                   call(d, d.factor(kRank, kCount), d.factor(kRank, kLength), d.zeros<double>(1));
                 }});
  };
  using Columns = Factor<const float>;
  const auto of_type = [&](const std::string& type, auto element) {
    using S = decltype(element);
    add_dense("SquaredLoss<" + type + ">", sizeof(S), [](Device& d, Columns w, Columns h, double* out) {
      dense_squared_loss(d.gpu(), x_of<S>(d), kLength, w, h, out);
    });
    add_dense("ObservedLoss<float>", sizeof(S), [](Device& d, Columns w, Columns h, double* out) {
      dense_divergence(d.gpu(), x_of<S>(d), kLength, observed_x(d, false), w, h, {0.5}, out);
    });
    add_dense("ObservedLoss<float>", sizeof(S) + 4, [](Device& d, Columns w, Columns h, double* out) {
      dense_divergence(d.gpu(), x_of<S>(d), kLength, observed_x(d, true), w, h, {0.5, 0, false}, out);
    });
  };
  of_type("float", float{});
  for_each_narrow_type(of_type);
  for (const std::string entries : {"SquaredEntries", "KullbackLeiblerEntries", "StoredEntries"}) {
    const int arrays = entries == "StoredEntries" ? 3 : 2;  // indices, values, weights
    t.push_back({.kernel = "residual: sparse<" + entries + ", float>",
                 .read = nonzeros * (4 * arrays + 4 * kRank) + segments * (8 + 4 * kRank),
                 .written = 0,
                 .again = warps * kSector * steps + (warps - segments) * 4 * kRank + warps * (kSector - 16) * arrays,
                 .again_to = nonzeros / 64 * kSector,
                 .reason = "a search for its segment by every entry, and its column of W, from L1; sums of blocks",
                 .barriers = of_sums(nonzeros / 64),
                 .call = [entries](Device& d) {
                   const Factor<const float> w = d.factor(kRank, kX.count), h = d.factor(kRank, kX.length);
                   auto *const rest = d.zeros<double>(1), *const out = d.zeros<double>(1);
                   if (entries == "SquaredEntries") {
                     sparse_squared_loss(d.gpu(), sparse_x(d), w, h, rest, out);
                   } else if (entries == "KullbackLeiblerEntries") {
                     sparse_kullback_leibler(d.gpu(), sparse_x(d), w, h, 1e-12, rest, out);
                   } else {
                     sparse_divergence(d.gpu(), weighted_x(d), w, h, {0.5, 0, false}, out);
                   }
                 }});
  }
  return t;
}

}  // namespace orthant::cuda::traffic
