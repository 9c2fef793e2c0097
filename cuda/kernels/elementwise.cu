#include "cuda/kernels/elementwise.hpp"

#include "cuda/launch.hpp"
#include "host/core/philox.hpp"

// Kernels that make each entry of a factor by itself.
namespace orthant::cuda {
namespace {

constexpr int kThreads = 64;

// function(c, j) for every entry, neighbouring threads on neighbouring components.
template <class Function>
__device__ void for_each_entry(int rank, std::int64_t count, const Function& function) {
  const std::int64_t size = rank * count, step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < size; i += step) {
    function(static_cast<int>(i % rank), i / rank);
  }
}

template <class T, class Kernel, class... Arguments>
void launch_entries(const Gpu& gpu, const char* name, core::Factor<T> f, Kernel kernel, Arguments... arguments) {
  launch(gpu, name, kernel, grid_size(gpu, f.rank * f.count, kThreads), kThreads, 0, f, arguments...);
}

template <class T>
__global__ void __launch_bounds__(kThreads) constant(core::Factor<T> f, T value) {
  const device::Global<T> data = f.data;
  for_each_entry(f.rank, f.count, [&](int c, std::int64_t j) { data[j * f.ld + c] = value; });
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    uniform_numbers(core::Factor<T> f, std::uint64_t seed, core::Side side, T scale) {
  const device::Global<T> data = f.data;
  for_each_entry(f.rank, f.count, [&](int c, std::int64_t j) {
    data[j * f.ld + c] = scale * core::uniform<T>(core::random_bits(seed, side, static_cast<std::uint32_t>(c), j));
  });
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    parts(core::Factor<T> out, core::Factor<const T> f, const double* scale, T threshold, T fill, bool random_fill,
          std::uint64_t seed, core::Side side) {
  const device::Global<T> result = out.data;
  const device::Global<const T> data = f.data;
  const device::Global<const double> scales = scale;
  for_each_entry(out.rank, out.count, [&](int c, std::int64_t j) {
    const T v = static_cast<T>(static_cast<double>(scales[c]) * static_cast<double>(data[j * f.ld + c]));
    T o = fill;
    if (v >= threshold && v > 0) {
      o = v;
    } else if (random_fill) {
      o = fill * core::uniform<T>(core::random_bits(seed, side, static_cast<std::uint32_t>(c), j));
    }
    result[j * out.ld + c] = o;
  });
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    extrapolated(core::Factor<T> point, core::Factor<T> iterate, const core::Momentum* momentum) {
  const device::Global<T> points = point.data, iterates = iterate.data;
  const bool accepted = momentum->accepted != 0;
  const T weight = static_cast<T>(momentum->weight);
  for_each_entry(point.rank, point.count, [&](int c, std::int64_t j) {
    const T before = iterates[j * iterate.ld + c];
    T next = before;
    if (accepted) {
      const T now = points[j * point.ld + c], further = now + weight * (now - before);
      iterates[j * iterate.ld + c] = now;
      next = further > 0 ? further : now;
    }
    points[j * point.ld + c] = next;
  });
}

// Through a tile of shared memory, so that both sides are read and written along their lines.
constexpr int kTile = 32, kTileThreads = 64;

template <class T>
__global__ void __launch_bounds__(kTileThreads) transposed(Lines<const T> from, Lines<T> to) {
  ORTHANT_SHARED(T, tile, [kTile][kTile + 1]);
  const device::Global<const T> source = from.data;
  const device::Global<T> target = to.data;
  const int lane = static_cast<int>(threadIdx.x) % kTile, row = static_cast<int>(threadIdx.x) / kTile;
  const std::int64_t tiles_down = (to.count + kTile - 1) / kTile;  // along the lines of `from`
  const std::int64_t tiles = tiles_down * ((to.length + kTile - 1) / kTile);
  for (std::int64_t t = blockIdx.x; t < tiles; t += gridDim.x) {
    const std::int64_t j = t % tiles_down * kTile, c = t / tiles_down * kTile;
    device::sync_block();
    for (int i = row; i < kTile; i += kTileThreads / kTile) {
      if (j + lane < to.count && c + i < to.length)
        tile[i][lane] = static_cast<T>(source[(c + i) * from.ld + j + lane]);
    }
    device::sync_block();
    for (int i = row; i < kTile; i += kTileThreads / kTile) {
      if (j + i < to.count && c + lane < to.length) target[(j + i) * to.ld + c + lane] = static_cast<T>(tile[lane][i]);
    }
  }
}

}  // namespace

template <class T>
void fill_constant(const Gpu& gpu, core::Factor<T> f, T value) {
  launch_entries(gpu, "fill", f, constant<T>, value);
}

template <class T>
void fill_random(const Gpu& gpu, core::Factor<T> f, std::uint64_t seed, core::Side side, T scale) {
  launch_entries(gpu, "random numbers", f, uniform_numbers<T>, seed, side, scale);
}

template <class T>
void take_nonnegative_parts(const Gpu& gpu, core::Factor<const T> f, const double* scale, T threshold, T fill,
                            bool random_fill, std::uint64_t seed, core::Side side, core::Factor<T> out) {
  launch_entries(gpu, "parts of singular vectors", out, parts<T>, f, scale, threshold, fill, random_fill, seed, side);
}

template <class T>
void extrapolate_factor(const Gpu& gpu, core::Factor<T> point, core::Factor<T> iterate,
                        const core::Momentum* momentum) {
  launch_entries(gpu, "extrapolation", point, extrapolated<T>, iterate, momentum);
}

template <class T>
void transpose(const Gpu& gpu, Lines<const T> from, Lines<T> to) {
  const std::int64_t tiles = ((to.count + kTile - 1) / kTile) * ((to.length + kTile - 1) / kTile);
  launch(gpu, "transposition", transposed<T>, grid_size(gpu, tiles, 1), kTileThreads, 0, from, to);
}

#define ORTHANT_INSTANTIATE(T)                                                                                      \
  template void fill_constant(const Gpu&, core::Factor<T>, T);                                                      \
  template void fill_random(const Gpu&, core::Factor<T>, std::uint64_t, core::Side, T);                             \
  template void extrapolate_factor(const Gpu&, core::Factor<T>, core::Factor<T>, const core::Momentum*);            \
  template void transpose(const Gpu&, Lines<const T>, Lines<T>);                                                    \
  template void take_nonnegative_parts(const Gpu&, core::Factor<const T>, const double*, T, T, bool, std::uint64_t, \
                                       core::Side, core::Factor<T>);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
