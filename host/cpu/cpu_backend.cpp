#include "host/cpu/cpu_backend.hpp"

#include <chrono>
#include <cstring>
#include <vector>

#include "host/core/philox.hpp"
#include "host/core/validate.hpp"
#include "host/cpu/factor_update.hpp"
#include "host/cpu/nnls.hpp"
#include "host/cpu/parallel.hpp"
#include "host/cpu/ratio_update.hpp"
#include "host/cpu/scratch.hpp"
#include "host/cpu/skinny_product.hpp"

namespace orthant::cpu {

using core::Factor;
using core::Gram;
using core::KktSums;
using core::RatioForm;
using core::ScaledPenalty;
using core::Terms;

namespace {

// function(c, j) for every entry of a k x count factor.
template <class Function>
void for_each_entry(int rank, std::int64_t count, int threads, Function&& function) {
  for_chunks(Chunks(count, kUpdateColumns), threads, [&](int, std::int64_t begin, std::int64_t length) {
    for (std::int64_t j = begin; j < begin + length; ++j) {
      for (int c = 0; c < rank; ++c) function(c, j);
    }
  });
}

// The element at row c, column j of a view.
template <class T>
T* element(DenseView<T> view, std::int64_t c, std::int64_t j) {
  return view.layout == Layout::row_major ? view.data + c * view.ld + j : view.data + c + j * view.ld;
}

// Adds function(c, j, pair of doubles) over j, for each component: chunk by chunk, then in order.
template <class Function>
void component_pairs(int rank, std::int64_t count, int threads, double* first, double* second, Function&& function) {
  // Fewer chunks than elsewhere: each holds 2 k doubles.
  const Chunks chunks(count, std::max<std::int64_t>(kUpdateColumns, count / 16));
  std::vector<double> parts(static_cast<std::size_t>(chunks.chunks()) * 2 * rank, 0.0);
  for_chunks(chunks, threads, [&](int chunk, std::int64_t begin, std::int64_t length) {
    double* a = parts.data() + static_cast<std::size_t>(chunk) * 2 * rank;
    double* b = a + rank;
    for (std::int64_t j = begin; j < begin + length; ++j) {
      for (int c = 0; c < rank; ++c) function(c, j, a[c], b[c]);
    }
  });
  std::fill_n(first, rank, 0.0);
  std::fill_n(second, rank, 0.0);
  for (int chunk = 0; chunk < chunks.chunks(); ++chunk) {
    const double* a = parts.data() + static_cast<std::size_t>(chunk) * 2 * rank;
    for (int c = 0; c < rank; ++c) {
      first[c] += a[c];
      second[c] += a[rank + c];
    }
  }
}

// One of FactorUpdate's functions on the whole factor.
template <class T, class F, class Update>
void update(F f, const Terms<T>& terms, int threads, KktSums* kkt, Update&& panel_update) {
  const KktSums sums =
      sum_chunks<KktSums>(Chunks(f.count, kUpdateColumns), threads, [&](std::int64_t begin, std::int64_t length) {
        KktSums part;
        panel_update(f.panel(begin, length),
                     Terms<T>{terms.gram, terms.numerator.panel(begin, length), terms.denominator.panel(begin, length)},
                     kkt != nullptr ? &part : nullptr);
        return part;
      });
  if (kkt != nullptr) *kkt = sums;
}

}  // namespace

template <class T>
void CpuBackend<T>::copy_in(DenseView<const T> view, Factor<T> f) const {
  for_each_entry(f.rank, f.count, threads_, [&](int c, std::int64_t j) { f.column(j)[c] = *element(view, c, j); });
}

template <class T>
void CpuBackend<T>::copy_out(Factor<const T> f, DenseView<T> view) const {
  for_each_entry(f.rank, f.count, threads_, [&](int c, std::int64_t j) { *element(view, c, j) = f.column(j)[c]; });
}

template <class T>
void CpuBackend<T>::fill(Factor<T> f, T value) const {
  for_each_entry(f.rank, f.count, threads_, [&](int c, std::int64_t j) { f.column(j)[c] = value; });
}

template <class T>
void CpuBackend<T>::clear(void* data, std::int64_t bytes) const {
  std::memset(data, 0, static_cast<std::size_t>(bytes));
}

template <class T>
std::optional<core::BadEntry> CpuBackend<T>::find_invalid(DenseView<const T> view) const {
  return core::find_invalid_on_host(view);
}

template <class T>
void CpuBackend<T>::fill_uniform(Factor<T> f, std::uint64_t seed, core::Side side, T scale) const {
  for_each_entry(f.rank, f.count, threads_, [&](int c, std::int64_t j) {
    f.column(j)[c] = scale * core::uniform<T>(core::random_bits(seed, side, static_cast<std::uint32_t>(c), j));
  });
}

template <class T>
void CpuBackend<T>::gram(Factor<const T> f, Gram<T> g) const {
  struct Products;
  struct Sums;
  constexpr std::int64_t kBlock = 256;  // products are summed in T this far, then in double
  const int k = f.rank;
  const std::int64_t ld = padded<T>(k), size = k * ld;
  const Chunks chunks(f.count, std::max<std::int64_t>(kBlock, f.count / 32));
  const auto for_upper = [&](auto&& function) {  // what Columns::upper makes
    constexpr std::int64_t kLine = padded<T>(1);
    for (std::int64_t c = 0; c < k; ++c) {
      for (std::int64_t i = c * ld + c / kLine * kLine; i < (c + 1) * ld; ++i) function(i);
    }
  };
  double* total = scratch<Gram<T>, double>(static_cast<std::size_t>(size));
  std::fill_n(total, size, 0.0);
  const int threads = chunks.chunks() > 1 ? worth_waking(threads_, f.count * k * k / 8) : 1;  // vectors of them
  FirstException first;
#pragma omp parallel for ordered schedule(static, 1) num_threads(threads)
  for (int chunk = 0; chunk < chunks.chunks(); ++chunk) {
    double* sum = nullptr;
    first.guard([&] {
      sum = scratch<Sums, double>(static_cast<std::size_t>(size));
      T* product = scratch<Products, T>(static_cast<std::size_t>(size));
      std::fill_n(sum, size, 0.0);
      for (std::int64_t j = 0; j < chunks.length(chunk); j += kBlock) {
        const std::int64_t n = std::min(kBlock, chunks.length(chunk) - j);
        const auto part = f.panel(chunks.begin(chunk) + j, n);
        // F' read as a row-major matrix, count x k.
        columns<T>(Block<T>{part.data, n, k, part.ld}, part, product, ld, {.fresh = true, .upper = true});
        for_upper([&](std::int64_t i) { sum[i] += static_cast<double>(product[i]); });
      }
    });
#pragma omp ordered
    if (sum != nullptr) {
      for_upper([&](std::int64_t i) { total[i] += sum[i]; });
    }
  }
  first.rethrow();
  for (int c = 0; c < k; ++c) {
    for (int d = c; d < k; ++d) {
      g.data[c * static_cast<std::int64_t>(k) + d] = g.data[d * static_cast<std::int64_t>(k) + c] =
          static_cast<T>(total[c * ld + d]);
    }
  }
}

template <class T>
void CpuBackend<T>::dot(Factor<const T> a, Factor<const T> b, double* out) const {
  const int threads = worth_waking(threads_, a.rank * a.count);
  *out = sum_chunks<double>(Chunks(a.count, kUpdateColumns), threads, [&](std::int64_t begin, std::int64_t length) {
    // Eight sums side by side, so that the compiler may use SIMD.
    double sums[8] = {};
    double rest = 0;
    for (std::int64_t j = begin; j < begin + length; ++j) {
      const T *x = a.column(j), *y = b.column(j);
      int c = 0;
      for (; c + 8 <= a.rank; c += 8) {
        for (int i = 0; i < 8; ++i) sums[i] += static_cast<double>(x[c + i]) * static_cast<double>(y[c + i]);
      }
      for (; c < a.rank; ++c) rest += static_cast<double>(x[c]) * static_cast<double>(y[c]);
    }
    for (double s : sums) rest += s;
    return rest;
  });
}

template <class T>
void CpuBackend<T>::component_sums(Factor<const T> f, double* sums, double* squares) const {
  component_pairs(f.rank, f.count, threads_, sums, squares, [&](int c, std::int64_t j, double& sum, double& square) {
    const auto v = static_cast<double>(f.column(j)[c]);
    sum += v;
    square += v * v;
  });
}

template <class T>
void CpuBackend<T>::hals(Factor<T> f, const Terms<T>& terms, ScaledPenalty penalty, int sweeps, KktSums* kkt) const {
  update(f, terms, threads_, kkt, [&](Factor<T> panel, const Terms<T>& t, KktSums* sums) {
    FactorUpdate<T>::hals(panel, t, penalty, sweeps, sums);
  });
}

template <class T>
void CpuBackend<T>::multiplicative(Factor<T> f, const Terms<T>& terms, ScaledPenalty penalty, KktSums* kkt) const {
  update(f, terms, threads_, kkt, [&](Factor<T> panel, const Terms<T>& t, KktSums* sums) {
    FactorUpdate<T>::multiplicative(panel, t, penalty, sums);
  });
}

template <class T>
void CpuBackend<T>::nnls(Factor<T> f, const Terms<T>& terms, ScaledPenalty penalty, KktSums* kkt, NnlsResult* result,
                         double*) const {
  if (kkt != nullptr) this->kkt(f, terms, penalty, kkt);
  struct Sum : NnlsResult {
    Sum& operator+=(const Sum& b) {
      kkt_residual = std::max(kkt_residual, b.kkt_residual);
      regularized += b.regularized;
      return *this;
    }
  };
  const Sum sum =
      sum_chunks<Sum>(Chunks(f.count, kUpdateColumns), threads_, [&](std::int64_t begin, std::int64_t size) {
        Sum part;
        Nnls<T>::solve(f.panel(begin, size), {terms.gram, terms.numerator.panel(begin, size)}, penalty,
                       result != nullptr ? &part : nullptr);
        return part;
      });
  if (result != nullptr) *result = sum;
}

template <class T>
void CpuBackend<T>::kkt(Factor<const T> f, const Terms<T>& terms, ScaledPenalty penalty, KktSums* kkt) const {
  update(f, terms, threads_, kkt, [&](Factor<const T> panel, const Terms<T>& t, KktSums* sums) {
    FactorUpdate<T>::kkt(panel, t, penalty, sums);
  });
}

template <class T>
void CpuBackend<T>::scale_by_ratio(Factor<T> f, const Terms<T>& terms, ScaledPenalty penalty, RatioForm form,
                                   KktSums* kkt) const {
  update(f, terms, threads_, kkt,
         [&](Factor<T> panel, const Terms<T>& t, KktSums* sums) { ratio_update(panel, t, penalty, form, sums); });
}

template <class T>
void CpuBackend<T>::sum_columns(Factor<const T> f, T* sums) const {
  std::vector<double> exact(static_cast<std::size_t>(f.rank)), squares(exact.size());
  component_sums(f, exact.data(), squares.data());
  for (int c = 0; c < f.rank; ++c) sums[c] = static_cast<T>(exact[static_cast<std::size_t>(c)]);
}

template <class T>
void CpuBackend<T>::multiply_small(const double* m, Factor<T> f) const {
  struct Matrix;
  struct Panel;
  const int k = f.rank;
  T* packed = scratch<Matrix, T>(static_cast<std::size_t>(k * (padded<T>(k) + k)));
  T* small = packed + k * padded<T>(k);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(k) * k; ++i) small[i] = static_cast<T>(m[i]);
  pack(Factor<const T>{small, k, k, k}, 0, k, packed);
  for_chunks(Chunks(f.count, kUpdateColumns), threads_, [&](int, std::int64_t begin, std::int64_t length) {
    T* product = scratch<Panel, T>(static_cast<std::size_t>(kUpdateColumns) * k);
    for (std::int64_t j = begin; j < begin + length; j += kUpdateColumns) {
      const std::int64_t n = std::min<std::int64_t>(kUpdateColumns, begin + length - j);
      std::fill_n(product, n * k, T(0));
      // (M F)(:, j) = sum over d of F(d, j) M(:, d): F' read as a row-major matrix, count x k.
      rows<T>(Block<T>{f.column(j), n, k, f.ld}, packed, Factor<T>{product, k, n, k});
      for (std::int64_t i = 0; i < n; ++i) std::copy_n(product + i * k, k, f.column(j + i));
    }
  });
}

