#include "cuda/kernels/coordinate_descent.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "cuda/kernels/entries.cuh"
#include "cuda/kernels/observed.cuh"
#include "cuda/launch.hpp"
#include "host/core/coordinate_step.hpp"

// A block takes a column of the factor and keeps the fit of its entries up to date while it goes over the components.
// Every entry belongs to one thread, and the column itself to thread 0, so that the threads meet in sums only.
namespace orthant::cuda {

using core::Pull;

namespace {

constexpr int kMostThreads = 256, kLanes = 32;
constexpr std::int64_t kLongColumn = 2048;  // entries beyond which a long segment has a block of kMostThreads

/// The sum over the threads, in the same order on each of them. `own`: thread 0's, for all.
template <class T>
__device__ Pull<T> sum_over_block(Pull<T> pull, T& own) {
  ORTHANT_SHARED(T, parts, [kMostThreads / kLanes][3]);
  ORTHANT_SHARED(T, of_first, [1]);
  for (int step = kLanes / 2; step > 0; step /= 2) {
    pull.toward += device::shuffle_xor(pull.toward, step);
    pull.away += device::shuffle_xor(pull.away, step);
    pull.curvature += device::shuffle_xor(pull.curvature, step);
  }
  if (threadIdx.x % kLanes == 0) {
    const unsigned warp = threadIdx.x / kLanes;
    parts[warp][0] = pull.toward;
    parts[warp][1] = pull.away;
    parts[warp][2] = pull.curvature;
  }
  if (threadIdx.x == 0) of_first[0] = own;
  device::sync_block();
  Pull<T> sum{};
  for (unsigned w = 0; w < blockDim.x / kLanes; ++w) {
    sum.toward += parts[w][0];
    sum.away += parts[w][1];
    sum.curvature += parts[w][2];
  }
  own = of_first[0];
  device::sync_block();  // before the next sum
  return sum;
}

template <class T>
struct Entry {
  T value, weight;  // the value is 0 where the weight is
};

// How an entry with fit v adds to a Pull; without weights what pushes away is known.
template <bool kHasWeights, class T>
struct KullbackLeiblerStep {
  static constexpr bool kWeighted = kHasWeights;
  T floor;

  __device__ void add(const Entry<T>& x, T h, T v, Pull<T>& pull) const {
    const T scaled = h / (v < floor ? floor : v);
    const T term = kWeighted ? x.weight * (x.value * scaled) : x.value * scaled;
    pull.toward += term;
    if constexpr (kWeighted) pull.away += x.weight * h;
    pull.curvature += term * scaled;
  }
  __device__ T next(T f, const Pull<T>& p, T l1, T l2) const {
    return core::kullback_leibler_step(f, p, floor, l1, l2);
  }
};

template <class T>
struct SquaredStep {
  static constexpr bool kWeighted = true;

