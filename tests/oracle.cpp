#include "tests/oracle.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace orthant::oracle {

Dense transpose(const Dense& a) {
  Dense t(a.columns, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t j = 0; j < a.columns; ++j) t(j, i) = a(i, j);
  return t;
}

Sparse transpose(Sparse a) {
  std::swap(a.rows, a.columns);
  for (auto& entry : a.entries) std::swap(entry.row, entry.column);
  return a;
}

Dense densify(const Sparse& a) {
  Dense d(a.rows, a.columns);
  for (const auto& [i, j, value] : a.entries) d(i, j) += value;
  return d;
}

Dense multiply(const Dense& a, const Dense& b) {
  Dense c(a.rows, b.columns);
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t l = 0; l < a.columns; ++l)
      for (std::int64_t j = 0; j < b.columns; ++j) c(i, j) += a(i, l) * b(l, j);
  return c;
}

Dense multiply(const Sparse& a, const Dense& b) {
  Dense c(a.rows, b.columns);
  for (const auto& [i, l, value] : a.entries)
    for (std::int64_t j = 0; j < b.columns; ++j) c(i, j) += value * b(l, j);
  return c;
}

Dense gram(const Dense& f) { return multiply(f, transpose(f)); }

Dense absolute(Dense a) {
  for (auto& value : a.values) value = std::abs(value);
  return a;
}

double sum(const Dense& a) {
  double s = 0;
  for (double value : a.values) s += value;
  return s;
}

double squared_norm(const Dense& a) {
  double s = 0;
  for (double value : a.values) s += value * value;
  return s;
}

double loss(const Dense& x, const Dense& w, const Dense& h) {
  const Dense wh = multiply(w, h);
  double s = 0;
  for (std::size_t i = 0; i < x.values.size(); ++i) s += std::pow(x.values[i] - wh.values[i], 2);
  return s / 2;
}

double loss(const Sparse& x, const Dense& w, const Dense& h) { return loss(densify(x), w, h); }

double gradient(const Dense& f, const Dense& g, const Dense& r, Penalty p, std::int64_t c, std::int64_t j) {
  double s = -r(c, j) + p.l1 + p.l2 * f(c, j);
  for (std::int64_t d = 0; d < f.rows; ++d) s += g(c, d) * f(d, j);
  return s;
}

Dense multiplicative_update(Dense f, const Dense& g, const Dense& r, Penalty p) {
  const Dense gf = multiply(g, f);
  for (std::int64_t c = 0; c < f.rows; ++c)
    for (std::int64_t j = 0; j < f.columns; ++j) {
      const double denominator = gf(c, j) + p.l1 + p.l2 * f(c, j);
      f(c, j) = denominator > 0 ? f(c, j) * r(c, j) / denominator : 0;
    }
  return f;
}

