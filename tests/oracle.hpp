#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

/// The textbook formulas as plain loops in double, for comparison. Written for reading, not for speed, and without any
/// of the library's code. Matrices have their textbook shapes: X m x n, W m x k, H k x n.
namespace orthant::oracle {

struct Dense {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;  // row by row

  Dense() = default;
  Dense(std::int64_t m, std::int64_t n) : rows(m), columns(n), values(static_cast<std::size_t>(m * n)) {}
  double& operator()(std::int64_t i, std::int64_t j) { return values[static_cast<std::size_t>(i * columns + j)]; }
  double operator()(std::int64_t i, std::int64_t j) const { return values[static_cast<std::size_t>(i * columns + j)]; }
};

/// Entries in any order; repeated ones add up.
struct Sparse {
  struct Entry {
    std::int64_t row, column;
    double value;
  };
  std::int64_t rows = 0, columns = 0;
  std::vector<Entry> entries;
};

Dense transpose(const Dense& a);
Sparse transpose(Sparse a);
Dense densify(const Sparse& a);
Dense multiply(const Dense& a, const Dense& b);
Dense multiply(const Sparse& a, const Dense& b);
Dense gram(const Dense& f);
Dense absolute(Dense a);
double sum(const Dense& a);
double squared_norm(const Dense& a);

/// l1 * sum(F) + l2/2 * ||F||^2
struct Penalty {
  double l1 = 0, l2 = 0;

  double of(const Dense& f) const { return l1 * sum(f) + l2 / 2 * squared_norm(f); }
};

/// 1/2 ||X - WH||^2
double loss(const Dense& x, const Dense& w, const Dense& h);
double loss(const Sparse& x, const Dense& w, const Dense& h);

/// Gradient of the objective by entry (c, j) of F, with G the Gram of the fixed factor and R its product with X.
double gradient(const Dense& f, const Dense& g, const Dense& r, Penalty p, std::int64_t c, std::int64_t j);

/// One multiplicative update (Lee & Seung 2001) of F (k x count).
Dense multiplicative_update(Dense f, const Dense& g, const Dense& r, Penalty p = {});

/// Sweeps of HALS (Cichocki & Phan 2009) over the components of F (k x count): each entry goes to its own minimum.
Dense hals(Dense f, const Dense& g, const Dense& r, Penalty p = {}, int sweeps = 1);

/// The size of the numbers whose difference a HALS sweep takes for each entry: what its rounding is relative to. Where
/// the curvature is small beside the other components' this is much larger than the entry.
Dense hals_scale(const Dense& f, const Dense& g, const Dense& r, Penalty p = {});

/// d_beta(x | v), v being no smaller than `floor` (Fevotte & Idier 2011).
double divergence(double x, double v, double beta, double floor = 0);

/// What an entry counts: 1 where there are no weights.
double weight_of(const Dense& weights, std::size_t entry);

/// The sum over the entries, each times its weight; one of weight 0 may be anything.
double divergence(const Dense& x, const Dense& w, const Dense& h, double beta, double floor = 0,
                  const Dense& weights = {});

/// Numerator (X * V^(beta - 2)) F' and denominator V^(beta - 1) F' of the multiplicative update of L (k x m), V = L'F,
/// each entry times its weight, and all of it times `scale`.
struct DivergenceTerms {
  Dense numerator, denominator;
};
DivergenceTerms divergence_terms(const Dense& x, const Dense& l, const Dense& f, double beta, double floor = 0,
                                 const Dense& weights = {}, double scale = 1);

/// The multiplicative update for a beta-divergence that minimises a bound of loss and penalty which meets them at F. In
/// t = f' / f it is, up to constants, d t^max(1, beta) / max(1, beta) + l1 t + l2 f t^2 / 2 (the two last, and where
/// beta is not 1 the first, raised to the largest degree among them) minus n t^min(1, beta - 1) / min(1, beta - 1).
Dense ratio_update(Dense f, const DivergenceTerms& terms, Penalty p, double beta);

/// One entry after the other of L (k x m), V = L'F: Newton's method on the reciprocals of both sides of
/// sum over j of f_cj x_j / v_j = sum over j of f_cj + penalty, each entry times its weight.
Dense coordinate_descent(const Dense& x, Dense l, const Dense& f, Penalty p, int sweeps, double floor,
                         const Dense& weights = {});

/// HALS of weighted X for L (k x m), V = L'F: a Gram matrix and a product for each column. A column whose entries all
/// have weight 0 becomes 0.
Dense weighted_hals(const Dense& x, Dense l, const Dense& f, Penalty p, int sweeps, const Dense& weights);

/// Squared norms of the step P = min(F * curvature, gradient) and of R.
struct Kkt {
  double step_squared = 0, product_squared = 0;