  __device__ void add(const Entry<T>& x, T h, T v, Pull<T>& pull) const {
    const T weighted = x.weight * h;
    pull.toward += weighted * (x.value - v);
    pull.curvature += weighted * h;
  }
  __device__ T next(T f, const Pull<T>& p, T l1, T l2) const { return core::squared_step(f, p, l1, l2); }
};

// `column`: its entries [0, count), entry(e), their fits, fit[e], and what the fixed factor has for them: component(c,
// e) after prepare(c0), for some components from c0 on, a multiple of so many.
template <class Step, class T, class Column>
__device__ void descend_column(const Step& step, const Descent<T>& d, int rank, device::Global<T> f, Column& column) {
  const device::Global<const T> fixed_sums = d.fixed_sums;
  const T l1 = static_cast<T>(d.penalty.l1), l2 = static_cast<T>(d.penalty.l2);
  const std::int64_t count = column.count;
  const int prepared = column.prepared(rank);
  bool counts = false;
  for (int c0 = 0; c0 < rank; c0 += prepared) {
    column.prepare(c0);
    const int end = c0 + prepared < rank ? c0 + prepared : rank;
    for (std::int64_t e = threadIdx.x; e < count; e += blockDim.x) {
      T v = c0 > 0 ? static_cast<T>(column.fit[e]) : T(0);
      for (int c = c0; c < end; ++c) v += static_cast<T>(f[c]) * column.component(c, e);
      column.fit[e] = v;
      if constexpr (Step::kWeighted) counts = counts || (c0 == 0 && column.entry(e).weight > 0);
    }
  }
  if constexpr (Step::kWeighted) {
    T unused = 0;
    if (!(sum_over_block<T>({counts ? T(1) : T(0), 0, 0}, unused).toward > 0)) {
      for (int c = static_cast<int>(threadIdx.x); c < rank; c += static_cast<int>(blockDim.x)) f[c] = 0;
      return;
    }
  }
  for (int sweep = 0; sweep < d.sweeps; ++sweep) {
    for (int c = 0; c < rank; ++c) {
      if (c % prepared == 0) column.prepare(c);
      T old = threadIdx.x == 0 ? static_cast<T>(f[c]) : T(0);
      Pull<T> pull{};
      for (std::int64_t e = threadIdx.x; e < count; e += blockDim.x) {
        step.add(column.entry(e), column.component(c, e), static_cast<T>(column.fit[e]), pull);
      }
      pull = sum_over_block(pull, old);  // all have read f by the first of these
      if constexpr (!Step::kWeighted) pull.away = static_cast<T>(fixed_sums[c]);
      T next = step.next(old, pull, l1, l2);
      if (next < std::numeric_limits<T>::min()) next = 0;  // NaN stays
      if (next == old) continue;
      for (std::int64_t e = threadIdx.x; e < count; e += blockDim.x) {
        column.fit[e] += (next - old) * column.component(c, e);
      }
      if (threadIdx.x == 0) f[c] = next;
    }
  }
}

// Numbers that are kept for each entry of dense X: fit, value, weight.
constexpr int kept_numbers(bool complete) { return complete ? 2 : 3; }

// Entries are read once if they are kept, and otherwise again for each component.
template <class T>
struct DenseX {
  Entries<T> entries;
  std::int64_t ld;
  core::Observed<T> observed;
  bool of_lines;
  bool keeps_entries;
  std::int64_t numbers;  ///< of a block: its fits and what it keeps of entries
};

template <class T, class Memory, bool kWeighted>
struct DenseColumn {
  const DenseX<T>& x;
  const std::int64_t j, count;
  const device::Global<const T> components;
  const std::int64_t components_ld;
  const Memory fit, values, weights;

  // Before all else.
  __device__ void keep() {
    if (!x.keeps_entries) return;
    for (std::int64_t e = threadIdx.x; e < count; e += blockDim.x) {
      const Entry<T> given = read(e);
      values[e] = given.value;
      if constexpr (kWeighted) weights[e] = given.weight;
    }
  }

  __device__ Entry<T> read(std::int64_t e) const {
    const std::int64_t line = x.of_lines ? j : e, place = x.of_lines ? e : j;
    const T value = x.entries[line * x.ld + place];
    if constexpr (kWeighted) {
      const T weight = weight_of(x.observed, value, line, place);
      return {weight == 0 ? T(0) : value, weight};
    } else {
      return {value, 1};
    }
  }
  __device__ Entry<T> entry(std::int64_t e) const {
    if (!x.keeps_entries) return read(e);
    return {values[e], kWeighted ? static_cast<T>(weights[e]) : T(1)};
  }

  __device__ int prepared(int rank) const { return rank; }
  __device__ void prepare(int) const {}
  __device__ T component(int c, std::int64_t e) const { return components[c * components_ld + e]; }
};

// What a block keeps: in shared memory, or in its part of the scratch.
template <bool kInShared, class T>
__device__ auto own_memory(T* scratch, std::int64_t numbers) {
  if constexpr (kInShared) {
    ORTHANT_DYNAMIC_SHARED(T, own);
    return own;
  } else {
    const device::Global<T> all = scratch;
    return all + blockIdx.x * numbers;
  }
}

template <bool kInShared, class Step, class T>
__global__ void __launch_bounds__(kMostThreads, 2)
    dense(DenseX<T> x, core::Factor<T> f, core::Factor<const T> fixed, Step step, Descent<T> descent, T* scratch) {
  using Memory = std::conditional_t<kInShared, device::Shared<T>, device::Global<T>>;
  const Memory own = own_memory<kInShared>(scratch, x.numbers);
  const std::int64_t count = fixed.rank;
  for (std::int64_t j = blockIdx.x; j < f.count; j += gridDim.x) {
    DenseColumn<T, Memory, Step::kWeighted> column{x,        j,   count,       fixed.data,
                                                   fixed.ld, own, own + count, own + 2 * count};
    column.keep();
    descend_column<Step, T>(step, descent, f.rank, f.data + j * f.ld, column);
  }
}

// Columns of the fixed factor lie together, so that reading one component of each would take a whole sector for it: as
// many as a sector has go through shared memory at a time, where a column has no more entries than `staged`.
template <class T>
struct Staging {
  static constexpr int kComponents = 32 / sizeof(T);

