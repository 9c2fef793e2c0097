#include <algorithm>

#include "cuda/kernels/coordinate_descent.cuh"
#include "cuda/kernels/entries.cuh"
#include "cuda/kernels/observed.cuh"
#include "cuda/launch.hpp"

namespace orthant::cuda {
namespace {

// Entries of a thread in registers, and of a column for so many threads: few threads with many entries each, since
// every one of them makes the step. More than 128 threads have fewer registers.
constexpr int own_entries(int threads, std::int64_t element_size) {
  return static_cast<int>((threads <= 128 ? 64 : 48) / element_size);
}
constexpr std::int64_t most_entries(int threads, std::int64_t element_size) {
  return threads * own_entries(threads, element_size);
}
constexpr int kMostThreads = 512, kMemoryThreads = 256;

// `of_lines`: columns of the factor belong to the lines of X, and not to its places.
template <class T>
struct DenseX {
  Entries<T> entries;
  std::int64_t ld;
  core::Observed<T> observed;
  bool of_lines;
};

template <bool kWeighted, class T>
struct DenseColumn {
  static constexpr int kComponents = 1;
  using Place = int;

  const DenseX<T>& x;
  const std::int64_t j;
  const device::Global<const T> fixed;
  const std::int64_t ld;

  __device__ Entry<T> entry(std::int64_t e) const {
    const std::int64_t line = x.of_lines ? j : e, place = x.of_lines ? e : j;
    const T value = x.entries[line * x.ld + place];
    if constexpr (kWeighted) {
      const T weight = weight_of(x.observed, value, line, place);
      return {weight == 0 ? T(0) : value, weight};
    } else {
      return {value, 1};
    }
  }
  __device__ Place place(std::int64_t e) const { return static_cast<Place>(e); }
  __device__ device::Global<const T> first() const { return fixed; }
  __device__ void advance(device::Global<const T>& component) const { component += ld; }
  __device__ void read(device::Global<const T> component, Place e, T (&h)[1]) const { h[0] = component[e]; }
  __device__ T component(int c, std::int64_t e) const { return fixed[c * ld + e]; }
};

template <int kTeam, class Step, class T>
__global__ void __launch_bounds__(kTeam)
    dense_short(DenseX<T> x, core::Factor<T> f, core::Factor<const T> fixed, Step step, Descent<T> descent) {
  const int count = fixed.rank;
  TeamSums<kTeam, Step::kSumsAway, T> sums;
  for (std::int64_t j = blockIdx.x; j < f.count; j += gridDim.x) {
    const DenseColumn<Step::kWeighted, T> column{x, j, fixed.data, fixed.ld};
    descend_in_registers<kTeam, own_entries(kTeam, sizeof(T))>(
        sums, step, descent, f.rank, device::Global<T>(f.data) + j * f.ld, column, true, count, count);
  }
}

// What a block keeps in its part of the scratch: fits and, unless entries of a column lie together, values and weights,
// so that X is read once.
template <bool kWeighted, class T>
struct KeptColumn {
  const DenseColumn<kWeighted, T> column;
  const bool keeps_entries;
  const device::Global<T> fit, values, weights;

