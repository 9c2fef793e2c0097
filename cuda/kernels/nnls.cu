#include "cuda/kernels/nnls.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "cuda/kernels/factor_update.hpp"
#include "cuda/launch.hpp"
#include "host/core/pivoting.hpp"

// A team of threads takes a column from its first passive set to the last: a warp up to rank 64, above a block. The
// members of the set are numbered, and row a of Cholesky's factor belongs to thread a modulo the team; r is one row
// more, which the elimination turns into the substitution forwards. All in double: the signs of small numbers decide
// where a column goes next, Gram matrices of fits are ill conditioned, and the solution shall be exact in T. (The Gram
// matrix is of T, and powers of two scale it without rounding.)
namespace orthant::cuda {
namespace {

/// Who solves a column, and where its triangle is: a warp with that and the Gram matrix in shared memory, a block with
/// the triangle there, or a block with it in global memory.
enum class Place { warp, block, global };

constexpr int kThreads = 64;
constexpr int kWarpRank = 64;      // the largest rank of a warp
constexpr int kMostBlocks = 4096;  // of a grid

// Of Place::global: triangles, each of a block. One for each multiprocessor; more as long as all are about as large as
// the L2 of a device.
constexpr std::int64_t kMostTriangles = 8;             // of a multiprocessor
constexpr std::int64_t kMostTriangleValues = 8 << 20;  // of all

template <class T>
struct Arguments {
  T* f;
  const T* r;
  const T* gram;
  std::int64_t f_ld, r_ld, count;
  int rank;
  double l1, l2;
  core::PivotingTolerance tolerance;
  NnlsResult* result;
  double* triangles;  // of Place::global, one per block
};

// Entries of so many rows of a triangle, packed: consecutive rows begin in distinct banks.
__host__ __device__ constexpr std::int64_t packed(int rows) { return static_cast<std::int64_t>(rows) * (rows + 1) / 2; }

// Doubles of dynamic shared memory: what a block has once (G, of T; scales), and each team (x, r; its triangle).
template <class T>
__host__ __device__ constexpr std::int64_t gram_values(Place place, int rank) {
  if (place != Place::warp) return 0;
  constexpr std::int64_t kInDouble = sizeof(double) / sizeof(T);
  return (static_cast<std::int64_t>(rank) * rank + kInDouble - 1) / kInDouble;
}
template <class T>
__host__ __device__ constexpr std::int64_t block_values(Place place, int rank) {
  return gram_values<T>(place, rank) + rank;
}
__host__ __device__ constexpr std::int64_t team_values(Place place, int rank) {
  return 2 * rank + (place == Place::global ? 0 : packed(rank + 1));
}

__device__ inline int count_bits(unsigned word) {
  int count = 0;
  for (; word != 0; word &= word - 1) ++count;
  return count;
}

template <Place kPlace, class T>
struct Team {
  static constexpr int kSize = kPlace == Place::warp ? 32 : kThreads;
  using Triangle = std::conditional_t<kPlace == Place::global, device::Global<double>, device::Shared<double>>;

  // Of this thread.
  int thread, lane;
  // Of the block: powers of two by which components are scaled; G, so scaled (of a warp) or as it is. Whole, without
  // l2: lanes go along its columns, from banks of their own where all components are members.
  device::Shared<double> scale;
  device::Shared<T> scaled_gram;
  device::Global<const T> gram;
  double l2;
  int rank, words;
  // Of the team: the solution and the products, scaled; rows of the factor, the diagonal inverted; the members; by 32
  // components each, who is passive, and a set of flags; a number for each warp, twice.
  device::Shared<double> x, r;
  Triangle l;
  device::Shared<int> members;
  device::Shared<unsigned> passive, flags;
  device::Shared<double> parts;

  static __device__ void sync() {
    if constexpr (kPlace == Place::warp) {
      device::sync_warp();
    } else {
      device::sync_block();
    }
  }