Dense hals(Dense f, const Dense& g, const Dense& r, Penalty p, int sweeps) {
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

Dense hals_scale(const Dense& f, const Dense& g, const Dense& r, Penalty p) {
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

double divergence(double x, double v, double beta, double floor) {
  v = std::max(v, floor);
  if (beta == 2) return (x - v) * (x - v) / 2;
  if (beta == 1) return (x > 0 ? x * std::log(x / v) : 0) - x + v;
  if (beta == 0) return x / v - std::log(x / v) - 1;
  return (std::pow(x, beta) + (beta - 1) * std::pow(v, beta) - beta * x * std::pow(v, beta - 1)) / (beta * (beta - 1));
}

double weight_of(const Dense& weights, std::size_t entry) { return weights.values.empty() ? 1 : weights.values[entry]; }

double divergence(const Dense& x, const Dense& w, const Dense& h, double beta, double floor, const Dense& weights) {
  const Dense v = multiply(w, h);
  double s = 0;
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const double weight = weight_of(weights, i);
    if (weight > 0) s += weight * divergence(x.values[i], v.values[i], beta, floor);
  }
  return s;
}

DivergenceTerms divergence_terms(const Dense& x, const Dense& l, const Dense& f, double beta, double floor,
                                 const Dense& weights, double scale) {
  Dense v = multiply(transpose(l), f), a = v;
  for (std::size_t i = 0; i < v.values.size(); ++i) {
    const double fit = std::max(v.values[i], floor), weight = weight_of(weights, i);
    a.values[i] = weight > 0 ? scale * weight * x.values[i] * std::pow(fit, beta - 2) : 0;
    v.values[i] = weight > 0 ? scale * weight * std::pow(fit, beta - 1) : 0;
  }
  return {multiply(f, transpose(a)), multiply(f, transpose(v))};
}

Dense ratio_update(Dense f, const DivergenceTerms& terms, Penalty p, double beta) {
  const double degree = p.l2 > 0 ? std::max(2.0, beta) : std::max(1.0, beta);
  for (std::int64_t c = 0; c < f.rows; ++c)
    for (std::int64_t j = 0; j < f.columns; ++j) {
      const double n = terms.numerator(c, j), d = terms.denominator(c, j) + p.l1, old = f(c, j);
      if (d + p.l2 * old == 0)
        f(c, j) = 0;
      else if (beta == 1 && p.l2 > 0)  // l2 f'^2 + d f' = n f
        f(c, j) = 2 * n * old / (d + std::sqrt(d * d + 4 * p.l2 * n * old));
      else  // (d + l2 f) t^(degree - 1) = n t^(min(1, beta - 1) - 1)
        f(c, j) = old * std::pow(n / (d + p.l2 * old), 1 / (degree - std::min(1.0, beta - 1)));
    }
  return f;
}

Dense coordinate_descent(const Dense& x, Dense l, const Dense& f, Penalty p, int sweeps, double floor,
                         const Dense& weights) {
  for (std::int64_t i = 0; i < l.columns; ++i)
    for (int sweep = 0; sweep < sweeps; ++sweep)
      for (std::int64_t c = 0; c < l.rows; ++c) {
        double push = p.l1 + p.l2 * l(c, i), pull = 0, curvature = 0;
        for (std::int64_t j = 0; j < f.columns; ++j) {
          const double weight = weight_of(weights, static_cast<std::size_t>(i * f.columns + j));
          if (weight == 0) continue;
          double v = 0;
          for (std::int64_t d = 0; d < l.rows; ++d) v += l(d, i) * f(d, j);
          v = std::max(v, floor);
          push += weight * f(c, j);
          pull += weight * f(c, j) * x(i, j) / v;
          curvature += weight * std::pow(f(c, j) / v, 2) * x(i, j);
        }
        if (push > 0 && pull > 0) {
          // Where toward = s pull / (s + d) and away = push + l2 d meet: l2 d^2 + (push + l2 s) d = s (pull - push).
          const double s = pull / curvature, b = push + p.l2 * s;
          l(c, i) =
              std::max(0.0, l(c, i) + 2 * s * (pull - push) / (b + std::sqrt(b * b + 4 * p.l2 * s * (pull - push))));
        } else if (push > 0) {
          l(c, i) = 0;
        }
      }
  return l;
}

Dense weighted_hals(const Dense& x, Dense l, const Dense& f, Penalty p, int sweeps, const Dense& weights) {
  for (std::int64_t i = 0; i < l.columns; ++i) {
    Dense own(l.rows, 1), g(l.rows, l.rows), r(l.rows, 1);
    double total = 0;
    for (std::int64_t j = 0; j < f.columns; ++j) {
      const double weight = weights(i, j);
      if (weight == 0) continue;
      total += weight;
      for (std::int64_t c = 0; c < l.rows; ++c) {
        r(c, 0) += weight * x(i, j) * f(c, j);
        for (std::int64_t d = 0; d < l.rows; ++d) g(c, d) += weight * f(c, j) * f(d, j);
      }
    }
    for (std::int64_t c = 0; c < l.rows; ++c) own(c, 0) = l(c, i);
    own = hals(own, g, r, p, sweeps);
    for (std::int64_t c = 0; c < l.rows; ++c) l(c, i) = total > 0 ? own(c, 0) : 0;
  }
  return l;
}

Kkt kkt(const Dense& f, const Dense& g, const Dense& r, Penalty p) {
  Kkt sums;
  for (std::int64_t c = 0; c < f.rows; ++c)
    for (std::int64_t j = 0; j < f.columns; ++j) {
      const double step = std::min(f(c, j) * (g(c, c) + p.l2), gradient(f, g, r, p, c, j));
      sums.step_squared += step * step;
      sums.product_squared += r(c, j) * r(c, j);
    }
  return sums;
}

Kkt kkt(const Dense& f, const DivergenceTerms& terms, Penalty p) {
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

Kkt kkt_along_sweep(Dense f, const Dense& g, const Dense& r, Penalty p) {
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

bool solve(Dense a, std::vector<double> b, std::vector<double>& x) {
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

std::vector<double> nnls(const Dense& g, const std::vector<double>& r) {
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

Dense anls(Dense f, Dense g, const Dense& r, Penalty p) {
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