template <class T>
void CpuBackend<T>::part_norms(Factor<const T> f, double* positive, double* negative) const {
  component_pairs(f.rank, f.count, threads_, positive, negative, [&](int c, std::int64_t j, double& p, double& n) {
    const auto v = static_cast<double>(f.column(j)[c]);
    (v > 0 ? p : n) += v * v;
  });
}

template <class T>
void CpuBackend<T>::take_parts(Factor<const T> f, const double* scale, T threshold, T fill, bool random_fill,
                               std::uint64_t seed, core::Side side, Factor<T> out) const {
  for_each_entry(f.rank, f.count, threads_, [&](int c, std::int64_t j) {
    const T v = static_cast<T>(scale[c] * static_cast<double>(f.column(j)[c]));
    T& o = out.column(j)[c];
    if (v >= threshold && v > 0) {
      o = v;
    } else if (random_fill) {
      o = fill * core::uniform<T>(core::random_bits(seed, side, static_cast<std::uint32_t>(c), j));
    } else {
      o = fill;
    }
  });
}

template <class T>
void CpuBackend<T>::penalty(Factor<const T> f, ScaledPenalty penalty, double* out) const {
  std::vector<double> sums(static_cast<std::size_t>(f.rank)), squares(sums.size());
  component_sums(f, sums.data(), squares.data());
  *out = 0;
  for (std::size_t c = 0; c < sums.size(); ++c) *out += penalty.l1 * sums[c] + penalty.l2 / 2 * squares[c];
}