  // Before all else.
  __device__ void keep(std::int64_t count) const {
    if (!keeps_entries) return;
    for (std::int64_t e = threadIdx.x; e < count; e += blockDim.x) {
      const Entry<T> given = column.entry(e);
      values[e] = given.value;
      if constexpr (kWeighted) weights[e] = given.weight;
    }
  }
  __device__ Entry<T> entry(std::int64_t e) const {
    if (!keeps_entries) return column.entry(e);
    return {values[e], kWeighted ? static_cast<T>(weights[e]) : T(1)};
  }
  __device__ T component(int c, std::int64_t e) const { return column.component(c, e); }
};

constexpr std::int64_t kept_numbers(bool of_lines, bool weighted) { return of_lines ? 1 : weighted ? 3 : 2; }

template <class Step, class T>
__global__ void __launch_bounds__(kMemoryThreads, 2)
    dense_long(DenseX<T> x, core::Factor<T> f, core::Factor<const T> fixed, Step step, Descent<T> descent, T* scratch) {
  const device::Global<T> all = scratch;
  const std::int64_t count = fixed.rank;
  TeamSums<kMemoryThreads, Step::kSumsAway, T> sums;
  const device::Global<T> own = all + blockIdx.x * (kept_numbers(x.of_lines, Step::kWeighted) * count);
  for (std::int64_t j = blockIdx.x; j < f.count; j += gridDim.x) {
    const KeptColumn<Step::kWeighted, T> column{
        {x, j, fixed.data, fixed.ld}, !x.of_lines, own, own + count, own + 2 * count};
    column.keep(count);
    descend_in_memory<kMemoryThreads>(sums, step, descent, f.rank, device::Global<T>(f.data) + j * f.ld, column, count);
  }
}

// Few blocks, since they keep columns in memory: as many as fit into a few times the factors.
unsigned long_blocks(const Gpu& gpu, int rank, std::int64_t count, std::int64_t fixed_count, std::int64_t numbers) {
  const std::int64_t fit = kDescentScratch * rank * (count + fixed_count) / numbers;
  return grid_size(count, 1, std::clamp<std::int64_t>(fit, 1, 4 * gpu.multiprocessors()));
}

}  // namespace

std::int64_t dense_descent_scratch(const Gpu& gpu, int rank, std::int64_t count, std::int64_t fixed_count,
                                   bool of_lines, bool complete, int element_size) {
  if (fixed_count <= most_entries(kMostThreads, element_size)) return 0;
  const std::int64_t numbers = kept_numbers(of_lines, !complete) * fixed_count;
  return long_blocks(gpu, rank, count, fixed_count, numbers) * numbers;
}

template <class S, class T>
void descend_dense(const Gpu& gpu, const S* x, std::int64_t ld, const core::Observed<T>& observed, bool of_lines,
                   core::Factor<T> f, core::Factor<const T> fixed, const Descent<T>& descent, T* scratch) {
  const DenseX<T> entries{Entries<T>(x), ld, observed, of_lines};
  const std::int64_t count = fixed.rank;
  with_step<T>(descent.divergence, [&]<class Step>(const Step& step) {
    const auto in_registers = [&]<int kTeam>() {
      launch(gpu, "coordinate descent of columns in registers", dense_short<kTeam, Step, T>,
             grid_size(f.count, 1, kMostDescentBlocks), kTeam, 0, entries, f, fixed, step, descent);
    };
    if (count <= most_entries(32, sizeof(T))) {
      in_registers.template operator()<32>();
    } else if (count <= most_entries(128, sizeof(T))) {
      in_registers.template operator()<128>();
    } else if (count <= most_entries(kMostThreads, sizeof(T))) {
      in_registers.template operator()<kMostThreads>();
    } else {
      const std::int64_t numbers = kept_numbers(of_lines, Step::kWeighted) * count;
      launch(gpu, "coordinate descent of columns in memory", dense_long<Step, T>,
             long_blocks(gpu, f.rank, f.count, count, numbers), kMemoryThreads, 0, entries, f, fixed, step, descent,
             scratch);
    }
  });
}

#define ORTHANT_INSTANTIATE_STORED(S, T)                                                                           \
  template void descend_dense(const Gpu&, const S*, std::int64_t, const core::Observed<T>&, bool, core::Factor<T>, \
                              core::Factor<const T>, const Descent<T>&, T*);
#define ORTHANT_INSTANTIATE(T)                \
  ORTHANT_INSTANTIATE_STORED(T, T)            \
  ORTHANT_INSTANTIATE_STORED(std::uint8_t, T) \
  ORTHANT_INSTANTIATE_STORED(Fp16, T)         \
  ORTHANT_INSTANTIATE_STORED(Bf16, T)
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
