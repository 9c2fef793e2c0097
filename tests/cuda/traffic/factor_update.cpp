// What updates of factors by their terms move.

#include "cuda/kernels/factor_update.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {
namespace {

template <class T>
void add_update_bounds(const std::string& type, std::vector<Bound>& t) {
  constexpr double kSize = sizeof(T);
  for (int kind : {0, 1, 2}) {
    for (int k : {8, kRank, 2 * kRank, 5 * kRank}) {
      for (std::int64_t count : {kCount, std::int64_t{40}}) {
        const bool by_columns = k <= 2 * kRank;
        const auto columns = static_cast<double>(count);
        // Few columns are dealt out four to a block, so that every multiprocessor has some.
        const double f = kSize * k * columns,
                     blocks = by_columns ? ceil_divide(columns, 64) : columns / (count == kCount ? 32 : 4),
                     in_block = 1 + ceil_divide(k, 16) * (2 * ceil_divide(k, 64) + 1 + (kind != 2));
        const double r_again = by_columns && k > 32 && kind != 1 ? 32 / kSize - 1 : 0;
        t.push_back({.kernel = std::string("factor_update: ") + (by_columns ? "update_columns" : "update") + "<(Kind)" +
                               std::to_string(kind) + ", " + type + ">",
                     .read = 2 * f,
                     .written = kind == 2 ? 0 : f,
                     .again = blocks * (kSize * k * k + 2 * 8) + r_again * f,
                     .again_to = blocks * 2 * kSector,
                     .reason =
                         "every block reads the Gram matrix, from L2; a thread reads a sector of R one number after "
                         "the other, from L1; sums of blocks",
                     .barriers = blocks * (by_columns ? 2 + (kind != 2) : in_block) + of_sums(blocks),
                     .call = [k, kind, count](Device& d) {
                       const Factor<T> factor = d.factor<T>(k, count);
                       const core::Terms<T> terms{{d.factor<T>(k, k).data, k}, d.factor<T>(k, count)};
                       auto* const kkt = d.zeros<core::KktSums>(1);
                       if (kind == 0) update_hals(d.gpu(), factor, terms, {}, 1, kkt);
                       if (kind == 1) update_multiplicative(d.gpu(), factor, terms, {}, kkt);
                       if (kind == 2) probe_kkt<T>(d.gpu(), factor, terms, {}, kkt);
                     }});
      }
    }
  }
}

}  // namespace

std::vector<Bound> update_bounds() {
  std::vector<Bound> t;
  add_update_bounds<float>("float", t);
  add_update_bounds<double>("double", t);
  return t;
}

}  // namespace orthant::cuda::traffic
