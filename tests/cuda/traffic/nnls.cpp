// What exact least squares move.

#include "cuda/kernels/nnls.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

// One exchange of the whole passive set, by Cholesky. What is read again is in L2.
std::vector<Bound> nnls_bounds() {
  struct Case {
    int place, rank, problems;
    double grams, triangles, triangles_written, barriers;  // for each problem: how often
    int ways;
    const char* reason;
  };
  std::vector<Bound> t;
  const char* const of_warps = "the Gram matrix for each pair of warps, and its diagonal a sector each";
  // Lanes have components apart, where others between them are not passive: of doubles three or four in a bank.
  const char* const of_blocks = "the Gram matrix for the passive block, and twice for each gradient";
  for (const Case& c :
       {Case{0, 32, 32, 0.6, 0, 0, 1, 2, of_warps}, Case{0, 64, 32, 0.6, 0, 0, 1, 2, of_warps},
        Case{1, 80, 32, 2.4, 0, 0, 461, 2, of_blocks}, Case{1, 160, 32, 2.4, 0, 0, 980, 3, of_blocks},
        Case{2, 240, 8, 2.4, 145, 9.1, 1460, 4,
             "every column of the Cholesky factor, which is in global memory, reads those before it"}}) {
    const int k = c.rank, count = c.problems;
    const double gram = 4.0 * k * k, triangle = 8.0 * k * (k + 1) / 2, column = 4.0 * k;
    t.push_back({.kernel = "nnls: solve<(Place)" + std::to_string(c.place) + ", float>",
                 .read = gram + 2 * column * count,
                 .written = column * count,
                 .again = (c.grams * gram + c.triangles * triangle) * count,
                 .again_to = c.triangles_written * triangle * count,
                 .reason = c.reason,
                 .barriers = c.barriers * count,
                 .ways = c.ways,
                 .call = [k, count](Device& d) {
                   const core::Gram<const float> g{
                       d.array<float>(k * k, [k](std::int64_t i) { return i / k == i % k ? 4 : 1; }), k};
                   solve_nnls<float>(d.gpu(), d.factor(k, count), {g, d.factor(k, count)}, {}, nullptr,
                                     d.zeros<double>(nnls_scratch(d.gpu(), k, count)));
                 }});
  }
  return t;
}

}  // namespace orthant::cuda::traffic
