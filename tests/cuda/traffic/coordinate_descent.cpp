// What coordinate descent for a divergence moves.

#include "cuda/kernels/coordinate_descent.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {
namespace {

struct Step {
  const char* name;
  double beta;
  bool weighted;

  double arrays() const { return weighted ? 2 : 1; }  // values, and weights beside them
  Descent<float> descent(Device& d) const { return {d.factor(kRank, 1).data, {}, 1, {beta, 1e-12, !weighted}}; }
};
constexpr Step kSteps[] = {{"KullbackLeiblerStep<false, float>", 1, false},
                           {"KullbackLeiblerStep<true, float>", 1, true},
                           {"SquaredStep<float>", 2, true}};

constexpr double kF = 4.0 * kRank;  // a column of the factor
// Every warp reads each component for the fits and for its step, and with it one of the sums, a sector for a number.
constexpr double of_components(double warps) { return 3 * kRank * warps * kSector; }

Bound dense_bound(const Step& step, std::string kernel, std::int64_t count, std::int64_t length) {
  return {.kernel = "coordinate_descent_dense: " + kernel + ", " + step.name + ", float>",
          .read = step.arrays() * 4.0 * static_cast<double>(count * length) + kF * static_cast<double>(count + length),
          .written = kF * static_cast<double>(count),
          .call = [=](Device& d) {
            core::Observed<float> observed = observed_x(d, step.weighted);
            observed.ld = length;
            descend_dense<float, float>(
                d.gpu(), x_of<float>(d), length, observed, true, d.factor(kRank, count),
                d.factor(static_cast<int>(length), kRank), step.descent(d),
                d.zeros<float>(dense_descent_scratch(d.gpu(), kRank, count, length, true, !step.weighted, 4)));
          }};
}

void add_dense(std::vector<Bound>& t) {
  for (const Step& step : kSteps) {
    for (const auto& [threads, count, length] :
         {std::tuple<int, std::int64_t, std::int64_t>{32, 512, 256}, {128, 16, 1024}, {512, 4, 4096}}) {
      const auto columns = static_cast<double>(count), column = 4.0 * static_cast<double>(length);
      Bound b = dense_bound(step, "dense_short<" + std::to_string(threads), count, length);
      b.again = columns * (2 * kRank * column + of_components(threads / 32.0));
      b.again_to = columns * kRank * kSector;
      b.reason =
          "a column's own entries stay in registers; the fixed factor is read twice for it, from L2, for the fits "
          "and for a sweep; the sums and the column itself are read and written one number at a time";
      b.barriers = threads == 32 ? 0 : columns * (2 * kRank + step.weighted);
      t.push_back(std::move(b));
    }
    constexpr std::int64_t kFar = 12800, kFew = 4;  // too long for registers
    constexpr double kColumn = 4.0 * kFar, kWarps = 8;
    Bound b = dense_bound(step, "dense_long<", kFew, kFar);
    b.kernel = "coordinate_descent_dense: dense_long<" + std::string(step.name) + ", float>";
    b.again = kFew * (kRank * ((5 + step.arrays()) * kColumn + kFar / 32.0 * kSector) + step.arrays() * kColumn +
                      of_components(kWarps));
    b.again_to = kFew * (kRank * kSector + (kRank + 1) * kColumn);
    b.reason =
        "the fixed factor is read three times for each column, from L2; what is kept of a column in global memory "
        "is read, and the fits written, for each component";
    b.barriers = kFew * (kRank + 1 + step.weighted);
    t.push_back(std::move(b));
  }
}

void add_sparse(std::vector<Bound>& t) {
  struct Shape {
    std::string kernel;
    Entries x;
    double threads;  // of a team
  };
  const Shape shapes[] = {{"sparse_short<", {256, 16, 512}, 8},
                          {"sparse_long<128, ", {8, 512, 1024}, 128},
                          {"sparse_long<512, ", {4, 2048, 4096}, 512}};
  for (const Step& step : kSteps) {
    for (const Shape& s : shapes) {
      for (const int vector : {1, 2, 4}) {
        const auto segments = static_cast<double>(s.x.count), nonzeros = static_cast<double>(s.x.size());
        const double warps = s.threads < 32 ? 1 : s.threads / 32,
                     own = static_cast<double>(s.x.per_segment) / s.threads;
        const double at_once = s.threads == 512 ? 3 : 4, rounds = ceil_divide(own, at_once) * at_once;
        const double loads =
            2 * kRank / vector;  // of an entry's column, each a sector; in rounds without one, of a warp
        const bool is_long = s.threads > 32;
        t.push_back(
            {.kernel =
                 "coordinate_descent_sparse: " + s.kernel + std::to_string(vector) + ", " + step.name + ", float>",
             .read = segments * (8 + kF) + nonzeros * (4 + 4 * step.arrays() + kF),
             .written = segments * kF,
             .again = nonzeros * (loads * kSector - kF) + segments * warps * (rounds - own) * loads * kSector +
                      segments * (of_components(warps) + 6 * warps * kSector),
             .again_to = segments * kRank * kSector,
             .reason =
                 "the fixed factor's columns are read for the fits and for a sweep, four components of an entry at a "
                 "time, or one where columns do not lie so; the rest as for dense X",
             .barriers = is_long ? segments * (3 + kRank / 4.0 + kRank + step.weighted) : 0,
             .call = [=](Device& d) {
               Compressed<float> x = sparse_x(d, s.x);
               if (step.weighted) x.weights = d.array<float>(s.x.size(), [](std::int64_t p) { return 1 + p % 3; });
               descend_sparse<float>(d.gpu(), x, s.x.per_segment, d.factor(kRank, s.x.count),
                                     d.factor(kRank, s.x.length, vector == 4 ? 0 : vector), step.descent(d),
                                     d.zeros<float>(s.x.size()));
             }});
      }
    }
  }
}

}  // namespace

std::vector<Bound> descent_bounds() {
  std::vector<Bound> t;
  add_dense(t);
  add_sparse(t);
  return t;
}

}  // namespace orthant::cuda::traffic
