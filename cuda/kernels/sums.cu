#include "cuda/kernels/sums.hpp"

#include "cuda/kernels/reduce.cuh"
#include "cuda/launch.hpp"

namespace orthant::cuda {
namespace {

constexpr int kThreads = kReduceThreads;
constexpr int kMostBlocks = 1024;

template <class T>
__global__ void __launch_bounds__(kThreads)
    dot_products(core::Factor<const T> a, core::Factor<const T> b, double* out, Scratch scratch) {
  const device::Global<const T> left = a.data, right = b.data;
  const std::int64_t size = a.rank * a.count, step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  double sum[1] = {0};
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < size; i += step) {
    const std::int64_t j = i / a.rank, c = i % a.rank;
    sum[0] += static_cast<double>(left[j * a.ld + c]) * static_cast<double>(right[j * b.ld + c]);
  }
  if (sum_over_grid(sum, scratch.values, scratch.counters)) *out = sum[0];
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    penalties(core::Factor<const T> f, double l1, double half_l2, double* out, Scratch scratch) {
  const device::Global<const T> data = f.data;
  const std::int64_t size = f.rank * f.count, step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  double sum[1] = {0};
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < size; i += step) {
    const auto v = static_cast<double>(static_cast<T>(data[i / f.rank * f.ld + i % f.rank]));
    sum[0] += v * (l1 + half_l2 * v);
  }
  if (sum_over_grid(sum, scratch.values, scratch.counters)) *out = sum[0];
}

// A block takes 32 components (blockIdx.y) of some columns (blockIdx.x), a lane to each component.
constexpr int kLanes = 32, kMostChunks = 256;

template <Pairs kPairs, class T, class Out>
__global__ void __launch_bounds__(kThreads)
    pairs_of_sums(core::Factor<const T> f, Out* first, Out* second, Scratch scratch) {
  constexpr int kRows = kThreads / kLanes;
  ORTHANT_SHARED(double, rows, [kRows][2][kLanes]);
  const device::Global<const T> data = f.data;
  const int lane = static_cast<int>(threadIdx.x) % kLanes, row = static_cast<int>(threadIdx.x) / kLanes;
  const int c = static_cast<int>(blockIdx.y) * kLanes + lane;
  double a = 0, b = 0;
  if (c < f.rank) {
    for (std::int64_t j = static_cast<std::int64_t>(blockIdx.x) * kRows + row; j < f.count;
         j += static_cast<std::int64_t>(gridDim.x) * kRows) {
      const auto v = static_cast<double>(data[j * f.ld + c]);
      if constexpr (kPairs == Pairs::sum_and_squares) {
        a += v;
        b += v * v;
      } else {
        (v > 0 ? a : b) += v * v;
      }
    }
  }
  rows[row][0][lane] = a;
  rows[row][1][lane] = b;
  device::sync_block();
  // Thread t goes on with component t % 32 of the first (row 0) or the second (row 1) sum.
  static_assert(kRows == 2);
  double sum[1] = {static_cast<double>(rows[0][row][lane]) + static_cast<double>(rows[1][row][lane])};
  if (!sum_over_blocks(sum, scratch.values, scratch.counters, blockIdx.y, blockIdx.x, gridDim.x)) return;
  const device::Global<Out> out = row == 0 ? first : second;
  if (c < f.rank && out) out[c] = static_cast<Out>(sum[0]);
}

}  // namespace

template <class T>
void dot_product(const Gpu& gpu, core::Factor<const T> a, core::Factor<const T> b, double* out) {
  launch(gpu, "dot product", dot_products<T>, grid_size(a.rank * a.count, 4 * kThreads, kMostBlocks), kThreads, 0, a, b,
         out, gpu.scratch());
}

template <class T>
void penalty_sum(const Gpu& gpu, core::Factor<const T> f, core::ScaledPenalty penalty, double* out) {
  launch(gpu, "penalty", penalties<T>, grid_size(f.rank * f.count, 4 * kThreads, kMostBlocks), kThreads, 0, f,
         penalty.l1, penalty.l2 / 2, out, gpu.scratch());
}

template <class T, class Out>
void component_pairs(const Gpu& gpu, Pairs pairs, core::Factor<const T> f, Out* first, Out* second) {
  const dim3 grid(grid_size(f.count, 64, kMostChunks), grid_size(f.rank, kLanes, Gpu::kScratchCounters));
  launch(gpu, "component sums",
         pairs == Pairs::sum_and_squares ? pairs_of_sums<Pairs::sum_and_squares, T, Out>
                                         : pairs_of_sums<Pairs::squares_by_sign, T, Out>,
         grid, kThreads, 0, f, first, second, gpu.scratch());
}

template void dot_product(const Gpu&, core::Factor<const float>, core::Factor<const float>, double*);
template void dot_product(const Gpu&, core::Factor<const double>, core::Factor<const double>, double*);
template void penalty_sum(const Gpu&, core::Factor<const float>, core::ScaledPenalty, double*);
template void penalty_sum(const Gpu&, core::Factor<const double>, core::ScaledPenalty, double*);
template void component_pairs(const Gpu&, Pairs, core::Factor<const float>, double*, double*);
template void component_pairs(const Gpu&, Pairs, core::Factor<const double>, double*, double*);
template void component_pairs(const Gpu&, Pairs, core::Factor<const float>, float*, float*);

}  // namespace orthant::cuda
