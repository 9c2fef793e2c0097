#include <Eigen/Cholesky>
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <vector>

#include "host/core/runtime.hpp"
#include "host/core/validate.hpp"
#include "orthant/factorize.hpp"

namespace orthant {
namespace {

using core::text;
using Vector = Eigen::VectorXd;
using Dense = Eigen::MatrixXd;

// Solves G x = r on the passive set; the other entries of x are 0. Returns whether a ridge was needed.
bool solve_passive(const Dense& g, const Vector& r, const std::vector<char>& passive, Vector& x) {
  std::vector<int> set;
  for (int c = 0; c < g.rows(); ++c) {
    if (passive[static_cast<std::size_t>(c)]) set.push_back(c);
  }
  x.setZero();
  if (set.empty()) return false;
  Dense block = g(set, set);
  const Vector right = r(set);
  Eigen::LLT<Dense> cholesky(block);
  // A pivot that is rounding noise counts as singular.
  const double largest = block.diagonal().maxCoeff();
  const auto usable = [&] {
    return cholesky.info() == Eigen::Success &&
           cholesky.matrixLLT().diagonal().array().square().minCoeff() > 1e-13 * largest;
  };
  bool regularized = false;
  if (!usable()) {
    regularized = true;
    block.diagonal().array() += std::max(1e-12 * largest, 1e-300);
    cholesky.compute(block);
  }
  const Vector solution = cholesky.solve(right);
  for (std::size_t i = 0; i < set.size(); ++i) x(set[i]) = solution(static_cast<Eigen::Index>(i));
  return regularized;
}

// Block principal pivoting for one right-hand side (Kim & Park 2011, algorithm 1, with the backup rule that exchanges
// only the last infeasible variable, which ends for every G). Returns whether any block was regularized.
bool block_principal_pivoting(const Dense& g, const Vector& r, Vector& x) {
  const auto k = static_cast<int>(g.rows());
  std::vector<char> passive(static_cast<std::size_t>(k), 0);
  x = Vector::Zero(k);
  Vector y = -r;
  // Signs within rounding of zero are feasible, or singular problems would flicker for ever.
  const double x_noise = 1e-14, y_noise = 1e-14 * (r.cwiseAbs().maxCoeff() + 1e-300);
  int best = k + 1, full_exchanges = 3;
  bool regularized = false;
  for (int iteration = 0; iteration < 100 * (k + 1); ++iteration) {
    std::vector<int> infeasible;
    const double x_scale = x.cwiseAbs().maxCoeff();
    for (int c = 0; c < k; ++c) {
      if (passive[static_cast<std::size_t>(c)] ? x(c) < -x_noise * x_scale : y(c) < -y_noise) infeasible.push_back(c);
    }
    if (infeasible.empty()) break;
    const auto count = static_cast<int>(infeasible.size());
    if (count < best) {
      best = count;
      full_exchanges = 3;
    } else if (full_exchanges > 0) {
      --full_exchanges;
    } else {
      infeasible = {infeasible.back()};
    }
    for (int c : infeasible) passive[static_cast<std::size_t>(c)] ^= 1;
    regularized |= solve_passive(g, r, passive, x);
    y = g * x - r;
  }
  x = x.cwiseMax(0.0);
  return regularized;
}

template <class T>
void check_finite(const std::string& name, DenseView<const T> v) {
  for (std::int64_t i = 0; i < v.rows; ++i) {
    for (std::int64_t j = 0; j < v.columns; ++j) {
      const T value = v.layout == Layout::row_major ? v.data[i * v.ld + j] : v.data[i + j * v.ld];
      if (!std::isfinite(value)) {
        throw InvalidArgument(name + "(" + text(i) + ", " + text(j) + ")", text(static_cast<double>(value)),
                              "a finite number");
      }
    }
  }
}

}  // namespace

template <class T>
NnlsResult nnls(const Context& context, DenseView<const T> gram, DenseView<const T> products, DenseView<T> solution) {
  const core::Runtime& runtime = *context.runtime();
  if (runtime.memory_space() != MemorySpace::host) {
    throw InvalidArgument("context", runtime.name(), "cpu: nnls() runs on the CPU");
  }
  core::check_view<T>("gram", gram, runtime);
  core::check_view<T>("products", products, runtime);
  core::check_view<T>("solution", solution, runtime);
  const std::int64_t k = gram.rows, count = products.columns;
  const auto same = [](const char* name, std::int64_t value, std::int64_t expected) {
    if (value != expected) throw InvalidArgument(name, text(value), text(expected));
  };
  same("gram.columns", gram.columns, k);
  same("products.rows", products.rows, k);
  same("solution.rows", solution.rows, k);
  same("solution.columns", solution.columns, count);
  check_finite("gram", gram);
  check_finite("products", products);
  const auto at = [](auto view, std::int64_t i, std::int64_t j) -> auto& {
    return view.layout == Layout::row_major ? view.data[i * view.ld + j] : view.data[i + j * view.ld];
  };
  Dense g(k, k);
  for (std::int64_t i = 0; i < k; ++i) {
    for (std::int64_t j = 0; j < k; ++j) g(i, j) = static_cast<double>(at(gram, i, j));
  }
  const double largest = g.cwiseAbs().maxCoeff();
  for (std::int64_t i = 0; i < k; ++i) {
    for (std::int64_t j = 0; j < i; ++j) {
      if (std::abs(g(i, j) - g(j, i)) > 1e-5 * largest) {
        throw InvalidArgument("gram(" + text(i) + ", " + text(j) + ")", text(g(i, j)),
                              "gram(" + text(j) + ", " + text(i) + ") = " + text(g(j, i)) + " (symmetric)");
      }
      g(i, j) = g(j, i) = (g(i, j) + g(j, i)) / 2;
    }
  }
  double worst = 0;
  std::int64_t regularized = 0;
#pragma omp parallel for schedule(dynamic, 16) num_threads(context.threads()) reduction(max : worst) \
    reduction(+ : regularized)
  for (std::int64_t j = 0; j < count; ++j) {
    Vector r(k), x(k);
    for (std::int64_t c = 0; c < k; ++c) r(c) = static_cast<double>(at(products, c, j));
    regularized += block_principal_pivoting(g, r, x);
    const Vector gradient = g * x - r;
    const double size = r.cwiseAbs().maxCoeff();
    const double residual = x.cwiseMin(gradient).cwiseAbs().maxCoeff();
    worst = std::max(worst, size > 0 ? residual / size : residual);
    for (std::int64_t c = 0; c < k; ++c) at(solution, c, j) = static_cast<T>(x(c));
  }
  return {worst, regularized};
}

template NnlsResult nnls(const Context&, DenseView<const float>, DenseView<const float>, DenseView<float>);
template NnlsResult nnls(const Context&, DenseView<const double>, DenseView<const double>, DenseView<double>);

}  // namespace orthant
