#include "cuda/kernels/small_product.hpp"

#include "cuda/launch.hpp"

namespace orthant::cuda {
namespace {

constexpr int kThreads = 64;
constexpr int kMostColumns = 32;
constexpr int kMostBlocks = 4096;

// A block keeps a few columns of F in shared memory; its threads share their components.
template <class T>
__global__ void __launch_bounds__(kThreads) small_product(const double* matrix, core::Factor<T> f, int columns) {
  ORTHANT_DYNAMIC_SHARED(T, old);
  const device::Global<T> data = f.data;
  const device::Global<const double> m = matrix;
  const int ld = columns + 1, k = f.rank, thread = static_cast<int>(threadIdx.x);
  const int column = thread % columns, group = thread / columns, groups = kThreads / columns;
  const std::int64_t tiles = (f.count + columns - 1) / columns;
  for (std::int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const std::int64_t first = tile * columns;
    const int valid = static_cast<int>(f.count - first < columns ? f.count - first : columns);
    device::sync_block();
    for (int i = thread; i < k * valid; i += kThreads) {
      old[i % k * ld + i / k] = static_cast<T>(data[(first + i / k) * f.ld + i % k]);
    }
    device::sync_block();
    if (column >= valid) continue;
    for (int c = group; c < k; c += groups) {
      double sum = 0;
      for (int d = 0; d < k; ++d) {
        sum += static_cast<double>(m[c + static_cast<std::int64_t>(d) * k]) *
               static_cast<double>(static_cast<T>(old[d * ld + column]));
      }
      data[(first + column) * f.ld + c] = static_cast<T>(sum);
    }
  }
}

}  // namespace

template <class T>
void multiply_in_place(const Gpu& gpu, const double* m, core::Factor<T> f) {
  const auto bytes = [&](int columns) { return static_cast<std::size_t>(f.rank) * (columns + 1) * sizeof(T); };
  int columns = kMostColumns;
  while (columns > 1 && bytes(columns) > (48 << 10)) columns /= 2;
  launch(gpu, "small product", small_product<T>, grid_size(f.count, columns, kMostBlocks), kThreads, bytes(columns), m,
         f, columns);
}

template void multiply_in_place(const Gpu&, const double*, core::Factor<float>);
template void multiply_in_place(const Gpu&, const double*, core::Factor<double>);

}  // namespace orthant::cuda
