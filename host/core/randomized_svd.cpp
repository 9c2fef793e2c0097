#include "host/core/randomized_svd.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

namespace orthant::core {
namespace {

constexpr int kPowerIterations = 7;

// The eigendecomposition of f f', largest first.
template <class T>
struct GramSpectrum {
  Eigen::VectorXd values;
  Eigen::MatrixXd vectors;

  GramSpectrum(const Backend<T>& backend, Factor<const T> f, Buffer<T>& memory) {
    const int k = f.rank;
    backend.gram(f, Gram<T>{memory.data(), k});
    std::vector<T> host(static_cast<std::size_t>(k) * static_cast<std::size_t>(k));
    backend.read(memory.data(), static_cast<std::int64_t>(host.size() * sizeof(T)), host.data());
    const Eigen::MatrixXd gram =
        Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>>(host.data(), k, k).template cast<double>();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
    values = solver.eigenvalues().reverse();
    vectors = solver.eigenvectors().rowwise().reverse();
  }
};

// f = diag(1 / sqrt(values)) vectors' f: orthonormal rows spanning the same space, 0 for what is noise.
template <class T>
void orthonormalize(const Backend<T>& backend, Factor<T> f, Buffer<T>& memory) {
  // Twice: the first pass is only as good as the condition of the Gram allows.
  for (int repeat = 0; repeat < 2; ++repeat) {
    const GramSpectrum<T> g(backend, f, memory);
    Eigen::MatrixXd m = g.vectors.transpose();
    const double noise = g.values(0) * 10 * static_cast<double>(std::numeric_limits<T>::epsilon());
    for (int c = 0; c < f.rank; ++c) {
      m.row(c) *= g.values(c) > noise && g.values(c) > 0 ? 1 / std::sqrt(g.values(c)) : 0.0;
    }
    backend.multiply_small(m.data(), f);
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
  const GramSpectrum<T> g(backend, v, memory);
  std::vector<double> singular_values(static_cast<std::size_t>(k));
  Eigen::MatrixXd rotate = g.vectors.transpose(), scale = rotate;
  const double noise = std::max(0.0, g.values(0)) * 10 * static_cast<double>(std::numeric_limits<T>::epsilon()) *
                       static_cast<double>(std::numeric_limits<T>::epsilon());
  for (int c = 0; c < k; ++c) {
    const bool real = g.values(c) > noise && g.values(c) > 0;
    const double s = real ? std::sqrt(g.values(c)) : 0.0;
    singular_values[static_cast<std::size_t>(c)] = s;
    scale.row(c) *= real ? 1 / s : 0.0;
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
