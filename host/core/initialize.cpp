#include "host/core/initialize.hpp"

#include <cmath>

#include "host/core/randomized_svd.hpp"

namespace orthant::core {
namespace {

// NNDSVD (Boutsidis & Gallopoulos 2008): of each singular pair the larger of its positive and negative parts. As
// scikit-learn, entries below 1e-6 (here relative to the mean of X) count as zeros.
template <class T>
void nndsvd(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors, const Options& options,
            Workspace& workspace) {
  const int rank = factors.w.rank, sketch = sketch_rank(x.shape(), rank);
  Buffer<T> u_memory(backend.memory(), sketch * factors.w.count), v_memory(backend.memory(), sketch * factors.h.count);
  const Factor<T> u{u_memory.data(), sketch, factors.w.count, sketch};
  const Factor<T> v{v_memory.data(), sketch, factors.h.count, sketch};
  const std::vector<double> s = randomized_svd(backend, x, options.seed, u, v, workspace);
  const auto k = static_cast<std::size_t>(sketch);
  std::vector<double> u_positive(k), u_negative(k), v_positive(k), v_negative(k), u_scale(k), v_scale(k);
  backend.part_norms(u, u_positive.data(), u_negative.data());
  backend.part_norms(v, v_positive.data(), v_negative.data());
  for (std::size_t c = 0; c < k; ++c) {
    // The leading pair has one sign, up to rounding; what little is left of the other one is dropped.
    const double positive = std::sqrt(u_positive[c] * v_positive[c]);
    const double negative = std::sqrt(u_negative[c] * v_negative[c]);
    const double sign = positive > negative ? 1 : -1;
    const double u_norm = std::sqrt(sign > 0 ? u_positive[c] : u_negative[c]);
    const double v_norm = std::sqrt(sign > 0 ? v_positive[c] : v_negative[c]);
    const double size = std::sqrt(s[c] * std::max(positive, negative));
    u_scale[c] = u_norm > 0 ? sign * size / u_norm : 0;
    v_scale[c] = v_norm > 0 ? sign * size / v_norm : 0;
  }
  const double average = x.statistics().mean();
  const auto threshold = static_cast<T>(1e-6 * std::sqrt(average));
  const bool random = options.initialization == Initialization::nndsvdar;
  // Products of two fills have the unit of X (scikit-learn's mean of X has not); k of them are the mean of X.
  const double even = std::sqrt(average / rank);
  const double fill = options.initialization == Initialization::nndsvd ? 0 : random ? even / 100 : even;
  const auto leading = [&](Factor<const T> f) { return Factor<const T>{f.data, rank, f.count, f.ld}; };
  const auto take = [&](Side side, Factor<const T> f, const double* scale) {
    backend.take_parts(leading(f), scale, threshold, static_cast<T>(fill), random, options.seed, side,
                       factors.of(side));
  };
  if (options.update_w) take(Side::w, u, u_scale.data());
  if (options.update_h) take(Side::h, v, v_scale.data());
}

}  // namespace

template <class T>
void initialize(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors, const Options& options,
                Workspace& workspace) {
  switch (options.initialization) {
    case Initialization::given:
      return;
    case Initialization::random: {
      // Uniform numbers of mean sqrt(mean(X) / k) each, so that WH has the mean of X.
      const auto scale = static_cast<T>(2 * std::sqrt(x.statistics().mean() / factors.w.rank));
      if (options.update_w) backend.fill_uniform(factors.w, options.seed, Side::w, scale);
      if (options.update_h) backend.fill_uniform(factors.h, options.seed, Side::h, scale);
      return;
    }
    default:
      nndsvd(backend, x, factors, options, workspace);
  }
}

std::int64_t initialize_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options) {
  if (options.initialization == Initialization::given || options.initialization == Initialization::random) return 0;
  const std::int64_t k = sketch_rank(shape, rank);
  return (k * (shape.rows + shape.columns) + k * k) * element_size;
}

template void initialize(const Backend<float>&, const DataMatrix<float>&, const Factors<float>&, const Options&,
                         Workspace&);
template void initialize(const Backend<double>&, const DataMatrix<double>&, const Factors<double>&, const Options&,
                         Workspace&);

}  // namespace orthant::core