  int staged;
  /// From one component to the next: the lanes that store kComponents of some entries do so in different banks.
  __device__ int stride() const { return staged + 4; }
  std::size_t bytes() const { return 32 * (static_cast<std::size_t>(staged) + 4); }
};

template <class T, bool kWeighted>
struct SparseColumn {
  const Compressed<T>& x;
  const core::Factor<const T>& fixed;
  const device::Global<const std::int32_t> indices;
  const device::Global<const T> values, columns;
  const std::int64_t count, begin;
  const device::Global<T> fit;
  const device::Shared<T> stage;
  const int stride;
  const bool is_staged;
  int first = -1;  // of the components in `stage`

  __device__ Entry<T> entry(std::int64_t e) const {
    const T weight = kWeighted ? weight_of(x, begin + e) : T(1);
    return {!kWeighted || weight > 0 ? static_cast<T>(values[begin + e]) : T(0), weight};
  }

  __device__ int prepared(int) const { return Staging<T>::kComponents; }
  __device__ void prepare(int c0) {
    constexpr int kComponents = Staging<T>::kComponents;
    if (!is_staged || c0 == first) return;
    first = c0;
    device::sync_block();  // of those before them
    for (int i = static_cast<int>(threadIdx.x); i < count * kComponents; i += static_cast<int>(blockDim.x)) {
      const int e = i / kComponents, c = i % kComponents;
      if (c0 + c < fixed.rank) stage[c * stride + e] = columns[indices[begin + e] * fixed.ld + c0 + c];
    }
    device::sync_block();
  }
  __device__ T component(int c, std::int64_t e) const {
    if (is_staged) return stage[(c - first) * stride + e];
    return columns[indices[begin + e] * fixed.ld + c];
  }
};

// `of_long`: the columns beyond kLongColumn, all of them long segments, which the other launch leaves out.
template <class Step, class T>
__global__ void __launch_bounds__(kMostThreads, 2)
    sparse(Compressed<T> x, LongSegments parts, bool of_long, core::Factor<T> f, core::Factor<const T> fixed, Step step,
           Descent<T> descent, Staging<T> staging, T* scratch) {
  ORTHANT_DYNAMIC_SHARED(T, stage);
  const device::Global<const std::int64_t> offsets = x.offsets;
  const device::Global<const std::int32_t> part_segment = parts.segment, part_first = parts.first;
  const device::Global<T> fits = scratch;
  const std::int64_t tasks = of_long ? parts.parts : x.count;
  for (std::int64_t task = blockIdx.x; task < tasks; task += gridDim.x) {
    if (of_long && part_first[task] != task) continue;
    const std::int64_t j = of_long ? static_cast<std::int64_t>(part_segment[task]) : task;
    const std::int64_t begin = offsets[j], count = static_cast<std::int64_t>(offsets[j + 1]) - begin;
    if ((count > kLongColumn && count > parts.length) != of_long) continue;
    SparseColumn<T, Step::kWeighted> column{x,
                                            fixed,
                                            x.indices,
                                            x.values,
                                            fixed.data,
                                            count,
                                            begin,
                                            fits + begin,
                                            stage,
                                            staging.stride(),
                                            count <= staging.staged};
    descend_column<Step, T>(step, descent, f.rank, f.data + j * f.ld, column);
  }
}

constexpr std::int64_t kSharedBytes = 47 << 10;  // what every device offers without asking, beside that of sums
constexpr std::int64_t kMostBlocks = 1 << 20;

struct DenseLaunch {
  bool in_shared, keeps_entries;
  std::int64_t numbers;  // that a block keeps
  unsigned blocks;
  int threads;