  // function(c, word, c < rank) for the components of this thread, in steps that the warp makes together.
  template <class Function>
  __device__ void for_components(Function&& function) const {
    for (int word = thread / 32; word < words; word += kSize / 32) {
      const int c = 32 * word + lane;
      function(c, word, c < rank);
    }
  }

  // The largest over the team, by all.
  __device__ double largest(double value) const {
    for (int step = 16; step > 0; step /= 2) {
      const double other = device::shuffle_xor(value, step);
      value = other > value ? other : value;
    }
    if constexpr (kPlace != Place::warp) {
      device::sync_block();
      if (lane == 0) parts[thread / 32] = value;
      device::sync_block();
      const double first = parts[0], second = parts[1];
      value = first > second ? first : second;
    }
    return value;
  }

  // G + l2 I, scaled. Of a warp's lanes each has an a of its own, and all have the same b.
  __device__ double entry(int a, int b) const {
    if constexpr (kPlace == Place::warp) {
      const double value = static_cast<T>(scaled_gram[b * rank + a]), unit = scale[b];
      return a == b ? value + l2 * unit * unit : value;
    } else {
      const T value = gram[static_cast<std::int64_t>(b) * rank + a];
      return (static_cast<double>(value) + (a == b ? l2 : 0)) * static_cast<double>(scale[a]) *
             static_cast<double>(scale[b]);
    }
  }

  // Where an entry of the factor is, and how far it is from there to the next column: by rows in shared memory, and in
  // global memory by columns, along which the lanes read together.
  static __device__ std::int64_t place(int row, int column, int size) {
    if constexpr (kPlace == Place::global) {
      return static_cast<std::int64_t>(column) * (2 * size + 1 - column) / 2 + row;
    } else {
      return packed(row) + column;
    }
  }
  static __device__ int to_next_column(int column, int size) { return kPlace == Place::global ? size - column : 1; }

  // Numbers the passive components; returns how many there are.
  __device__ int find_members() const {
    for_components([&](int c, int word, bool inside) {
      int before = 0;
      for (int w = 0; w < word; ++w) before += count_bits(passive[w]);
      const unsigned own = passive[word];
      if ((own >> lane & 1) != 0) members[before + count_bits(own & ((1u << lane) - 1))] = c;
      if (inside) x[c] = 0;
    });
    int size = 0;
    for (int word = 0; word < words; ++word) size += count_bits(passive[word]);
    sync();
    return size;
  }

  // Cholesky's factor of the members, and its solution for r in the row below. False if a pivot is singular and there
  // is no ridge; in spite of one the component is left at 0.
  __device__ bool factorize(int size, double singular, double ridge) const {
    for (int b = 0; b < size; ++b) {
      const int cb = members[b];
      const int first = b + (thread - b % kSize + kSize) % kSize;  // row of this thread, from b on
      for (int a = first; a <= size; a += kSize) {
        double sum = a < size ? entry(members[a], cb) : static_cast<double>(r[cb]);
        std::int64_t of_a = place(a, 0, size), of_b = place(b, 0, size);
        for (int m = 0; m < b; ++m) {
          sum -= static_cast<double>(l[of_a]) * static_cast<double>(l[of_b]);
          of_a += to_next_column(m, size);
          of_b += to_next_column(m, size);
        }
        l[of_a] = sum;
        if (a == b) parts[2] = sum;
      }
      sync();
      const double diagonal = entry(cb, cb), pivot = static_cast<double>(parts[2]) + ridge * diagonal;
      const bool usable = pivot > singular * diagonal;
      if (!usable && ridge == 0) return false;
      const double inverse = usable ? 1 / sqrt(pivot) : 0;
      for (int a = first; a <= size; a += kSize) {
        const std::int64_t at = place(a, b, size);
        l[at] = a == b ? inverse : static_cast<double>(l[at]) * inverse;
      }
      sync();
    }
    return true;
  }

