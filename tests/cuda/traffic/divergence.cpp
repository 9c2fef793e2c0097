// What terms of updates for a divergence move.

#include <algorithm>
#include <utility>

#include "cuda/kernels/divergence_dense.hpp"
#include "cuda/kernels/divergence_sparse.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

std::vector<Bound> divergence_bounds() {
  std::vector<Bound> t;
  constexpr double kX_bytes = 4.0 * kCount * kLength;
  const auto dense_terms = [](Device& d, int k, bool of_lines, double beta, bool weighted = false) {
    const std::int64_t own = of_lines ? kCount : kLength, other = of_lines ? kLength : kCount;
    const core::Divergence divergence{beta, 0, !weighted};
    dense_divergence_terms<float, float>(
        d.gpu(), x_of<float>(d), kLength, observed_x(d, weighted), of_lines, d.factor(k, own), d.factor(k, other),
        divergence, d.factor(k, own), divergence.has_closed_denominator() ? Factor<float>{} : d.factor(k, own),
        d.zeros<float>(dense_partial_sums(d.gpu(), own, other, k, divergence, sizeof(float))));
  };
  // Of a walk: what fills the device (blocks of a multiprocessor), but pieces are at least 128 columns.
  const auto parts_of = [](int k, double own_columns, double other_columns) {
    const double resident = kMultiprocessors * (k > 64 ? 4.0 : k > 32 ? 6 : 8);
    return std::min(ceil_divide(resident, own_columns / 32), other_columns / 128);
  };
  for (auto [denominator, weighted] : {std::pair{false, false}, {true, false}, {true, true}}) {
    for (int k : {16, 32, 64, 128}) {
      for (bool of_lines : {true, false}) {
        const double own_columns = of_lines ? kCount : kLength, other_columns = of_lines ? kLength : kCount;
        const double parts = parts_of(k, own_columns, other_columns), results = denominator ? 2 : 1;
        const double own = 4 * k * own_columns, other = 4 * k * other_columns, tiles = own_columns / 32;
        const auto add = [&, weighted = weighted, denominator = denominator](const std::string& kernel, MathMode math,
                                                                             double barriers) {
          t.push_back({.kernel = kernel,
                       .read = (weighted ? 2 : 1) * kX_bytes + own + other,
                       .written = results * own,
                       .again = (parts - 1) * own + (tiles - 1) * other,
                       .again_to = (parts - 1) * results * own,
                       .reason =
                           "every block reads the other factor, from L2: 4 rank multiply-adds for each entry of X "
                           "take longer; sums of the parts of a walk",
                       .barriers = tiles * barriers,
                       .math = math,
                       .call = [=](Device& d) { dense_terms(d, k, of_lines, denominator ? 0.5 : 1, weighted); }});
        };
        const std::string shape = std::to_string(k) + (denominator ? ", true" : ", false");
        add("divergence_dense: terms<" + shape + ", float>", MathMode::strict,
            3 * other_columns / 32 + 2 * parts * results);
        for (auto [tiles_of, math] : {std::pair{"Tf32Tiles", MathMode::tf32}, {"Bf16Tiles", MathMode::bf16}})
          add(std::string("divergence_tensor: terms<") + tiles_of + ", " + shape + ">", math, 2 * other_columns / 32);
      }
    }
  }
  t.push_back({.kernel = "divergence_dense: sum_parts<float>",
               .read = parts_of(kRank, kLength, kCount) * 4 * kRank * kLength,
               .written = 4.0 * kRank * kLength,
               .call = [=](Device& d) { dense_terms(d, kRank, false, 1); }});
  const auto nonzeros = static_cast<double>(kX.size()), segments = static_cast<double>(kX.count);
  // Columns that begin at 16 bytes, at 8, or anywhere.
  for (int vector : {4, 2, 1})
    for (auto [results, weighted] : {std::pair{1, false}, {2, false}, {2, true}}) {
      for (int k : {8, 16, 32, 64, 128}) {
        const int of_entry = weighted ? 3 : 2;  // numbers: index, value, weight
        const int lanes = std::max(k / 4, 4), at_once = std::min(lanes, vector == 1 ? 4 : 8);  // entries
        const double beyond = beyond_column(lanes, vector);
        t.push_back(
            {.kernel = "divergence_sparse: terms<" + std::to_string(lanes) + ", " + std::to_string(vector) + ", " +
                       std::to_string(results) + ", float>",
             .read = segments * (8 + 4 * k) + nonzeros * (4 * of_entry + 4.0 * k),
             .written = results * 4 * segments * k,
             .again = beyond_entries(at_once, of_entry * nonzeros) + segments * 2 * (kSector * lanes / 32 - 4) +
                      (nonzeros + segments) * beyond,
             .again_to = results * segments * beyond,
             .reason = "the lanes of a group read indices, values and weights of a batch of entries at once, in whole "
                       "sectors or halves",
             .call = [=, weighted = weighted, results = results](Device& d) {
               const int padding = vector % 4;
               sparse_divergence_terms<float>(d.gpu(), weighted ? weighted_x(d) : sparse_x(d), {},
                                              d.factor(k, kX.count, padding), d.factor(k, kX.length, padding),
                                              {results == 1 ? 1 : 0.5}, d.factor(k, kX.count, padding),
                                              results == 1 ? Factor<float>{} : d.factor(k, kX.count, padding), nullptr);
             }});
      }
    }
  return t;
}

}  // namespace orthant::cuda::traffic
