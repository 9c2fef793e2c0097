#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
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

inline Dense transpose(const Dense& a) {
  Dense t(a.columns, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t j = 0; j < a.columns; ++j) t(j, i) = a(i, j);
  return t;
}

inline Sparse transpose(Sparse a) {
  std::swap(a.rows, a.columns);
  for (auto& entry : a.entries) std::swap(entry.row, entry.column);
  return a;
}

inline Dense densify(const Sparse& a) {
  Dense d(a.rows, a.columns);
  for (const auto& [i, j, value] : a.entries) d(i, j) += value;
  return d;
}

inline Dense multiply(const Dense& a, const Dense& b) {
  Dense c(a.rows, b.columns);
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t l = 0; l < a.columns; ++l)
      for (std::int64_t j = 0; j < b.columns; ++j) c(i, j) += a(i, l) * b(l, j);
  return c;
}

inline Dense multiply(const Sparse& a, const Dense& b) {
  Dense c(a.rows, b.columns);
  for (const auto& [i, l, value] : a.entries)
    for (std::int64_t j = 0; j < b.columns; ++j) c(i, j) += value * b(l, j);
  return c;
}

inline Dense gram(const Dense& f) { return multiply(f, transpose(f)); }

inline Dense absolute(Dense a) {
  for (auto& value : a.values) value = std::abs(value);
  return a;
}

inline double sum(const Dense& a) {
  double s = 0;
  for (double value : a.values) s += value;
  return s;
}

inline double squared_norm(const Dense& a) {
  double s = 0;
  for (double value : a.values) s += value * value;
  return s;
}

/// l1 * sum(F) + l2/2 * ||F||^2
struct Penalty {
  double l1 = 0, l2 = 0;

  double of(const Dense& f) const { return l1 * sum(f) + l2 / 2 * squared_norm(f); }
};

/// 1/2 ||X - WH||^2
inline double loss(const Dense& x, const Dense& w, const Dense& h) {
  const Dense wh = multiply(w, h);
  double s = 0;
  for (std::size_t i = 0; i < x.values.size(); ++i) s += std::pow(x.values[i] - wh.values[i], 2);
  return s / 2;
}
inline double loss(const Sparse& x, const Dense& w, const Dense& h) { return loss(densify(x), w, h); }

/// Gradient of the objective by entry (c, j) of F, with G the Gram of the fixed factor and R its product with X.
inline double gradient(const Dense& f, const Dense& g, const Dense& r, Penalty p, std::int64_t c, std::int64_t j) {
  double s = -r(c, j) + p.l1 + p.l2 * f(c, j);
  for (std::int64_t d = 0; d < f.rows; ++d) s += g(c, d) * f(d, j);
  return s;
}

/// One multiplicative update (Lee & Seung 2001) of F (k x count).
inline Dense multiplicative_update(Dense f, const Dense& g, const Dense& r, Penalty p = {}) {
  const Dense gf = multiply(g, f);
  for (std::int64_t c = 0; c < f.rows; ++c)
    for (std::int64_t j = 0; j < f.columns; ++j) {
      const double denominator = gf(c, j) + p.l1 + p.l2 * f(c, j);
      f(c, j) = denominator > 0 ? f(c, j) * r(c, j) / denominator : 0;
    }
  return f;
}

/// Sweeps of HALS (Cichocki & Phan 2009) over the components of F (k x count): each entry goes to its own minimum.
inline Dense hals(Dense f, const Dense& g, const Dense& r, Penalty p = {}, int sweeps = 1) {
  for (int sweep = 0; sweep < sweeps; ++sweep)
    for (std::int64_t c = 0; c < f.rows; ++c)
      for (std::int64_t j = 0; j < f.columns; ++j) {
        const double curvature = g(c, c) + p.l2;
        double largest = 0;
        for (std::int64_t d = 0; d < f.rows; ++d) largest = std::max(largest, std::abs(r(d, j)));
        if (curvature > 0)
          f(c, j) = std::max(0.0, f(c, j) - gradient(f, g, r, p, c, j) / curvature);
        else if (largest == 0)
          f(c, j) = 0;
      }
  return f;
}

/// The size of the numbers whose difference a HALS sweep takes for each entry: what its rounding is relative to. Where
/// the curvature is small beside the other components' this is much larger than the entry.
inline Dense hals_scale(const Dense& f, const Dense& g, const Dense& r, Penalty p = {}) {
  const Dense updated = hals(f, g, r, p);
  Dense scale(f.rows, f.columns);
  for (std::int64_t c = 0; c < f.rows; ++c)
    for (std::int64_t j = 0; j < f.columns; ++j) {
      scale(c, j) = std::abs(r(c, j)) + p.l1;
      for (std::int64_t d = 0; d < f.rows; ++d) scale(c, j) += g(c, d) * std::max(f(d, j), updated(d, j));
      scale(c, j) = g(c, c) + p.l2 > 0 ? scale(c, j) / (g(c, c) + p.l2) : 0;
    }
  return scale;
}