  // From the row below to x.
  __device__ void substitute(int size) const {
    for (int b = size - 1; b >= 0; --b) {
      const double xb = static_cast<double>(l[place(size, b, size)]) * static_cast<double>(l[place(b, b, size)]);
      if (thread == 0) x[members[b]] = xb;
      for (int a = thread; a < b; a += kSize) l[place(size, a, size)] -= static_cast<double>(l[place(b, a, size)]) * xb;
      sync();
    }
  }

  // Entry c of G x - r, scaled.
  __device__ double slope(int c, int size) const {
    double sum = -static_cast<double>(r[c]);
    for (int b = 0; b < size; ++b) {
      const int m = members[b];
      sum += entry(c, m) * static_cast<double>(x[m]);
    }
    return sum;
  }

  // Flags the components whose sign is wrong by more than noise; returns how many there are, and how many of them are
  // passive.
  struct Infeasible {
    int count = 0, negative = 0;
  };
  __device__ Infeasible find_infeasible(int size, double noise) const {
    for_components([&](int c, int word, bool inside) {
      bool wrong = false;
      if (inside) {
        const bool is_passive = (static_cast<unsigned>(passive[word]) >> lane & 1) != 0;
        wrong = (is_passive ? static_cast<double>(x[c]) : slope(c, size)) < -noise;
      }
      const unsigned found = device::ballot(wrong);
      if (lane == 0) flags[word] = found;
    });
    sync();
    Infeasible found;
    for (int word = 0; word < words; ++word) {
      const unsigned wrong = flags[word];
      found.count += count_bits(wrong);
      found.negative += count_bits(wrong & static_cast<unsigned>(passive[word]));
    }
    return found;
  }

