#include "cuda/kernels/small_product.hpp"

#include "cuda/launch.hpp"

namespace orthant::cuda {
namespace {

constexpr int kThreads = 64;
constexpr int kLanes = 32;  // to components, so that M is read and F is written along memory
constexpr int kOwn = 8;     // columns of a thread, for which it reads an entry of M once
constexpr int kMostColumns = kThreads / kLanes * kOwn;

// A block keeps a few columns of F in shared memory, `stride` apart.
template <class T>
__global__ void __launch_bounds__(kThreads)
    small_product(const double* matrix, core::Factor<T> f, int columns, int stride) {
  ORTHANT_DYNAMIC_SHARED(T, old);
  const device::Global<T> data = f.data;
  const device::Global<const double> m = matrix;
  const int k = f.rank, thread = static_cast<int>(threadIdx.x), lane = thread % kLanes;
  const int own = (columns + 1) / 2, first_own = thread / kLanes * own;
  const std::int64_t tiles = (f.count + columns - 1) / columns;
  for (std::int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const std::int64_t first = tile * columns;
    const int valid = static_cast<int>(f.count - first < columns ? f.count - first : columns);
    device::sync_block();
    for (int i = thread; i < k * valid; i += kThreads) {
      old[i / k * stride + i % k] = static_cast<T>(data[(first + i / k) * f.ld + i % k]);
    }
    device::sync_block();
    const int count = valid - first_own < own ? valid - first_own : own;
    for (int c = lane; c < k; c += kLanes) {
      double sum[kOwn] = {};
      for (int d = 0; d < k; ++d) {
        const double entry = m[c + static_cast<std::int64_t>(d) * k];
        ORTHANT_UNROLL_LOOP
        for (int j = 0; j < kOwn; ++j) {
          if (j < count) sum[j] += entry * static_cast<double>(static_cast<T>(old[(first_own + j) * stride + d]));
        }
      }
      ORTHANT_UNROLL_LOOP
      for (int j = 0; j < kOwn; ++j) {
        if (j < count) data[(first + first_own + j) * f.ld + c] = static_cast<T>(sum[j]);
      }
    }
  }
}

}  // namespace

template <class T>
void multiply_in_place(const Gpu& gpu, const double* m, core::Factor<T> f) {
  const int stride = f.rank | 1;  // odd: columns of few components start in different banks
  const auto bytes = [&](int columns) { return static_cast<std::size_t>(stride) * columns * sizeof(T); };
  int columns = kMostColumns;
  while (columns > 1 && bytes(columns) > (48 << 10)) columns /= 2;
  launch(gpu, "small product", small_product<T>, grid_size(gpu, f.count, columns), kThreads, bytes(columns), m, f,
         columns, stride);
}

template void multiply_in_place(const Gpu&, const double*, core::Factor<float>);
template void multiply_in_place(const Gpu&, const double*, core::Factor<double>);

}  // namespace orthant::cuda
