#pragma once

#include "orthant/factorize.hpp"
#include "tests/cases.hpp"
#include "tests/matrices.hpp"

namespace orthant::test {

/// One update of each factor an iteration, which starts where the last one ended: what the oracle's steps are, and the
/// least that runs. `sweeps` stay where they are given.
inline Options plain(Options options) {
  if (options.sweeps == 0) options.sweeps = 1;
  options.acceleration = Acceleration::none;
  return options;
}

/// W and H in the caller's memory, in the layout that is worked on in place unless said.
template <class T>
struct Factors {
  DenseStorage<T> w, h;

  Factors(std::int64_t m, std::int64_t n, std::int64_t k, Layout w_layout = Layout::row_major,
          Layout h_layout = Layout::column_major, std::int64_t padding = 0)
      : w(m, k, w_layout, padding), h(k, n, h_layout, padding) {}
  Factors(const oracle::Dense& w0, const oracle::Dense& h0, Layout w_layout = Layout::row_major,
          Layout h_layout = Layout::column_major, std::int64_t padding = 0)
      : w(w0, w_layout, padding), h(h0, h_layout, padding) {}

  Result fit(const Matrix<T>& x, const Options& options) { return factorize<T>(x, w.view(), h.view(), options); }
  double loss_of(const Matrix<T>& x) const { return loss<T>(x, w.view(), h.view()); }

  /// All entries, for comparing bit by bit.
  std::vector<double> entries() const {
    auto all = w.oracle().values;
    const auto more = h.oracle().values;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

/// A start from which every rule moves: positive, and not a multiple of itself.
template <class T>
Factors<T> given_start(std::int64_t m, std::int64_t n, int k) {
  auto w = cases::make_dense(m, k, cases::Content::uniform, 21);
  auto h = cases::make_dense(k, n, cases::Content::uniform, 22);
  for (auto& value : w.values) value += 0.01;
  for (auto& value : h.values) value += 0.01;
  return {w, h};
}

/// X = W0 H0 of rank k with sparse factors; `noise` is its standard deviation relative to the mean of X.
inline oracle::Dense planted(std::int64_t m, std::int64_t n, int k, double noise, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  oracle::Dense w(m, k), h(k, n);
  for (auto* factor : {&w, &h})
    for (auto& value : factor->values) value = uniform(random) < 0.4 ? uniform(random) : 0;
  auto x = oracle::multiply(w, h);
  const double sigma = noise * oracle::sum(x) / static_cast<double>(m * n);
  std::normal_distribution<double> normal(0, 1);
  for (auto& value : x.values) value = std::max(0.0, value + sigma * normal(random));
  return x;
}

/// The entries of x that are not zero.
inline oracle::Sparse sparsify(const oracle::Dense& x) {
  oracle::Sparse s{x.rows, x.columns, {}};
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t j = 0; j < x.columns; ++j)
      if (x(i, j) != 0) s.entries.push_back({i, j, x(i, j)});
  return s;
}

}  // namespace orthant::test
