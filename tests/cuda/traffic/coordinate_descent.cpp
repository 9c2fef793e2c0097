// What coordinate descent for a divergence moves.

#include "cuda/kernels/coordinate_descent.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

std::vector<Bound> descent_bounds() {
  std::vector<Bound> t;
  constexpr double kX_bytes = 4.0 * kCount * kLength, kF = 4.0 * kRank * kCount;
  const auto nonzeros = static_cast<double>(kX.size()), segments = static_cast<double>(kX.count);
  constexpr const char* kAgain =
      "the fixed factor's components are read three times for each column, from L2; what is kept of a column in global "
      "memory is read, and the fits written, for each component; the sums and the column itself are read and written "
      "one number at a time";
  constexpr std::int64_t kFar = 12800, kFew = 4;  // columns too long for shared memory
  constexpr double kColumn = 4.0 * kLength;
  const struct {
    const char* step;
    double beta;
    bool weighted;
  } steps[] = {{"KullbackLeiblerStep<false, float>", 1, false},
               {"KullbackLeiblerStep<true, float>", 1, true},
               {"SquaredStep<float>", 2, true}};
  constexpr double kSegment = 4.0 * kX.per_segment;
  for (const auto& [step, beta, weighted] : steps) {
    const auto descent = [beta = beta, weighted = weighted](Device& d) {
      return Descent<float>{d.factor(kRank, 1).data, {}, 1, {beta, 1e-12, !weighted}};
    };
    const double arrays = weighted ? 2 : 1;  // values, and weights beside them
    constexpr double kOfColumn = (kLength / 32.0 + 2) * kSector;
    t.push_back({.kernel = std::string("coordinate_descent: dense<true, ") + step + ", float>",
                 .read = arrays * kX_bytes + kF + 4.0 * kRank * kLength,
                 .written = kF,
                 .again = kCount * kRank * (3 * kColumn + kOfColumn),
                 .again_to = kCount * kRank * kSector,
                 .reason = kAgain,
                 .barriers = 2.0 * kCount * (kRank + weighted),
                 .call = [descent, weighted = weighted](Device& d) {
                   descend_dense<float, float>(d.gpu(), x_of<float>(d), kLength, observed_x(d, weighted), true,
                                               d.factor(kRank, kCount), d.factor(static_cast<int>(kLength), kRank),
                                               descent(d), nullptr);
                 }});
    constexpr double kLongColumn = 4.0 * kFar, kOfLongColumn = (kFar / 32.0 + 2) * kSector;
    t.push_back({.kernel = std::string("coordinate_descent: dense<false, ") + step + ", float>",
                 .read = kFew * arrays * kLongColumn + 4.0 * kRank * (kFew + kFar),
                 .written = 4.0 * kRank * kFew,
                 .again = kFew * kRank * ((5 + arrays) * kLongColumn + kOfLongColumn),
                 .again_to = kFew * (kRank * kSector + (kRank + 1) * kLongColumn),
                 .reason = kAgain,
                 .barriers = 2.0 * kFew * (kRank + weighted),
                 .call = [descent, weighted = weighted](Device& d) {
                   core::Observed<float> observed = observed_x(d, weighted);
                   observed.ld = kFar;
                   descend_dense<float, float>(
                       d.gpu(), x_of<float>(d), kFar, observed, true, d.factor(kRank, kFew),
                       d.factor(static_cast<int>(kFar), kRank), descent(d),
                       d.zeros<float>(dense_descent_scratch(d.gpu(), kRank, kFew, kFar, true, !weighted, 4)));
                 }});
    constexpr double kStages = kRank / 8.0, kStage = kX.per_segment * (1 + 1 / 4.0) * kSector;
    t.push_back({.kernel = std::string("coordinate_descent: sparse<") + step + ", float>",
                 .read = segments * (8 + 4 * kRank) + nonzeros * (4 + 4 * arrays + 4 * kRank),
                 .written = 4 * segments * kRank,
                 .again = segments * (kRank * ((2 + arrays) * kSegment + 3 * kSector) +
                                      kStages * (2 * kStage + kSegment) - kX.per_segment * 4.0 * kRank),
                 .again_to = segments * (kRank * kSector + (kRank + kStages) * kSegment),
                 .reason =
                     "the fixed factor's columns are read for the fits and for a sweep, a sector of each entry at "
                     "a time; the rest as for dense X",
                 .barriers = 2.0 * segments * (kRank + 2 * kStages + weighted),
                 .call = [descent, weighted = weighted](Device& d) {
                   descend_sparse<float>(d.gpu(), weighted ? weighted_x(d) : sparse_x(d), {}, d.factor(kRank, kX.count),
                                         d.factor(kRank, kX.length), descent(d), d.zeros<float>(kX.size()));
                 }});
  }
  return t;
}

}  // namespace orthant::cuda::traffic
