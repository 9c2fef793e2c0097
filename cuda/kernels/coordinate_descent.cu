#include "cuda/kernels/coordinate_descent.hpp"

#include <algorithm>
#include <limits>

#include "cuda/kernels/entries.cuh"
#include "cuda/launch.hpp"

// A warp takes a column of the factor and keeps the fit of its entries up to date while it goes over the components.
// Every entry belongs to one lane, and the column itself to lane 0, so that the lanes meet in shuffles only. The fits
// are in global memory: a column's stay in L1.
namespace orthant::cuda {
namespace {

constexpr int kThreads = 64, kLanes = 32;
constexpr int kColumns = kThreads / kLanes;  // of a block at a time

template <class T>
__device__ T sum_over_warp(T v) {
  for (int step = kLanes / 2; step > 0; step /= 2) v += device::shuffle_xor(v, step);
  return v;
}

// Entries [0, count) of a column: x(e) and fit[e] are those of an entry, component(c, e) the fixed factor's there.
template <class T, class Values, class Component>
__device__ void descend_column(const Descent<T>& d, int rank, device::Global<T> f, std::int64_t count, const Values& x,
                               const Component& component, device::Global<T> fit) {
  const device::Global<const T> fixed_sums = d.fixed_sums;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const T l1 = static_cast<T>(d.penalty.l1), l2 = static_cast<T>(d.penalty.l2), floor = static_cast<T>(d.floor);
  for (std::int64_t e = lane; e < count; e += kLanes) {
    T v = 0;
    for (int c = 0; c < rank; ++c) v += static_cast<T>(f[c]) * component(c, e);
    fit[e] = v;
  }
  device::sync_warp();  // lane 0 changes f
  for (int sweep = 0; sweep < d.sweeps; ++sweep) {
    for (int c = 0; c < rank; ++c) {
      const T old = device::shuffle(lane == 0 ? static_cast<T>(f[c]) : T(0), 0);
      const T push = static_cast<T>(fixed_sums[c]) + l1 + l2 * old;
      if (!(push > 0)) continue;   // a dead component
      T ratio = 0, curvature = 0;  // sums over the entries of h x / v and h^2 x / v^2
      for (std::int64_t e = lane; e < count; e += kLanes) {
        const T v = fit[e], scaled = component(c, e) / (v < floor ? floor : v), term = x(e) * scaled;
        ratio += term;
        curvature += term * scaled;
      }
      ratio = sum_over_warp(ratio);
      curvature = sum_over_warp(curvature);
      T next = 0;
      if (ratio > 0 && curvature > 0) {
        // Newton's method on the reciprocals of both sides of ratio = push.
        next = old + (ratio - push) / (curvature * (push / ratio) + l2);
        if (!(next >= std::numeric_limits<T>::min())) next = 0;
      }
      if (next == old) continue;
      for (std::int64_t e = lane; e < count; e += kLanes) fit[e] += (next - old) * component(c, e);
      if (lane == 0) f[c] = next;
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads, 8) dense(Entries<T> x, std::int64_t ld, bool of_lines, core::Factor<T> f,
                                                     core::Factor<const T> fixed, Descent<T> descent, T* scratch) {
  const device::Global<const T> components = fixed.data;
  const std::int64_t count = fixed.rank, warps = static_cast<std::int64_t>(gridDim.x) * kColumns;
  const std::int64_t warp = static_cast<std::int64_t>(blockIdx.x) * kColumns + threadIdx.x / kLanes;
  // X is read once, into memory that lies along: the entries of a place are far apart.
  const device::Global<T> values = scratch + warp * 2 * count, fit = values + count;
  for (std::int64_t j = warp; j < f.count; j += warps) {
    for (std::int64_t e = threadIdx.x % kLanes; e < count; e += kLanes) {
      values[e] = of_lines ? x[j * ld + e] : x[e * ld + j];
    }
    descend_column<T>(
        descent, f.rank, f.data + j * f.ld, count, [&](std::int64_t e) { return static_cast<T>(values[e]); },
        [&](int c, std::int64_t e) { return static_cast<T>(components[c * fixed.ld + e]); }, fit);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads, 8)
    sparse(Compressed<T> x, core::Factor<T> f, core::Factor<const T> fixed, Descent<T> descent, T* scratch) {
  const device::Global<const std::int64_t> offsets = x.offsets;
  const device::Global<const std::int32_t> indices = x.indices;
  const device::Global<const T> values = x.values, columns = fixed.data;
  const device::Global<T> fits = scratch;
  const std::int64_t warps = static_cast<std::int64_t>(gridDim.x) * kColumns;
  for (std::int64_t j = static_cast<std::int64_t>(blockIdx.x) * kColumns + threadIdx.x / kLanes; j < f.count;
       j += warps) {
    const std::int64_t begin = offsets[j], end = offsets[j + 1];
    descend_column<T>(
        descent, f.rank, f.data + j * f.ld, end - begin,
        [&](std::int64_t e) { return static_cast<T>(values[begin + e]); },
        [&](int c, std::int64_t e) { return static_cast<T>(columns[indices[begin + e] * fixed.ld + c]); },
        fits + begin);
  }
}

// Few blocks for dense X: each of their warps has scratch as long as a column.
unsigned dense_blocks(const Gpu& gpu, std::int64_t count) {
  return grid_size(count, kColumns, 4 * gpu.multiprocessors());
}

}  // namespace

std::int64_t dense_descent_scratch(const Gpu& gpu, std::int64_t count, std::int64_t fixed_count) {
  return static_cast<std::int64_t>(dense_blocks(gpu, count)) * kColumns * 2 * fixed_count;
}

template <class S, class T>
void descend_dense(const Gpu& gpu, const S* x, std::int64_t ld, bool of_lines, core::Factor<T> f,
                   core::Factor<const T> fixed, const Descent<T>& descent, T* scratch) {
  launch(gpu, "coordinate descent", dense<T>, dense_blocks(gpu, f.count), kThreads, 0, Entries<T>(x), ld, of_lines, f,
         fixed, descent, scratch);
}

template <class T>
void descend_sparse(const Gpu& gpu, Compressed<T> x, core::Factor<T> f, core::Factor<const T> fixed,
                    const Descent<T>& descent, T* scratch) {
  launch(gpu, "coordinate descent of sparse X", sparse<T>, grid_size(f.count, kColumns, 1 << 20), kThreads, 0, x, f,
         fixed, descent, scratch);
}

#define ORTHANT_INSTANTIATE_STORED(S, T)                                                                        \
  template void descend_dense(const Gpu&, const S*, std::int64_t, bool, core::Factor<T>, core::Factor<const T>, \
                              const Descent<T>&, T*);
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
