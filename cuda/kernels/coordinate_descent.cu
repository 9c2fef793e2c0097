#include "cuda/kernels/coordinate_descent.hpp"

#include <algorithm>
#include <limits>

#include "cuda/kernels/entries.cuh"
#include "cuda/kernels/observed.cuh"
#include "cuda/launch.hpp"
#include "host/core/coordinate_step.hpp"

// A warp takes a column of the factor and keeps the fit of its entries up to date while it goes over the components.
// Every entry belongs to one lane, and the column itself to lane 0, so that the lanes meet in shuffles only. The fits
// are in global memory: a column's stay in L1.
namespace orthant::cuda {

using core::Pull;

namespace {

constexpr int kThreads = 64, kLanes = 32;
constexpr int kColumns = kThreads / kLanes;  // of a block at a time

template <class T>
__device__ T sum_over_warp(T v) {
  for (int step = kLanes / 2; step > 0; step /= 2) v += device::shuffle_xor(v, step);
  return v;
}

// How an entry adds to a Pull; without weights what pushes away is known.
template <bool kHasWeights, class T>
struct KullbackLeiblerStep {
  static constexpr bool kWeighted = kHasWeights;
  T floor;

  __device__ void add(T x, T weight, T h, T v, Pull<T>& pull) const {
    const T scaled = h / (v < floor ? floor : v), term = kWeighted ? weight * (x * scaled) : x * scaled;
    pull.toward += term;
    if constexpr (kWeighted) pull.away += weight * h;
    pull.curvature += term * scaled;
  }
  __device__ static T next(T f, const Pull<T>& p, T l1, T l2) { return core::kullback_leibler_step(f, p, l1, l2); }
};

template <class T>
struct SquaredStep {
  static constexpr bool kWeighted = true;