/// d_beta(x | v), v being no smaller than `floor` (Fevotte & Idier 2011).
inline double divergence(double x, double v, double beta, double floor = 0) {
  v = std::max(v, floor);
  if (beta == 2) return (x - v) * (x - v) / 2;
  if (beta == 1) return (x > 0 ? x * std::log(x / v) : 0) - x + v;
  if (beta == 0) return x / v - std::log(x / v) - 1;
  return (std::pow(x, beta) + (beta - 1) * std::pow(v, beta) - beta * x * std::pow(v, beta - 1)) / (beta * (beta - 1));
}

inline double divergence(const Dense& x, const Dense& w, const Dense& h, double beta, double floor = 0) {
  const Dense v = multiply(w, h);
  double s = 0;
  for (std::size_t i = 0; i < x.values.size(); ++i) s += divergence(x.values[i], v.values[i], beta, floor);
  return s;
}

/// Numerator (X * V^(beta - 2)) F' and denominator V^(beta - 1) F' of the multiplicative update of L (k x m), V = L'F.
struct DivergenceTerms {
  Dense numerator, denominator;
};
inline DivergenceTerms divergence_terms(const Dense& x, const Dense& l, const Dense& f, double beta, double floor = 0) {
  Dense v = multiply(transpose(l), f), a = v;
  for (std::size_t i = 0; i < v.values.size(); ++i) {
    const double fit = std::max(v.values[i], floor);
    a.values[i] = x.values[i] * std::pow(fit, beta - 2);
    v.values[i] = std::pow(fit, beta - 1);
  }
  return {multiply(f, transpose(a)), multiply(f, transpose(v))};
}

/// The multiplicative update for a beta-divergence.
inline Dense ratio_update(Dense f, const DivergenceTerms& terms, Penalty p, double exponent) {
  for (std::int64_t c = 0; c < f.rows; ++c)
    for (std::int64_t j = 0; j < f.columns; ++j) {
      const double denominator = terms.denominator(c, j) + p.l1 + p.l2 * f(c, j);
      f(c, j) = denominator > 0 ? f(c, j) * std::pow(terms.numerator(c, j) / denominator, exponent) : 0;
    }
  return f;
}

/// One entry after the other of L (k x m), V = L'F: Newton's method on the reciprocals of both sides of
/// sum over j of f_cj x_j / v_j = sum over j of f_cj + penalty.
inline Dense coordinate_descent(const Dense& x, Dense l, const Dense& f, Penalty p, int sweeps, double floor) {
  for (std::int64_t i = 0; i < l.columns; ++i)
    for (int sweep = 0; sweep < sweeps; ++sweep)
      for (std::int64_t c = 0; c < l.rows; ++c) {
        double push = p.l1 + p.l2 * l(c, i), pull = 0, curvature = 0;
        for (std::int64_t j = 0; j < f.columns; ++j) {
          double v = 0;
          for (std::int64_t d = 0; d < l.rows; ++d) v += l(d, i) * f(d, j);
          v = std::max(v, floor);
          push += f(c, j);
          pull += f(c, j) * x(i, j) / v;
          curvature += std::pow(f(c, j) / v, 2) * x(i, j);
        }
        if (push > 0)
          l(c, i) = pull > 0 ? std::max(0.0, l(c, i) + (pull - push) / (curvature * push / pull + p.l2)) : 0;
      }
  return l;
}

/// Squared norms of the step P = min(F * curvature, gradient) and of R.
struct Kkt {
  double step_squared = 0, product_squared = 0;

  double residual() const { return step_squared == 0 ? 0 : std::sqrt(step_squared / product_squared); }
};

inline Kkt kkt(const Dense& f, const Dense& g, const Dense& r, Penalty p = {}) {
  Kkt sums;
  for (std::int64_t c = 0; c < f.rows; ++c)
    for (std::int64_t j = 0; j < f.columns; ++j) {
      const double step = std::min(f(c, j) * (g(c, c) + p.l2), gradient(f, g, r, p, c, j));
      sums.step_squared += step * step;
      sums.product_squared += r(c, j) * r(c, j);
    }
  return sums;
}