  // The flagged components, those of them that are passive, or the last of them change sides.
  __device__ void exchange(core::Pivoting::Next which) const {
    using Next = core::Pivoting::Next;
    sync();  // all threads have counted what is passive
    if (thread == 0) {
      for (int word = words - 1; word >= 0; --word) {
        unsigned changed = flags[word];
        if (which == Next::exchange_negative) changed &= static_cast<unsigned>(passive[word]);
        while (which == Next::exchange_last && (changed & (changed - 1)) != 0) changed &= changed - 1;
        passive[word] = passive[word] ^ changed;
        if (which == Next::exchange_last && changed != 0) break;
      }
    }
    sync();
  }
};

template <Place kPlace, class T>
__device__ void solve_column(const Team<kPlace, T>& team, const Arguments<T>& a, std::int64_t column) {
  using Next = core::Pivoting::Next;
  const device::Global<T> f = a.f + column * a.f_ld;
  const device::Global<const T> r = a.r + column * a.r_ld;
  double size_of_r = 0;
  team.for_components([&](int c, int word, bool inside) {
    bool starts = false, nonzero = false;
    if (inside) {
      const T product = r[c];
      const double scale = team.scale[c], scaled = scale * (static_cast<double>(product) - a.l1);
      team.r[c] = scaled;
      size_of_r = fmax(size_of_r, fabs(scaled));
      nonzero = product != T(0);
      starts = static_cast<T>(f[c]) > T(0) && scale > 0;
    }
    const unsigned passive = device::ballot(starts), flags = device::ballot(nonzero);
    if (team.lane == 0) {
      team.passive[word] = passive;
      team.flags[word] = flags;
    }
  });
  team.sync();
  unsigned nonzero = 0;
  for (int word = 0; word < team.words; ++word) nonzero |= static_cast<unsigned>(team.flags[word]);
  const double largest = team.largest(size_of_r);
  core::Pivoting pivoting(a.rank);
  int size = 0;
  for (bool done = false; !done;) {
    size = team.find_members();
    const bool solved = team.factorize(size, a.tolerance.singular, pivoting.ridge ? a.tolerance.ridge : 0);
    typename Team<kPlace, T>::Infeasible infeasible;
    if (solved) {
      team.substitute(size);
      infeasible = team.find_infeasible(size, largest * (pivoting.ridge ? a.tolerance.ridge : a.tolerance.noise));
    }
    const Next next = pivoting.next(infeasible.count, infeasible.negative, !solved);
    done = next == Next::done;
    if (next == Next::solve_again) {
      team.sync();
    } else if (!done) {
      team.exchange(next);
    }
  }
  // As it is stored, x goes back to where the slopes are taken from.
  team.for_components([&](int c, int, bool inside) {
    if (!inside) return;
    const double scale = team.scale[c];
    // Without curvature any value is a minimum, unless the slope decides.
    if (scale == 0 && nonzero != 0 && static_cast<double>(static_cast<T>(r[c])) >= a.l1) return;
    const double x = scale * static_cast<double>(team.x[c]);
    const T stored = x > 0 ? static_cast<T>(x) : T(0);
    f[c] = stored;
    team.x[c] = scale > 0 ? static_cast<double>(stored) / scale : 0;
  });
  if (a.result == nullptr) return;
  team.sync();
  double worst = 0, size_of_product = 0;
  team.for_components([&](int c, int, bool inside) {
    if (!inside) return;
    const double scale = team.scale[c], product = static_cast<double>(static_cast<T>(r[c])) - a.l1;
    const double slope = scale > 0 ? team.slope(c, size) / scale : -product;
    worst = fmax(worst, fabs(fmin(static_cast<double>(static_cast<T>(f[c])), slope)));
    size_of_product = fmax(size_of_product, fabs(product));
  });
  worst = team.largest(worst);
  size_of_product = team.largest(size_of_product);
  if (team.thread == 0) {
    const double residual = size_of_product > 0 ? worst / size_of_product : worst;
    // Numbers that are not negative have the order of their bits.
    device::atomic_max(reinterpret_cast<unsigned long long*>(&a.result->kkt_residual),
                       std::bit_cast<unsigned long long>(residual));
    if (pivoting.ridge) {
      device::atomic_add(reinterpret_cast<unsigned long long*>(&a.result->regularized), 1ull);
    }
  }
}

constexpr std::size_t kFixed = 5 << 10;  // bytes of the kernel's arrays of fixed size, at most

// The start of the dynamic shared memory, as numbers of T.
template <class T>
__device__ device::Shared<T> start_of_shared() {
  ORTHANT_DYNAMIC_SHARED(T, memory);
  return memory;
}

// Ten blocks of warps: so many have room at rank 32 in the 164 KiB that a multiprocessor of an A100 has.
template <Place kPlace, class T>
__global__ void __launch_bounds__(kThreads, kPlace == Place::warp ? 10 : 8) solve(Arguments<T> a) {
  using T1 = Team<kPlace, T>;
  constexpr int kTeams = kThreads / T1::kSize, kMost = kPlace == Place::warp ? kWarpRank : kMaxRank;
  ORTHANT_SHARED(int, members, [kTeams][kMost]);
  ORTHANT_SHARED(unsigned, passive, [kTeams][kMost / 32]);
  ORTHANT_SHARED(unsigned, flags, [kTeams][kMost / 32]);
  ORTHANT_SHARED(double, parts, [kTeams][3]);
  static_assert(kTeams * (kMost * sizeof(int) + 2 * (kMost / 32) * sizeof(unsigned) + 3 * sizeof(double)) <= kFixed);
  const int k = a.rank, number = static_cast<int>(threadIdx.x) / T1::kSize;
  const int teams = static_cast<int>(blockDim.x) / T1::kSize;
  T1 team;
  team.thread = static_cast<int>(threadIdx.x) % T1::kSize;
  team.lane = static_cast<int>(threadIdx.x) % 32;
  team.scaled_gram = start_of_shared<T>();
  team.scale = start_of_shared<double>() + gram_values<T>(kPlace, k);
  team.gram = a.gram;
  team.l2 = a.l2;
  team.rank = k;
  team.words = (k + 31) / 32;
  team.x = team.scale + (k + number * team_values(kPlace, k));
  team.r = team.x + k;
  if constexpr (kPlace == Place::global) {
    team.l = a.triangles + blockIdx.x * packed(k + 1);
  } else {
    team.l = team.r + k;
  }
  team.members = members[number];
  team.passive = passive[number];
  team.flags = flags[number];
  team.parts = parts[number];

  for (int c = static_cast<int>(threadIdx.x); c < k; c += static_cast<int>(blockDim.x)) {
    const T curvature = team.gram[static_cast<std::int64_t>(c) * k + c];
    team.scale[c] = core::unit_scale(static_cast<double>(curvature) + a.l2);
  }
  device::sync_block();
  if constexpr (kPlace == Place::warp) {
    for (int c = 0; c < k; ++c) {
      for (int e = static_cast<int>(threadIdx.x); e < k; e += static_cast<int>(blockDim.x)) {
        const T value = team.gram[static_cast<std::int64_t>(c) * k + e];
        team.scaled_gram[c * k + e] = static_cast<T>(static_cast<double>(value) * static_cast<double>(team.scale[c]) *
                                                     static_cast<double>(team.scale[e]));
      }
    }
    device::sync_block();
  }
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * teams;
  for (std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * teams + number; column < a.count; column += step) {
    solve_column(team, a, column);
    team.sync();
  }
}

template <class T>
std::size_t shared_bytes(Place place, int rank, int teams) {
  return static_cast<std::size_t>(block_values<T>(place, rank) + teams * team_values(place, rank)) * sizeof(double);
}

template <class T>
bool fits(const Gpu& gpu, Place place, int rank, int teams) {
  return shared_bytes<T>(place, rank, teams) <= shared_budget(gpu, kFixed);
}

std::int64_t triangles_at_work(const Gpu& gpu, int rank, std::int64_t count) {
  const std::int64_t least = gpu.multiprocessors();
  return std::min(count, std::clamp(kMostTriangleValues / packed(rank + 1), least, kMostTriangles * least));
}

template <Place kPlace, class T>
void launch_solve(const Gpu& gpu, const Arguments<T>& arguments, int teams, std::int64_t most_blocks) {
  launch(gpu, "NNLS", solve<kPlace, T>, grid_size(arguments.count, teams, most_blocks), teams * Team<kPlace, T>::kSize,
         shared_bytes<T>(kPlace, arguments.rank, teams), arguments);
}

}  // namespace

std::int64_t nnls_scratch(const Gpu& gpu, int rank, std::int64_t count) {
  // A block does not depend on T.
  if (fits<double>(gpu, Place::block, rank, 1)) return 0;
  return triangles_at_work(gpu, rank, count) * packed(rank + 1);
}

template <class T>
void solve_nnls(const Gpu& gpu, core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,
                NnlsResult* result, double* scratch) {
  const int k = f.rank;
  const Arguments<T> arguments{f.data,
                               terms.numerator.data,
                               terms.gram.data,
                               f.ld,
                               terms.numerator.ld,
                               f.count,
                               k,
                               penalty.l1,
                               penalty.l2,
                               {k, static_cast<double>(std::numeric_limits<T>::epsilon())},
                               result,
                               scratch};
  if (result != nullptr) gpu.clear(result, sizeof *result);
  if (k <= kWarpRank && fits<T>(gpu, Place::warp, k, 1)) {
    launch_solve<Place::warp>(gpu, arguments, fits<T>(gpu, Place::warp, k, 2) ? 2 : 1, kMostBlocks);
  } else if (fits<T>(gpu, Place::block, k, 1)) {
    launch_solve<Place::block>(gpu, arguments, 1, kMostBlocks);
  } else {
    launch_solve<Place::global>(gpu, arguments, 1, triangles_at_work(gpu, k, f.count));
  }
}

template void solve_nnls(const Gpu&, core::Factor<float>, const core::Terms<float>&, core::ScaledPenalty, NnlsResult*,
                         double*);
template void solve_nnls(const Gpu&, core::Factor<double>, const core::Terms<double>&, core::ScaledPenalty, NnlsResult*,
                         double*);

}  // namespace orthant::cuda
