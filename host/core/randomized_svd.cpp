#include "host/core/randomized_svd.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

namespace orthant::core {
namespace {

constexpr int kPowerIterations = 7;

// The norms of the rows of f, in double.
template <class T>
Eigen::VectorXd row_norms(const Backend<T>& backend, Factor<const T> f) {
  Eigen::VectorXd positive(f.rank), negative(f.rank);
  backend.part_norms(f, positive.data(), negative.data());
  return (positive + negative).cwiseSqrt();
}

// f = diag(1 / norms) f; rows of zeros stay. The Gram of the result is within the range of T whatever the scale of X.
template <class T>
void normalize_rows(const Backend<T>& backend, Factor<T> f, const Eigen::VectorXd& norms) {
  const Eigen::VectorXd inverse = norms.unaryExpr([](double norm) { return norm > 0 ? 1 / norm : 0.0; });
  const Eigen::MatrixXd scale = inverse.asDiagonal();
  backend.multiply_small(scale.data(), f);
}

// f f' in double.
template <class T>
Eigen::MatrixXd read_gram(const Backend<T>& backend, Factor<const T> f, Buffer<T>& memory) {
  const int k = f.rank;
  backend.gram(f, Gram<T>{memory.data(), k});
  std::vector<T> host(static_cast<std::size_t>(k) * static_cast<std::size_t>(k));
  backend.read(memory.data(), static_cast<std::int64_t>(host.size() * sizeof(T)), host.data());
  return Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>>(host.data(), k, k).template cast<double>();
}

// f = orthonormal rows with the same nested spans, so that power iterations leave the rows in the order of the singular
// values. By Cholesky factors of the Gram; a Gram in T resolves directions down to sqrt(eps), a shift of that size
// keeps the factorization defined, and each repetition gains as much again, as in shifted CholeskyQR (Fukaya et al.
// 2020). Rows that depend on others end as unit vectors of rounding noise, rows of zeros stay.
template <class T>
void orthonormalize(const Backend<T>& backend, Factor<T> f, Buffer<T>& memory) {
  constexpr int kMostRepeats = 5;
  constexpr double eps = std::numeric_limits<T>::epsilon();
  const auto identity = Eigen::MatrixXd::Identity(f.rank, f.rank);
  for (int repeat = 0; repeat < kMostRepeats; ++repeat) {
    normalize_rows(backend, f, row_norms<T>(backend, f));
    const Eigen::LLT<Eigen::MatrixXd> cholesky(read_gram<T>(backend, f, memory) + 10 * eps * f.rank * identity);
    const Eigen::MatrixXd inverse = cholesky.matrixL().solve(identity);
    backend.multiply_small(inverse.data(), f);
    // The rounding of a well conditioned Gram leaves its correction exact to a few eps.
    if (cholesky.matrixLLT().diagonal().minCoeff() > 0.5) return;
  }
}

}  // namespace

template <class T>
std::vector<double> randomized_svd(const Backend<T>& backend, const DataMatrix<T>& x, std::uint64_t seed, Factor<T> u,
                                   Factor<T> v, Workspace& workspace) {
  const int k = u.rank;
  Buffer<T> memory(backend.memory(), static_cast<std::int64_t>(k) * k);
  backend.fill_uniform(v, seed, Side::h, T(1));
  for (int i = 0; i <= kPowerIterations; ++i) {
    x.product(Side::h, v, u, workspace);
    orthonormalize(backend, u, memory);
    x.product(Side::w, u, v, workspace);
    if (i < kPowerIterations) orthonormalize(backend, v, memory);
  }
  // Now v = U'X for an orthonormal basis in u; its Gram has the squared singular values.
  const Eigen::VectorXd norms = row_norms<T>(backend, v);
  normalize_rows(backend, v, norms);
  const Eigen::MatrixXd gram = norms.asDiagonal() * read_gram<T>(backend, v, memory) * norms.asDiagonal();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
  const Eigen::VectorXd squares = solver.eigenvalues().reverse();
  std::vector<double> singular_values(static_cast<std::size_t>(k), 0.0);
  Eigen::MatrixXd rotate = solver.eigenvectors().rowwise().reverse().transpose(), scale = rotate * norms.asDiagonal();
  constexpr double eps = std::numeric_limits<T>::epsilon();
  const double noise = std::max(0.0, squares(0)) * 10 * eps * eps;
  for (int c = 0; c < k; ++c) {
    const bool real = squares(c) > noise && squares(c) > 0;
    if (real) singular_values[static_cast<std::size_t>(c)] = std::sqrt(squares(c));
    scale.row(c) *= real ? 1 / std::sqrt(squares(c)) : 0.0;
    rotate.row(c) *= real ? 1.0 : 0.0;
  }
  backend.multiply_small(rotate.data(), u);
  backend.multiply_small(scale.data(), v);
  return singular_values;
}

template std::vector<double> randomized_svd(const Backend<float>&, const DataMatrix<float>&, std::uint64_t,
                                            Factor<float>, Factor<float>, Workspace&);
template std::vector<double> randomized_svd(const Backend<double>&, const DataMatrix<double>&, std::uint64_t,
                                            Factor<double>, Factor<double>, Workspace&);

}  // namespace orthant::core