  std::int64_t scratch() const { return in_shared ? 0 : blocks * numbers; }
};

// Few blocks where columns are long and therefore kept in global memory: as many as fit into a few times the factors.
DenseLaunch choose(const Gpu& gpu, int rank, std::int64_t count, std::int64_t fixed_count, bool of_lines, bool complete,
                   std::int64_t element_size) {
  const std::int64_t room = kSharedBytes / element_size, all = kept_numbers(complete) * fixed_count;
  const int threads = fixed_count <= 256 ? 32 : fixed_count <= 2048 ? 128 : kMostThreads;
  const bool keeps_all = all <= room;
  const bool keeps_entries = keeps_all || !of_lines;  // those of a place are far apart
  const std::int64_t numbers = keeps_entries ? all : fixed_count;
  if (numbers <= room) return {true, keeps_entries, numbers, grid_size(count, 1, kMostBlocks), threads};
  const std::int64_t fit = kDescentScratch * rank * (count + fixed_count) / numbers;
  const std::int64_t most = std::min<std::int64_t>(std::max<std::int64_t>(fit, 1), 4 * gpu.multiprocessors());
  return {false, keeps_entries, numbers, grid_size(count, 1, most), threads};
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

std::int64_t dense_descent_scratch(const Gpu& gpu, int rank, std::int64_t count, std::int64_t fixed_count,
                                   bool of_lines, bool complete, int element_size) {
  return choose(gpu, rank, count, fixed_count, of_lines, complete, element_size).scratch();
}

template <class S, class T>
void descend_dense(const Gpu& gpu, const S* x, std::int64_t ld, const core::Observed<T>& observed, bool of_lines,
                   core::Factor<T> f, core::Factor<const T> fixed, const Descent<T>& descent, T* scratch) {
  const DenseLaunch chosen = choose(gpu, f.rank, f.count, fixed.rank, of_lines, descent.divergence.complete, sizeof(T));
  const DenseX<T> entries{Entries<T>(x), ld, observed, of_lines, chosen.keeps_entries, chosen.numbers};
  with_step<T>(descent.divergence, [&]<class Step>(const Step& step) {
    const auto kernel = chosen.in_shared ? dense<true, Step, T> : dense<false, Step, T>;
    launch(gpu, "coordinate descent", kernel, chosen.blocks, chosen.threads,
           chosen.in_shared ? static_cast<std::size_t>(chosen.numbers) * sizeof(T) : 0, entries, f, fixed, step,
           descent, scratch);
  });
}

template <class T>
void descend_sparse(const Gpu& gpu, Compressed<T> x, LongSegments parts, core::Factor<T> f, core::Factor<const T> fixed,
                    const Descent<T>& descent, T* scratch) {
  const bool has_few = x.nonzeros <= 128 * x.count;  // entries in a column
  const Staging<T> staging{has_few ? 256 : 1024};
  with_step<T>(descent.divergence, [&]<class Step>(const Step& step) {
    const auto run = [&](bool of_long, std::int64_t tasks, int threads, const Staging<T>& s) {
      launch(gpu, "coordinate descent of sparse X", sparse<Step, T>, grid_size(tasks, 1, kMostBlocks), threads,
             s.bytes(), x, parts, of_long, f, fixed, step, descent, s, scratch);
    };
    run(false, x.count, has_few ? 32 : 128, staging);
    if (parts.parts > 0) run(true, parts.parts, kMostThreads, {0});
  });
}

#define ORTHANT_INSTANTIATE_STORED(S, T)                                                                           \
  template void descend_dense(const Gpu&, const S*, std::int64_t, const core::Observed<T>&, bool, core::Factor<T>, \
                              core::Factor<const T>, const Descent<T>&, T*);
#define ORTHANT_INSTANTIATE(T)                                                                                  \
  ORTHANT_INSTANTIATE_STORED(T, T)                                                                              \
  ORTHANT_INSTANTIATE_STORED(std::uint8_t, T)                                                                   \
  ORTHANT_INSTANTIATE_STORED(Fp16, T)                                                                           \
  ORTHANT_INSTANTIATE_STORED(Bf16, T)                                                                           \
  template void descend_sparse(const Gpu&, Compressed<T>, LongSegments, core::Factor<T>, core::Factor<const T>, \
                               const Descent<T>&, T*);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
