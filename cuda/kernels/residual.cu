#include "cuda/kernels/residual.hpp"

#include "cuda/kernels/divergence.cuh"
#include "cuda/kernels/entries.cuh"
#include "cuda/kernels/observed.cuh"
#include "cuda/kernels/reduce.cuh"
#include "cuda/kernels/search.cuh"
#include "cuda/launch.hpp"

namespace orthant::cuda {
namespace {

// Losses of the entry at a place of a line of dense X, whose fit is v.
template <class S>
struct SquaredLoss {
  const S* matrix;
  std::int64_t ld;

  __device__ double operator()(std::int64_t line, std::int64_t place, double v) const {
    const device::Global<const S> x = matrix;
    const double difference = number<double>(static_cast<S>(x[line * ld + place])) - v;
    return difference * difference / 2;
  }
};

template <class T>
struct ObservedLoss {
  Entries<T> x;
  std::int64_t ld;
  core::Observed<T> observed;
  DivergenceLoss loss;

  __device__ double operator()(std::int64_t line, std::int64_t place, double v) const {
    const T value = x[line * ld + place];
    T weight = 1;
    if (!observed.complete()) {
      weight = weight_of(observed, value, line, place);
      if (weight == 0) return 0;
    }
    return static_cast<double>(weight) * loss(static_cast<double>(value), v);
  }
};

constexpr int kThreads = kReduceThreads;

// Tiles of 16 lines of 32 entries of X: a thread has every second line of one column. WH exists in registers only.
constexpr int kTile = 32, kTileLines = 16, kStage = 16;
constexpr int kLines = kTileLines * kTile / kThreads, kLineStep = kThreads / kTile;

template <class Loss, class T>
__global__ void __launch_bounds__(kThreads)
    dense(core::Factor<const T> w, core::Factor<const T> h, Loss loss, double* out, Scratch scratch) {
  ORTHANT_SHARED(double, ws, [kTileLines][kStage + 1]);
  ORTHANT_SHARED(double, hs, [kTile][kStage + 1]);
  const device::Global<const T> w_data = w.data, h_data = h.data;
  const int thread = static_cast<int>(threadIdx.x), column = thread % kTile, first_line = thread / kTile;
  const std::int64_t across = (h.count + kTile - 1) / kTile, tiles = across * ((w.count + kTileLines - 1) / kTileLines);
  double sum[1] = {0};
  for (std::int64_t t = blockIdx.x; t < tiles; t += gridDim.x) {
    const std::int64_t i0 = t / across * kTileLines, j0 = t % across * kTile;
    double v[kLines] = {};
    for (int c0 = 0; c0 < w.rank; c0 += kStage) {
      device::sync_block();
      for (int i = thread; i < kTile * kStage; i += kThreads) {
        const int c = i % kStage, l = i / kStage;
        const bool inside = c0 + c < w.rank;
        const std::int64_t line = i0 + l, place = j0 + l;
        if (l < kTileLines) {
          ws[l][c] = inside && line < w.count ? static_cast<double>(static_cast<T>(w_data[line * w.ld + c0 + c])) : 0.0;
        }
        hs[l][c] = inside && place < h.count ? static_cast<double>(static_cast<T>(h_data[place * h.ld + c0 + c])) : 0.0;
      }
      device::sync_block();
      for (int c = 0; c < kStage; ++c) {
        const double hc = hs[column][c];
        ORTHANT_UNROLL_LOOP
        for (int l = 0; l < kLines; ++l) v[l] += static_cast<double>(ws[first_line + l * kLineStep][c]) * hc;
      }
    }
    ORTHANT_UNROLL_LOOP
    for (int l = 0; l < kLines; ++l) {
      const std::int64_t i = i0 + first_line + l * kLineStep, j = j0 + column;
      if (i >= w.count || j >= h.count) continue;
      sum[0] += loss(i, j, v[l]);
    }
  }
  if (sum_over_grid(sum, scratch.values, scratch.counters)) *out = sum[0];
}

// What an entry adds to a loss, and the loss itself, given the part that has a closed form.
struct SquaredEntries {
  static constexpr bool kWeighted = false;
  __device__ double operator()(double x, double v) const { return x * (x - 2 * v); }
  __device__ static double loss(double entries, double rest) {
    const double sum = entries + rest;
    return (sum > 0 || sum != sum ? sum : 0.0) / 2;
  }
};
struct KullbackLeiblerEntries {
  static constexpr bool kWeighted = false;
  double floor;
  __device__ double operator()(double x, double v) const {
    return x > 0 ? x * std::log(x / (v < floor ? floor : v)) - x : 0.0;
  }
  __device__ static double loss(double entries, double rest) { return entries + rest; }
};
// Where only stored entries count.
struct StoredEntries {
  static constexpr bool kWeighted = true;
  DivergenceLoss divergence;
  __device__ double operator()(double x, double v) const { return divergence(x, v); }
};

// Eight lanes to an entry.
constexpr int kLanes = 8;

template <class Loss, class T>
__global__ void __launch_bounds__(kThreads) sparse(Compressed<T> x, core::Factor<const T> w, core::Factor<const T> h,
                                                   Loss loss, const double* rest, double* out, Scratch scratch) {
  const device::Global<const std::int64_t> offsets = x.offsets;
  const device::Global<const std::int32_t> indices = x.indices;
  const device::Global<const T> values = x.values, w_data = w.data, h_data = h.data;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  constexpr int kEntries = kThreads / kLanes;  // of a block at a time
  double sum[1] = {0};
  const std::int64_t rounds = (x.nonzeros + kEntries - 1) / kEntries;
  for (std::int64_t round = blockIdx.x; round < rounds; round += gridDim.x) {
    const std::int64_t p = round * kEntries + threadIdx.x / kLanes;
    double v = 0;
    if (p < x.nonzeros) {
      const std::int64_t wi = segment_of(offsets, x.count, p) * w.ld, hj = indices[p] * h.ld;
      for (int c = lane; c < w.rank; c += kLanes) {
        v += static_cast<double>(static_cast<T>(w_data[wi + c])) * static_cast<double>(static_cast<T>(h_data[hj + c]));
      }
    }
    for (int step = kLanes / 2; step > 0; step /= 2) v += device::shuffle_xor(v, step, kLanes);
    if (lane == 0 && p < x.nonzeros) {
      if constexpr (Loss::kWeighted) {
        const auto weight = static_cast<double>(weight_of(x, p));
        if (weight > 0) sum[0] += weight * loss(static_cast<double>(static_cast<T>(values[p])), v);
      } else {
        sum[0] += loss(static_cast<double>(static_cast<T>(values[p])), v);
      }
    }
  }
  if (sum_over_grid(sum, scratch.values, scratch.counters)) {
    if constexpr (Loss::kWeighted) {
      *out = sum[0];
    } else {
      *out = Loss::loss(sum[0], *rest);
    }
  }
}

template <class Loss, class T>
void launch_dense(const Gpu& gpu, core::Factor<const T> w, core::Factor<const T> h, Loss loss, double* out) {
  const std::int64_t tiles = ((w.count + kTileLines - 1) / kTileLines) * ((h.count + kTile - 1) / kTile);
  launch(gpu, "loss", dense<Loss, T>, grid_size(gpu, tiles, 1), kThreads, 0, w, h, loss, out, gpu.scratch());
}

template <class Loss, class T>
void launch_sparse(const Gpu& gpu, Compressed<T> x, core::Factor<const T> w, core::Factor<const T> h, Loss loss,
                   const double* rest, double* out) {
  launch(gpu, "loss of sparse X", sparse<Loss, T>, grid_size(gpu, x.nonzeros, kThreads), kThreads, 0, x, w, h, loss,
         rest, out, gpu.scratch());
}

}  // namespace

template <class S, class T>
void dense_squared_loss(const Gpu& gpu, const S* x, std::int64_t ld, core::Factor<const T> w, core::Factor<const T> h,
                        double* out) {
  launch_dense(gpu, w, h, SquaredLoss<S>{x, ld}, out);
}

template <class S, class T>
void dense_divergence(const Gpu& gpu, const S* x, std::int64_t ld, const core::Observed<T>& observed,
                      core::Factor<const T> w, core::Factor<const T> h, const core::Divergence& divergence,
                      double* out) {
  launch_dense(gpu, w, h, ObservedLoss<T>{Entries<T>(x), ld, observed, {divergence}}, out);
}

template <class T>
void sparse_squared_loss(const Gpu& gpu, Compressed<T> x, core::Factor<const T> w, core::Factor<const T> h,
                         const double* squared_norm, double* out) {
  launch_sparse(gpu, x, w, h, SquaredEntries{}, squared_norm, out);
}

template <class T>
void sparse_kullback_leibler(const Gpu& gpu, Compressed<T> x, core::Factor<const T> w, core::Factor<const T> h,
                             double floor, const double* sum, double* out) {
  launch_sparse(gpu, x, w, h, KullbackLeiblerEntries{floor}, sum, out);
}

template <class T>
void sparse_divergence(const Gpu& gpu, Compressed<T> x, core::Factor<const T> w, core::Factor<const T> h,
                       const core::Divergence& divergence, double* out) {
  launch_sparse(gpu, x, w, h, StoredEntries{{divergence}}, nullptr, out);
}

#define ORTHANT_INSTANTIATE_DENSE(S, T)                                                                               \
  template void dense_squared_loss(const Gpu&, const S*, std::int64_t, core::Factor<const T>, core::Factor<const T>,  \
                                   double*);                                                                          \
  template void dense_divergence(const Gpu&, const S*, std::int64_t, const core::Observed<T>&, core::Factor<const T>, \
                                 core::Factor<const T>, const core::Divergence&, double*);
#define ORTHANT_INSTANTIATE(T)                                                                                   \
  ORTHANT_INSTANTIATE_DENSE(T, T)                                                                                \
  ORTHANT_INSTANTIATE_DENSE(std::uint8_t, T)                                                                     \
  ORTHANT_INSTANTIATE_DENSE(Fp16, T)                                                                             \
  ORTHANT_INSTANTIATE_DENSE(Bf16, T)                                                                             \
  template void sparse_squared_loss(const Gpu&, Compressed<T>, core::Factor<const T>, core::Factor<const T>,     \
                                    const double*, double*);                                                     \
  template void sparse_kullback_leibler(const Gpu&, Compressed<T>, core::Factor<const T>, core::Factor<const T>, \
                                        double, const double*, double*);                                         \
  template void sparse_divergence(const Gpu&, Compressed<T>, core::Factor<const T>, core::Factor<const T>,       \
                                  const core::Divergence&, double*);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
