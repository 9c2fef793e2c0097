// What the other kernels on factors move: entry by entry, by a small matrix, and sums.

#include "cuda/kernels/elementwise.hpp"
#include "cuda/kernels/small_product.hpp"
#include "cuda/kernels/sums.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

using core::Side;

std::vector<Bound> factor_bounds() {
  constexpr double kF = 4.0 * kRank * kCount, kEntries = kRank * kCount;
  std::vector<Bound> t = {
      {.kernel = "elementwise: constant<float>",
       .read = 0,
       .written = kF,
       .call = [](Device& d) { fill_constant(d.gpu(), d.factor(kRank, kCount), 1.0F); }},
      {.kernel = "elementwise: uniform_numbers<float>",
       .read = 0,
       .written = kF,
       .call = [](Device& d) { fill_random(d.gpu(), d.factor(kRank, kCount), 1, Side::w, 1.0F); }},
      {.kernel = "elementwise: parts<float>",
       .read = kF + 8 * kRank,
       .written = kF,
       .again = 8 * kEntries,
       .reason = "every entry reads the scale of its component, from L1",
       .call =
           [](Device& d) {
             take_nonnegative_parts<float>(d.gpu(), d.factor(kRank, kCount), d.factor<double>(kRank, 1).data, 0, 0,
                                           false, 1, Side::w, d.factor(kRank, kCount));
           }},
      {.kernel = "elementwise: extrapolated<float>",
       .read = 2 * kF,
       .written = 2 * kF,
       .call =
           [](Device& d) {
             core::Momentum accepted;
             accepted.accepted = 1;
             accepted.weight = 0.5;
             extrapolate_factor<float>(d.gpu(), d.factor(kRank, kCount), d.factor(kRank, kCount),
                                       d.array<core::Momentum>(1, [&](std::int64_t) { return accepted; }));
           }},
      {.kernel = "elementwise: transposed<float>",
       .read = kF,
       .written = kF,
       .barriers = 2 * kEntries / 1024,
       .call =
           [](Device& d) {
             transpose<float>(d.gpu(), d.factor(static_cast<int>(kCount), kRank), d.factor(kRank, kCount));
           }},
      {.kernel = "small_product: small_product<float>",
       .read = kF + 8 * kRank * kRank,
       .written = kF,
       .again = kCount / 8 * 8 * kRank * kRank,
       .reason = "a thread reads a row of the matrix for eight columns at a time, from L1",
       .barriers = 2 * kCount / 16,
       .call =
           [](Device& d) { multiply_in_place(d.gpu(), d.factor<double>(kRank, kRank).data, d.factor(kRank, kCount)); }},
      {.kernel = "sums: dot_products<float>",
       .read = 2 * kF,
       .written = 0,
       .again = kEntries / 256 * 8,
       .again_to = kEntries / 256 * kSector,
       .reason = "sums of blocks",
       .barriers = of_sums(kEntries / 256),
       .call =
           [](Device& d) {
             dot_product<float>(d.gpu(), d.factor(kRank, kCount), d.factor(kRank, kCount), d.zeros<double>(1));
           }},
      {.kernel = "sums: penalties<float>",
       .read = kF,
       .written = 0,
       .again = kEntries / 256 * 8,
       .again_to = kEntries / 256 * kSector,
       .reason = "sums of blocks",
       .barriers = of_sums(kEntries / 256),
       .call =
           [](Device& d) {
             penalty_sum<float>(d.gpu(), d.factor(kRank, kCount), {1, 1}, d.zeros<double>(1));
           }},
  };
  const auto add_pairs = [&](Pairs pairs, const std::string& type, auto element) {
    using Out = decltype(element);
    t.push_back(
        {.kernel = "sums: pairs_of_sums<(Pairs)" + std::to_string(static_cast<int>(pairs)) + ", float, " + type + ">",
         .read = kF,
         .written = 2 * sizeof(Out) * kRank,
         .again = kCount / 64 * 8 * 64,
         .again_to = kCount / 64 * 8 * 64,
         .reason = "sums of blocks",
         .barriers = kCount / 64 * 3,
         .call = [pairs](Device& d) {
           component_pairs<float>(d.gpu(), pairs, d.factor(kRank, kCount), d.zeros<Out>(kRank), d.zeros<Out>(kRank));
         }});
  };
  for (Pairs pairs : {Pairs::sum_and_squares, Pairs::squares_by_sign}) {
    add_pairs(pairs, "float", float{});
    add_pairs(pairs, "double", double{});
  }
  return t;
}

}  // namespace orthant::cuda::traffic
