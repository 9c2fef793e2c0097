#include "cuda/kernels/coordinate_descent.cuh"
#include "cuda/kernels/observed.cuh"
#include "cuda/kernels/vectors.hpp"
#include "cuda/launch.hpp"

// Columns have as many entries as they have: teams of 8 lanes take the shortest, four at a time to a warp, warps longer
// ones, blocks of 128 and 512 threads the others, of which the longest are kept in memory. No more threads than are
// needed, since every one of them makes the step.
namespace orthant::cuda {
namespace {

constexpr int kSmallTeam = 8, kWarp = 32, kBlock = 128, kLargeBlock = 512;

// Entries that a thread of a team keeps in registers, and those of the columns that a team can have: of float 64, 256,
// 1024, 3072.
template <int kTeam, class T>
constexpr int kOwnEntries = (kTeam == kLargeBlock ? 24 : 32) / sizeof(T);
template <int kTeam, class T>
constexpr std::int64_t kMostEntries = kTeam* kOwnEntries<kTeam, T>;

// Components of a column of the fixed factor are read kVector at a time.
template <int kVector, bool kWeighted, class T>
struct SparseColumn {
  static constexpr int kComponents = 16 / sizeof(T);
  using Place = std::int32_t;

  const Compressed<T>& x;
  const device::Global<const std::int32_t> indices;
  const device::Global<const T> values, columns;
  const std::int64_t ld, begin;
  const int rank;
  const device::Global<T> fit;

  __device__ Entry<T> entry(std::int64_t e) const {
    const T weight = kWeighted ? weight_of(x, begin + e) : T(1);
    return {!kWeighted || weight > 0 ? static_cast<T>(values[begin + e]) : T(0), weight};
  }
  __device__ Place place(std::int64_t e) const { return indices[begin + e]; }
  struct From {
    device::Global<const T> columns;
    int left;  ///< components from there on
  };
  __device__ From first() const { return {columns, rank}; }
  __device__ void advance(From& from) const {
    from.columns += kComponents;
    from.left -= kComponents;
  }
  __device__ void read(const From& from, Place at, T (&h)[kComponents]) const {
    const device::Global<const T> column = from.columns + at * ld;
    ORTHANT_UNROLL_LOOP
    for (int v = 0; v < kComponents; v += kVector) {
      T some[kVector] = {};
      if (kVector == kComponents || v < from.left) device::load(column + v, some);
      ORTHANT_UNROLL_LOOP
      for (int q = 0; q < kVector; ++q) h[v + q] = some[q];
    }
  }
  __device__ T component(int c, std::int64_t e) const { return columns[place(e) * ld + c]; }
};

template <int kVector, class Step, class T>
struct Sparse {
  using Column = SparseColumn<kVector, Step::kWeighted, T>;

  Compressed<T> x;
  core::Factor<T> f;
  core::Factor<const T> fixed;
  Step step;
  Descent<T> descent;
  T* fits;  ///< a number for each entry