template <class T>
void CpuBackend<T>::advance(const core::StoppingRule& rule, core::CheckStep step, const core::Measured* measured,
                            int iterations, core::LoopState* state) const {
  rule.advance(step, *measured, iterations, *state);
}

template <class T>
void CpuBackend<T>::advance(const core::MomentumRule& rule, core::MomentumStep step, core::Measured* measured,
                            core::Momentum* state) const {
  rule.advance(step, *measured, *state);
}

template <class T>
void CpuBackend<T>::extrapolate(Factor<T> point, Factor<T> iterate, const core::Momentum* momentum) const {
  const bool accepted = momentum->accepted != 0;
  const T weight = static_cast<T>(momentum->weight);
  const int threads = worth_waking(threads_, point.rank * point.count);
  for_chunks(Chunks(point.count, kUpdateColumns), threads, [&](int, std::int64_t begin, std::int64_t length) {
    const bool whole = point.ld == point.rank && iterate.ld == point.rank;  // one run of numbers
    const std::int64_t run = whole ? length * point.rank : point.rank;
    for (std::int64_t j = begin; j < begin + length; j += whole ? length : 1) {
      T* y = point.column(j);
      T* x = iterate.column(j);
      if (!accepted) {
        std::copy_n(x, run, y);
        continue;
      }
      for (std::int64_t i = 0; i < run; ++i) {
        const T n = y[i], further = n + weight * (n - x[i]);
        x[i] = n;
        y[i] = further > 0 ? further : n;
      }
    }
  });
}

namespace {

// Calls are made at once, so that every point is reached.
class Here final : public core::Marker {
 public:
  bool reached() const override { return true; }
  void wait() const noexcept override {}
  void read(const void* source, std::int64_t bytes, void* host) const override {
    std::memcpy(host, source, static_cast<std::size_t>(bytes));
  }
  double seconds_since(const core::Marker& earlier) const override {
    return std::chrono::duration<double>(when_ - static_cast<const Here&>(earlier).when_).count();
  }

 private:
  std::chrono::steady_clock::time_point when_ = std::chrono::steady_clock::now();
};

}  // namespace

template <class T>
std::unique_ptr<core::Marker> CpuBackend<T>::mark() const {
  return std::make_unique<Here>();
}

template <class T>
void CpuBackend<T>::read(const void* source, std::int64_t bytes, void* host) const {
  std::memcpy(host, source, static_cast<std::size_t>(bytes));
}

template class CpuBackend<float>;
template class CpuBackend<double>;

}  // namespace orthant::cpu
