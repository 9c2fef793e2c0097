#include "bench/workloads.hpp"

#include <algorithm>
#include <cmath>

namespace orthant::bench {
namespace {

// Dense shapes grow in the side that names them; sparse ones in both, so that a row keeps as many entries.
std::vector<Workload> shapes(double growth) {
  const auto times = [](double base, double factor) { return static_cast<std::int64_t>(std::llround(base * factor)); };
  const double side = std::sqrt(growth);
  constexpr int kRank = 32;
  return {
      {"tall", times(8000, growth), 500, -1, kRank},
      {"square", times(2000, side), times(2000, side), -1, kRank},
      {"wide", 500, times(8000, growth), -1, kRank},
      {"uniform", times(20000, growth), times(10000, growth), times(400'000, growth), kRank, Degrees::uniform},
      {"power-law", times(20000, growth), times(10000, growth), times(400'000, growth), kRank, Degrees::power_law},
  };
}

}  // namespace

int Workload::planted_rank() const {
  if (!sparse()) return rank;
  const std::int64_t degree = std::max<std::int64_t>(1, nonzeros / rows);
  return static_cast<int>(std::clamp<std::int64_t>(columns / (4 * degree), 1, rank));
}

const std::vector<Workload>& known_workloads() {
  using enum Content;
  using enum Degrees;
  static const std::vector<Workload> all = {
      {"D1", 5000, 4000, -1, 32},
      {"D2", 20000, 2000, -1, 64},
      {"D3", 2000, 2000, -1, 16},
      {"F", 60000, 784, -1, 50},
      {"S1", 50000, 20000, 1'320'000, 32},
      {"T", 63660, 12914, 414'000, 50},
      {"S2", 200000, 30000, 26'300'000, 20},
      // Text: terms x documents as Cai's preparations have them, and RCV1 (Lewis et al. 2004).
      {"newsgroups", 26214, 11314, 1'018'191, 64},
      {"tdt2", 36771, 10212, 1'323'869, 64},
      {"reuters", 18933, 8293, 389'455, 64},
      {"rcv1", 804414, 47236, 61'000'000, 50},
      // Pictures of faces.
      {"faces", 400, 10304, -1, 49},
      {"cbcl", 361, 2429, -1, 49},
      {"pie", 11554, 4096, -1, 64},
      // Single cells: genes x cells, and cells x genes.
      {"pbmc3k", 13714, 2638, 2'300'000, 20},
      {"pbmc_facs", 3774, 16791, 2'702'861, 6},
      // Users x films.
      {"movielens100k", 943, 1682, 100'000, 20},
      {"movielens1m", 6040, 3706, 1'000'209, 20},
      {"movielens10m", 71567, 65133, 9'000'048, 100},
      // Kinds of mutations x tumours (21BRCA, PCAWG).
      {"signatures21", 96, 21, -1, 5, power_law, counts},
      {"signatures2780", 96, 2780, -1, 21, power_law, counts},
  };
  return all;
}

std::vector<Workload> small_workloads() { return shapes(1); }
std::vector<Workload> medium_workloads() { return shapes(12); }

std::vector<Workload> large_workloads(std::int64_t budget,
                                      const std::function<std::int64_t(const Workload&)>& bytes_of) {
  std::vector<Workload> all = shapes(1);
  for (std::size_t i = 0; i < all.size(); ++i) {
    // The largest growth that fits, to a hundredth; from a thousandth of small on, for a budget that is tight.
    double fits = 1e-3, too_large = 1e6;
    while (too_large > 1.01 * fits) {
      const double middle = std::sqrt(fits * too_large);
      (bytes_of(shapes(middle)[i]) <= budget ? fits : too_large) = middle;
    }
    all[i] = shapes(fits)[i];
  }
  return all;
}

}  // namespace orthant::bench