  __device__ Column column(std::int64_t begin) const {
    const device::Global<T> all_fits = fits;
    return {x, x.indices, x.values, fixed.data, fixed.ld, begin, fixed.rank, all_fits + begin};
  }
  __device__ device::Global<T> components(std::int64_t j) const { return device::Global<T>(f.data) + j * f.ld; }
  __device__ std::int64_t begin(std::int64_t j) const {
    const device::Global<const std::int64_t> offsets = x.offsets;
    return offsets[j];
  }
  __device__ std::int64_t length(std::int64_t j) const { return begin(j + 1) - begin(j); }
};

template <int kVector, class Step, class T>
__global__ void __launch_bounds__(kBlock, 4) sparse_short(Sparse<kVector, Step, T> s) {
  constexpr int kTeams = kWarp / kSmallTeam;
  TeamSums<kSmallTeam, Step::kSumsAway, T> sums_of_team;
  TeamSums<kWarp, Step::kSumsAway, T> sums_of_warp;
  const std::int64_t warps = static_cast<std::int64_t>(gridDim.x) * (kBlock / kWarp);
  const std::int64_t warp = static_cast<std::int64_t>(blockIdx.x) * (kBlock / kWarp) + threadIdx.x / kWarp;
  for (std::int64_t first = warp * kTeams; first < s.x.count; first += warps * kTeams) {
    const std::int64_t wanted = first + threadIdx.x % kWarp / kSmallTeam;
    const bool is_there = wanted < s.x.count;
    const std::int64_t j = is_there ? wanted : first;
    const std::int64_t length = s.length(j);
    const bool is_short = is_there && length <= kMostEntries<kSmallTeam, T>;
    if (device::any(is_short)) {
      const int count = is_short ? static_cast<int>(length) : 0;
      int most = count;
      ORTHANT_UNROLL_LOOP
      for (int lanes = kSmallTeam; lanes < kWarp; lanes *= 2) {
        const int other = device::shuffle_xor(most, lanes);
        most = most < other ? other : most;
      }
      descend_in_registers<kSmallTeam, kOwnEntries<kSmallTeam, T>>(
          sums_of_team, s.step, s.descent, s.f.rank, s.components(j), s.column(s.begin(j)), is_short, count, most);
    }
    const unsigned longer =
        device::ballot(is_there && length > kMostEntries<kSmallTeam, T> && length <= kMostEntries<kWarp, T>);
    for (int team = 0; team < kTeams; ++team) {
      if ((longer >> (team * kSmallTeam) & 1) == 0) continue;
      const int count = static_cast<int>(s.length(first + team));
      descend_in_registers<kWarp, kOwnEntries<kWarp, T>>(sums_of_warp, s.step, s.descent, s.f.rank,
                                                         s.components(first + team), s.column(s.begin(first + team)),
                                                         true, count, count);
    }
  }
}

// A block of kTeam threads for columns that are too long for the next smaller team.
template <int kTeam, int kVector, class Step, class T>
__global__ void __launch_bounds__(kTeam, kTeam == kBlock ? 4 : 1) sparse_long(Sparse<kVector, Step, T> s) {
  constexpr int kSmaller = kTeam == kBlock ? kWarp : kBlock;
  constexpr std::int64_t kShorter = kMostEntries<kSmaller, T>;
  TeamSums<kTeam, Step::kSumsAway, T> sums;
  ORTHANT_SHARED(std::int64_t, found, [kTeam]);
  ORTHANT_SHARED(int, number, [1]);
  // Neighbours are often as long: they go to different blocks.
  for (std::int64_t base = blockIdx.x; base < s.x.count; base += static_cast<std::int64_t>(gridDim.x) * kTeam) {
    if (threadIdx.x == 0) number[0] = 0;
    device::sync_block();
    const std::int64_t own = base + static_cast<std::int64_t>(gridDim.x) * threadIdx.x;
    const std::int64_t own_length = own < s.x.count ? s.length(own) : 0;
    const bool is_longer = own_length > kMostEntries<kTeam, T>;
    if (own_length > kShorter && (kTeam == kLargeBlock || !is_longer)) found[device::atomic_add(&number[0], 1)] = own;
    device::sync_block();
    const int columns = number[0];
    for (int i = 0; i < columns; ++i) {
      const std::int64_t j = found[i], length = s.length(j);
      const auto column = s.column(s.begin(j));
      if (kTeam == kBlock || length <= kMostEntries<kTeam, T>) {
        const int count = static_cast<int>(length);
        descend_in_registers<kTeam, kOwnEntries<kTeam, T>>(sums, s.step, s.descent, s.f.rank, s.components(j), column,
                                                           true, count, count);
      } else {
        descend_in_memory<kTeam>(sums, s.step, s.descent, s.f.rank, s.components(j), column, length);
      }
    }
    device::sync_block();
  }
}

}  // namespace

template <class T>
void descend_sparse(const Gpu& gpu, Compressed<T> x, std::int64_t longest, core::Factor<T> f,
                    core::Factor<const T> fixed, const Descent<T>& descent, T* scratch) {
  const auto run = [&]<int kVector, class Step>(const Step& step) {
    const Sparse<kVector, Step, T> sparse{x, f, fixed, step, descent, scratch};
    launch(gpu, "coordinate descent of short columns", sparse_short<kVector, Step, T>,
           grid_size(x.count, kBlock / kSmallTeam, kMostDescentBlocks), kBlock, 0, sparse);
    const auto run_long = [&]<int kTeam>() {
      launch(gpu, "coordinate descent of long columns", sparse_long<kTeam, kVector, Step, T>,
             grid_size(x.count, 1, 4 * kLargeBlock / kTeam * gpu.multiprocessors()), kTeam, 0, sparse);
    };
    if (longest > kMostEntries<kWarp, T>) run_long.template operator()<kBlock>();
    if (longest > kMostEntries<kBlock, T>) run_long.template operator()<kLargeBlock>();
  };
  with_step<T>(descent.divergence, [&]<class Step>(const Step& step) {
    const int vector = components_at_once(fixed);
    if (vector == 1) {
      run.template operator()<1>(step);
    } else if (vector == 2) {
      run.template operator()<2>(step);
    } else {
      run.template operator()<16 / sizeof(T)>(step);
    }
  });
}

#define ORTHANT_INSTANTIATE(T)                                                                                  \
  template void descend_sparse(const Gpu&, Compressed<T>, std::int64_t, core::Factor<T>, core::Factor<const T>, \
                               const Descent<T>&, T*);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