  double residual() const { return step_squared == 0 ? 0 : std::sqrt(step_squared / product_squared); }
};

Kkt kkt(const Dense& f, const Dense& g, const Dense& r, Penalty p = {});

/// Of a beta-divergence: P = min(F / max of the column * D, D - N), D being the denominator with the penalty.
Kkt kkt(const Dense& f, const DivergenceTerms& terms, Penalty p = {});

/// As Kkt, of the first HALS sweep: each entry's step is taken where the sweep reaches it, after the entries before it.
Kkt kkt_along_sweep(Dense f, const Dense& g, const Dense& r, Penalty p = {});

/// What the updates of H know of X (dense or sparse) and W. For W, pass the transposes of X and H.
struct Terms {
  Dense gram, product;
};
template <class X>
Terms terms(const X& x, const Dense& w) {
  return {gram(transpose(w)), transpose(multiply(transpose(x), w))};
}

/// One iteration: W from the old H, then H from the new W. `update` is one of the above: (F, G, R) -> F.
template <class X, class Update>
void iterate(const X& x, Dense& w, Dense& h, Update update_w, Update update_h) {
  const auto [gram_h, product_h] = terms(transpose(x), transpose(h));
  w = transpose(update_w(transpose(w), gram_h, product_h));
  const auto [gram_w, product_w] = terms(x, w);
  h = update_h(h, gram_w, product_w);
}

/// Iterations from extrapolated factors, with the weights and the restart of Ang & Gillis 2019. `iterate(w, h)` makes
/// one in place, `objective(w, h)` decides. Returns how many were taken back.
template <class Iterate, class Objective>
int extrapolate(Dense& w, Dense& h, int iterations, Iterate iterate, Objective objective) {
  double weight = 0.5, most = 1, least = objective(w, h);
  bool restarted = true;
  int restarts = 0;
  Dense from_w = w, from_h = h;
  const auto beyond = [&](const Dense& now, const Dense& before) {
    Dense f = now;
    for (std::size_t i = 0; i < f.values.size(); ++i) {
      const double further = now.values[i] + weight * (now.values[i] - before.values[i]);
      if (further > 0) f.values[i] = further;
    }
    return f;
  };
  for (int i = 0; i < iterations; ++i) {
    Dense next_w = from_w, next_h = from_h;
    iterate(next_w, next_h);
    const double value = objective(next_w, next_h);
    if (!restarted && value > least) {
      from_w = w;
      from_h = h;
      most = weight;
      weight /= 1.5;
      restarted = true;
      ++restarts;
      continue;
    }
    weight = std::min(1.01 * weight, most);
    most = std::min(1.005 * most, 1.0);
    from_w = beyond(next_w, w);
    from_h = beyond(next_h, h);
    w = next_w;
    h = next_h;
    least = value;
    restarted = false;
  }
  return restarts;
}

/// Result::kkt_residual: the larger of both factors'.
template <class X>
double kkt_residual(const X& x, const Dense& w, const Dense& h, Penalty w_penalty = {}, Penalty h_penalty = {}) {
  const auto [gram_h, product_h] = terms(transpose(x), transpose(h));
  const auto [gram_w, product_w] = terms(x, w);
  return std::max(kkt(transpose(w), gram_h, product_h, w_penalty).residual(),
                  kkt(h, gram_w, product_w, h_penalty).residual());
}

/// Solves a (n x n) times x = b by Gaussian elimination. False if a is singular in double.
bool solve(Dense a, std::vector<double> b, std::vector<double>& x);

/// Minimises 1/2 x'Gx - r'x over x >= 0 by trying every set of entries that are not zero. k up to about 10.
std::vector<double> nnls(const Dense& g, const std::vector<double>& r);

/// Exact alternating least squares: each column of F (k x count) goes to its minimum.
Dense anls(Dense f, Dense g, const Dense& r, Penalty p = {});

}  // namespace orthant::oracle
