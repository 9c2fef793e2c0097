// What exact least squares move.

#include "cuda/kernels/nnls.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

// One exchange of the whole passive set, by Cholesky. What is read again is in L2.
std::vector<Bound> nnls_bounds() {
  struct Case {
    int place, rank;
    double grams, triangles, triangles_written, barriers;  // for each problem: how often
    int ways;
    const char* reason;
  };
  constexpr std::int64_t kProblems = 32;
  std::vector<Bound> t;
  for (const Case& c :
       {Case{
            0, 32, 2.2, 0, 0, 1, 5,
            "the Gram matrix for each pair of warps, and twice for each gradient; lanes walk down the rows of a packed "
            "triangle"},
        Case{1, 80, 2.6, 0, 0, 460, 2, "the Gram matrix for the passive block, and twice for each gradient"},
        Case{2, 160, 2.6, 290, 13.3, 980, 3,
             "every column of the Cholesky factor, which is in global memory, reads those before it"}}) {
    const int k = c.rank;
    const double gram = 4.0 * k * k, triangle = 8.0 * k * (k + 1) / 2, column = 4.0 * k;
    t.push_back({.kernel = "nnls: solve<(Place)" + std::to_string(c.place) + ", float>",
                 .read = gram + 2 * column * kProblems,
                 .written = column * kProblems,
                 .again = (c.grams * gram + c.triangles * triangle) * kProblems,
                 .again_to = c.triangles_written * triangle * kProblems,
                 .reason = c.reason,
                 .barriers = c.barriers * kProblems,
                 .ways = c.ways,
                 .call = [k](Device& d) {
                   const core::Gram<const float> g{
                       d.array<float>(k * k, [k](std::int64_t i) { return i / k == i % k ? 4 : 1; }), k};
                   solve_nnls<float>(d.gpu(), d.factor(k, kProblems), {g, d.factor(k, kProblems)}, {}, nullptr);
                 }});
  }
  return t;
}

}  // namespace orthant::cuda::traffic