/// Of a beta-divergence: P = min(F / max of the column * D, D - N), D being the denominator with the penalty.
inline Kkt kkt(const Dense& f, const DivergenceTerms& terms, Penalty p = {}) {
  Kkt sums;
  for (std::int64_t j = 0; j < f.columns; ++j) {
    double largest = 0;
    for (std::int64_t c = 0; c < f.rows; ++c) largest = std::max(largest, f(c, j));
    for (std::int64_t c = 0; c < f.rows; ++c) {
      const double d = terms.denominator(c, j) + p.l1 + p.l2 * f(c, j), n = terms.numerator(c, j);
      const double step = std::min(largest > 0 ? f(c, j) / largest * d : 0, d - n);
      sums.step_squared += step * step;
      sums.product_squared += n * n;
    }
  }
  return sums;
}

/// As Kkt, of the first HALS sweep: each entry's step is taken where the sweep reaches it, after the entries before it.
inline Kkt kkt_along_sweep(Dense f, const Dense& g, const Dense& r, Penalty p = {}) {
  Kkt sums;
  for (std::int64_t c = 0; c < f.rows; ++c)
    for (std::int64_t j = 0; j < f.columns; ++j) {
      const double curvature = g(c, c) + p.l2;
      const double slope = gradient(f, g, r, p, c, j);
      sums.step_squared += std::pow(std::min(f(c, j) * curvature, slope), 2);
      sums.product_squared += r(c, j) * r(c, j);
      f(c, j) = curvature > 0 ? std::max(0.0, f(c, j) - slope / curvature) : 0;
    }
  return sums;
}

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
inline bool solve(Dense a, std::vector<double> b, std::vector<double>& x) {
  const auto n = static_cast<std::int64_t>(b.size());
  for (std::int64_t p = 0; p < n; ++p) {
    std::int64_t pivot = p;
    for (std::int64_t i = p; i < n; ++i)
      if (std::abs(a(i, p)) > std::abs(a(pivot, p))) pivot = i;
    if (std::abs(a(pivot, p)) < 1e-14) return false;
    for (std::int64_t j = 0; j < n; ++j) std::swap(a(p, j), a(pivot, j));
    std::swap(b[p], b[pivot]);
    for (std::int64_t i = p + 1; i < n; ++i) {
      const double factor = a(i, p) / a(p, p);
      for (std::int64_t j = p; j < n; ++j) a(i, j) -= factor * a(p, j);
      b[i] -= factor * b[p];
    }
  }
  x.assign(b.size(), 0);
  for (std::int64_t i = n - 1; i >= 0; --i) {
    x[i] = b[i];
    for (std::int64_t j = i + 1; j < n; ++j) x[i] -= a(i, j) * x[j];
    x[i] /= a(i, i);
  }
  return true;
}

/// Minimises 1/2 x'Gx - r'x over x >= 0 by trying every set of entries that are not zero. k up to about 10.
inline std::vector<double> nnls(const Dense& g, const std::vector<double>& r) {
  const auto k = static_cast<std::int64_t>(r.size());
  std::vector<double> best(r.size(), 0);
  double best_value = 0;
  for (std::uint64_t set = 1; set < (std::uint64_t{1} << k); ++set) {
    std::vector<std::int64_t> members;
    for (std::int64_t c = 0; c < k; ++c)
      if (set >> c & 1) members.push_back(c);
    const auto size = static_cast<std::int64_t>(members.size());
    Dense a(size, size);
    std::vector<double> b, solution;
    for (std::int64_t i = 0; i < size; ++i) {
      b.push_back(r[members[i]]);
      for (std::int64_t j = 0; j < size; ++j) a(i, j) = g(members[i], members[j]);
    }
    if (!solve(a, b, solution)) continue;
    if (*std::min_element(solution.begin(), solution.end()) < 0) continue;
    double value = 0;  // at a stationary point of the passive set: -1/2 r'x
    for (std::int64_t i = 0; i < size; ++i) value -= b[i] * solution[i] / 2;
    if (value >= best_value) continue;
    best_value = value;
    best.assign(r.size(), 0);
    for (std::int64_t i = 0; i < size; ++i) best[members[i]] = solution[i];
  }
  return best;
}

/// Exact alternating least squares: each column of F (k x count) goes to its minimum.
inline Dense anls(Dense f, Dense g, const Dense& r, Penalty p = {}) {
  for (std::int64_t c = 0; c < f.rows; ++c) g(c, c) += p.l2;
  for (std::int64_t j = 0; j < f.columns; ++j) {
    std::vector<double> product;
    for (std::int64_t c = 0; c < f.rows; ++c) product.push_back(r(c, j) - p.l1);
    const std::vector<double> best = nnls(g, product);
    for (std::int64_t c = 0; c < f.rows; ++c) f(c, j) = best[c];
  }
  return f;
}

}  // namespace orthant::oracle