  __device__ void add(T x, T weight, T h, T v, Pull<T>& pull) const {
    const T weighted = weight * h;
    pull.toward += weighted * (x - v);
    pull.curvature += weighted * h;
  }
  __device__ static T next(T f, const Pull<T>& p, T l1, T l2) { return core::squared_step(f, p, l1, l2); }
};

// Entries [0, count) of a column: x(e), weight(e) (0 where x is not to count) and fit[e] are those of an entry,
// component(c, e) the fixed factor's there.
template <class Step, class T, class Values, class Weights, class Component>
__device__ void descend_column(const Step& step, const Descent<T>& d, int rank, device::Global<T> f, std::int64_t count,
                               const Values& x, const Weights& weight, const Component& component,
                               device::Global<T> fit) {
  const device::Global<const T> fixed_sums = d.fixed_sums;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const T l1 = static_cast<T>(d.penalty.l1), l2 = static_cast<T>(d.penalty.l2);
  bool counts = false;
  for (std::int64_t e = lane; e < count; e += kLanes) {
    T v = 0;
    for (int c = 0; c < rank; ++c) v += static_cast<T>(f[c]) * component(c, e);
    fit[e] = v;
    if constexpr (Step::kWeighted) counts = counts || weight(e) > 0;
  }
  device::sync_warp();  // f is changed from here on
  if constexpr (Step::kWeighted) {
    if (!device::any(counts)) {
      for (int c = lane; c < rank; c += kLanes) f[c] = 0;
      return;
    }
  }
  for (int sweep = 0; sweep < d.sweeps; ++sweep) {
    for (int c = 0; c < rank; ++c) {
      const T old = device::shuffle(lane == 0 ? static_cast<T>(f[c]) : T(0), 0);
      Pull<T> pull{};
      for (std::int64_t e = lane; e < count; e += kLanes) {
        step.add(x(e), Step::kWeighted ? weight(e) : T(1), component(c, e), static_cast<T>(fit[e]), pull);
      }
      pull.toward = sum_over_warp(pull.toward);
      pull.away = Step::kWeighted ? sum_over_warp(pull.away) : static_cast<T>(fixed_sums[c]);
      pull.curvature = sum_over_warp(pull.curvature);
      T next = Step::next(old, pull, l1, l2);
      if (!(next >= std::numeric_limits<T>::min())) next = 0;
      if (next == old) continue;
      for (std::int64_t e = lane; e < count; e += kLanes) fit[e] += (next - old) * component(c, e);
      if (lane == 0) f[c] = next;
    }
  }
}

// Numbers of a warp, for each entry of its column.
constexpr int dense_scratch(bool weighted) { return weighted ? 3 : 2; }

template <class Step, class T>
__global__ void __launch_bounds__(kThreads, 8)
    dense(Entries<T> x, std::int64_t ld, core::Observed<T> observed, bool of_lines, core::Factor<T> f,
          core::Factor<const T> fixed, Step step, Descent<T> descent, T* scratch) {
  const device::Global<const T> components = fixed.data;
  const std::int64_t count = fixed.rank, warps = static_cast<std::int64_t>(gridDim.x) * kColumns;
  const std::int64_t warp = static_cast<std::int64_t>(blockIdx.x) * kColumns + threadIdx.x / kLanes;
  // X is read once, into memory that lies along: the entries of a place are far apart. So are their weights.
  const device::Global<T> values = scratch + warp * dense_scratch(Step::kWeighted) * count, fit = values + count;
  const device::Global<T> weights = fit + count;
  for (std::int64_t j = warp; j < f.count; j += warps) {
    for (std::int64_t e = threadIdx.x % kLanes; e < count; e += kLanes) {
      const std::int64_t line = of_lines ? j : e, place = of_lines ? e : j;
      T value = x[line * ld + place];
      if constexpr (Step::kWeighted) {
        const T weight = weight_of(observed, value, line, place);
        if (weight == 0) value = 0;
        weights[e] = weight;
      }
      values[e] = value;
    }
    descend_column<Step, T>(
        step, descent, f.rank, f.data + j * f.ld, count, [&](std::int64_t e) { return static_cast<T>(values[e]); },
        [&](std::int64_t e) { return static_cast<T>(weights[e]); },
        [&](int c, std::int64_t e) { return static_cast<T>(components[c * fixed.ld + e]); }, fit);
  }
}

template <class Step, class T>
__global__ void __launch_bounds__(kThreads, 8)
    sparse(Compressed<T> x, core::Factor<T> f, core::Factor<const T> fixed, Step step, Descent<T> descent, T* scratch) {
  const device::Global<const std::int64_t> offsets = x.offsets;
  const device::Global<const std::int32_t> indices = x.indices;
  const device::Global<const T> values = x.values, columns = fixed.data;
  const device::Global<T> fits = scratch;
  const std::int64_t warps = static_cast<std::int64_t>(gridDim.x) * kColumns;
  for (std::int64_t j = static_cast<std::int64_t>(blockIdx.x) * kColumns + threadIdx.x / kLanes; j < f.count;
       j += warps) {
    const std::int64_t begin = offsets[j], end = offsets[j + 1];
    descend_column<Step, T>(
        step, descent, f.rank, f.data + j * f.ld, end - begin,
        [&](std::int64_t e) {
          return !Step::kWeighted || weight_of(x, begin + e) > 0 ? static_cast<T>(values[begin + e]) : T(0);
        },
        [&](std::int64_t e) { return weight_of(x, begin + e); },
        [&](int c, std::int64_t e) { return static_cast<T>(columns[indices[begin + e] * fixed.ld + c]); },
        fits + begin);
  }
}

// Few blocks for dense X: each of their warps has scratch as long as a column.
unsigned dense_blocks(const Gpu& gpu, std::int64_t count) {
  return grid_size(count, kColumns, 4 * gpu.multiprocessors());
}

// Calls launch(step) with the kind of step that the divergence wants.
template <class T, class Launch>
void with_step(const core::Divergence& divergence, Launch&& launch) {
  const auto floor = static_cast<T>(divergence.floor);
  if (divergence.complete) {
    launch(KullbackLeiblerStep<false, T>{floor});
  } else if (divergence.beta == 1) {
    launch(KullbackLeiblerStep<true, T>{floor});
  } else {
    launch(SquaredStep<T>{});
  }
}

}  // namespace

std::int64_t dense_descent_scratch(const Gpu& gpu, std::int64_t count, std::int64_t fixed_count, bool complete) {
  return static_cast<std::int64_t>(dense_blocks(gpu, count)) * kColumns * dense_scratch(!complete) * fixed_count;
}

template <class S, class T>
void descend_dense(const Gpu& gpu, const S* x, std::int64_t ld, const core::Observed<T>& observed, bool of_lines,
                   core::Factor<T> f, core::Factor<const T> fixed, const Descent<T>& descent, T* scratch) {
  with_step<T>(descent.divergence, [&]<class Step>(const Step& step) {
    launch(gpu, "coordinate descent", dense<Step, T>, dense_blocks(gpu, f.count), kThreads, 0, Entries<T>(x), ld,
           observed, of_lines, f, fixed, step, descent, scratch);
  });
}

template <class T>
void descend_sparse(const Gpu& gpu, Compressed<T> x, core::Factor<T> f, core::Factor<const T> fixed,
                    const Descent<T>& descent, T* scratch) {
  with_step<T>(descent.divergence, [&]<class Step>(const Step& step) {
    launch(gpu, "coordinate descent of sparse X", sparse<Step, T>, grid_size(f.count, kColumns, 1 << 20), kThreads, 0,
           x, f, fixed, step, descent, scratch);
  });
}

#define ORTHANT_INSTANTIATE_STORED(S, T)                                                                           \
  template void descend_dense(const Gpu&, const S*, std::int64_t, const core::Observed<T>&, bool, core::Factor<T>, \
                              core::Factor<const T>, const Descent<T>&, T*);
#define ORTHANT_INSTANTIATE(T)                                                                                       \
  ORTHANT_INSTANTIATE_STORED(T, T)                                                                                   \
  ORTHANT_INSTANTIATE_STORED(std::uint8_t, T)                                                                        \
  ORTHANT_INSTANTIATE_STORED(Fp16, T)                                                                                \
  ORTHANT_INSTANTIATE_STORED(Bf16, T)                                                                                \
  template void descend_sparse(const Gpu&, Compressed<T>, core::Factor<T>, core::Factor<const T>, const Descent<T>&, \
                               T*);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
