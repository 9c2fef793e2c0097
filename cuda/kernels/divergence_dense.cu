#include "cuda/kernels/divergence_dense.hpp"

#include <algorithm>
#include <type_traits>

#include "cuda/kernels/divergence_tensor.hpp"
#include "cuda/kernels/divergence_tiles.cuh"
#include "cuda/launch.hpp"

// A block owns a tile of one factor's columns and walks along the other's: it makes a tile of WH in registers, turns it
// into the coefficients of the terms in shared memory, and adds the other factor's columns with these coefficients to
// sums in registers, which are written once. WH is nowhere else, and X is read once, as are the weights of its entries.
// The rank is cut into blocks of components of at most 128, with a thread block for the terms of each, which makes WH
// anew: sums of more components would leave the registers, and to write WH out would cost m x n numbers.
namespace orthant::cuda {
namespace {

constexpr int kThreads = kDivergenceThreads;
constexpr int kLongestWalk = 4;  // tiles below which a walk is not divided

// How a block for `kWidth` components divides its work. Pitches make rows start four banks apart, whole vectors of 16
// bytes aligned: reads and writes along rows or of eight rows by four columns are free of conflicts.
template <int kWidth, class T>
struct Shape {
  static constexpr int kSide = kDivergenceTile<T>;
  static constexpr int kVector = 16 / sizeof(T);
  static constexpr int kPitch = kWidth + kVector, kSquarePitch = kDivergencePitch<T>;
  // WH: 8 x 8 threads, each with every eighth row and column of the tile.
  static constexpr int kFits = kSide / 8;
  // Sums: kLanes threads along the components, the others along the own columns.
  static constexpr int kLanes = kWidth / kVector < 16 ? kWidth / kVector : 16;
  static constexpr int kVectors = kWidth / (kLanes * kVector);
  static constexpr int kColumns = kSide / (kThreads / kLanes);
  // Tiles of both factors' columns, of WH, of X, and of the weights if there are any.
  static constexpr std::size_t shared_bytes(bool weighted) {
    return kSide * (2 * kPitch + (weighted ? 3 : 2) * kSquarePitch) * sizeof(T);
  }
  static_assert(shared_bytes(true) <= 48 << 10, "more than every device offers without asking");
};

// Begins to copy components [c0, c0 + kWidth) of a tile of columns, those beyond the factor being 0.
template <int kWidth, class T>
__device__ void load_columns(core::Factor<const T> f, std::int64_t first, int c0, device::Shared<T> tile) {
  constexpr int kAcross = kWidth < kThreads ? kWidth : kThreads, kColumns = kThreads / kAcross;  // at a time
  const int thread = static_cast<int>(threadIdx.x), c = thread % kAcross, column = thread / kAcross;
  const std::int64_t most_columns = f.count - first - column;
  const int most_components = f.rank - c0 - c;
  device::Shared<T> to = tile + (column * Shape<kWidth, T>::kPitch + c);
  device::Global<const T> from = device::Global<const T>(f.data) + ((first + column) * f.ld + c0 + c);
  ORTHANT_KEEP_LOOP
  for (int j = 0; j < Shape<kWidth, T>::kSide; j += kColumns) {
    ORTHANT_UNROLL_LOOP
    for (int p = 0; p < kWidth; p += kAcross) {
      device::copy_async(to + p, from + p, j < most_columns && p < most_components);
    }
    to += kColumns * Shape<kWidth, T>::kPitch;
    from += kColumns * f.ld;
  }
}

// Through a tile in shared memory, so that neighbouring threads write neighbouring components.
template <int kWidth, class T>
__device__ void store_sums(
    const T (&sums)[Shape<kWidth, T>::kColumns][Shape<kWidth, T>::kVectors][Shape<kWidth, T>::kVector],
    device::Shared<T> tile, const core::Factor<T>& to, std::int64_t part_size, std::int64_t a0, int c0) {
  using S = Shape<kWidth, T>;
  const device::Global<T> data = to.data + blockIdx.z * part_size;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % S::kLanes, row = thread / S::kLanes;
  // Odd rows write their numbers in another order, so that two lanes at most want the same bank.
  const int odd = row % 2;
  device::sync_block();
  ORTHANT_UNROLL_LOOP
  for (int i = 0; i < S::kColumns; ++i) {
    ORTHANT_UNROLL_LOOP
    for (int q = 0; q < S::kVectors; ++q) {
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < S::kVector; ++e) {
        const T sum = odd != 0 ? sums[i][q][e ^ 1] : sums[i][q][e];
        tile[(row * S::kColumns + i) * S::kPitch + (q * S::kLanes + lane) * S::kVector + (e ^ odd)] = sum;
      }
    }
  }
  device::sync_block();
  for (int i = thread; i < S::kSide * kWidth; i += kThreads) {
    const int c = i % kWidth, j = i / kWidth;
    if (c0 + c < to.rank && a0 + j < to.count) {
      data[(a0 + j) * to.ld + c0 + c] = static_cast<T>(tile[j * S::kPitch + c]);
    }
  }
}

template <int kWidth, bool kDenominator, class T>
__global__ void __launch_bounds__(kThreads, resident_blocks(kWidth)) terms(DivergenceArguments<T> a) {
  using S = Shape<kWidth, T>;
  constexpr int kSide = S::kSide, kFits = S::kFits, kVector = S::kVector;
  ORTHANT_DYNAMIC_SHARED(T, own);
  const device::Shared<T> others = own + kSide * S::kPitch;
  const device::Shared<T> numerators = others + kSide * S::kPitch;              // WH before; [other][own]
  const device::Shared<T> denominators = numerators + kSide * S::kSquarePitch;  // X before
  const device::Shared<T> weights = denominators + kSide * S::kSquarePitch;     // if there are any
  const int thread = static_cast<int>(threadIdx.x), lane = thread % S::kLanes, row = thread / S::kLanes;
  const int fit_own = thread / 8, fit_other = thread % 8;
  const int blocks = static_cast<int>(gridDim.y), block = static_cast<int>(blockIdx.y);
  const std::int64_t a0 = static_cast<std::int64_t>(blockIdx.x) * kSide, begin = blockIdx.z * a.walk;
  const std::int64_t end = begin + a.walk < a.other.count ? begin + a.walk : a.other.count;
  T numerator[S::kColumns][S::kVectors][kVector] = {};
  T denominator[S::kColumns][S::kVectors][kVector] = {};
  for (std::int64_t b0 = begin; b0 < end; b0 += kSide) {
    T fits[kFits][kFits] = {};
    for (int s = 1; s <= blocks; ++s) {
      const int c0 = (block + s) % blocks * kWidth;  // the own block of components comes last, and stays for the sums
      device::sync_block();
      if (blocks > 1 || b0 == begin) load_columns<kWidth>(a.own, a0, c0, own);
      load_columns<kWidth>(a.other, b0, c0, others);
      if (s == blocks) {
        if (a.observed.weights != nullptr) load_lines(a, a.observed.weights, a.observed.ld, a0, b0, weights);
        a.x.as_stored([&](const auto* x) { load_lines(a, x, a.ld, a0, b0, denominators); });
      }
      device::commit_copies();
      device::wait_copies<0>();
      device::sync_block();
      for (int c = 0; c < kWidth; c += kVector) {
        T left[kFits][kVector], right[kFits][kVector];
        ORTHANT_UNROLL_LOOP
        for (int p = 0; p < kFits; ++p) {
          ORTHANT_UNROLL_LOOP
          for (int e = 0; e < kVector; ++e) {
            left[p][e] = own[(fit_own + 8 * p) * S::kPitch + c + e];
            right[p][e] = others[(fit_other + 8 * p) * S::kPitch + c + e];
          }
        }
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kVector; ++e) {
          ORTHANT_UNROLL_LOOP
          for (int p = 0; p < kFits; ++p) {
            ORTHANT_UNROLL_LOOP
            for (int q = 0; q < kFits; ++q) fits[p][q] += left[p][e] * right[q][e];
          }
        }
      }
    }
    if constexpr (kDenominator) {
      // Each thread's own fits, by way of shared memory: the loop with the powers, which is long, is not unrolled.
      ORTHANT_UNROLL_LOOP
      for (int p = 0; p < kFits; ++p) {
        ORTHANT_UNROLL_LOOP
        for (int q = 0; q < kFits; ++q) {
          numerators[(fit_other + 8 * q) * S::kSquarePitch + fit_own + 8 * p] = fits[p][q];
        }
      }
      ORTHANT_KEEP_LOOP
      for (int i = 0; i < kFits * kFits; ++i) {
        const int p = fit_own + i / kFits * 8, q = fit_other + i % kFits * 8, at = q * S::kSquarePitch + p;
        const T x = denominators[at];
        const T weight = a.observed.weights != nullptr ? static_cast<T>(weights[at]) : T(1);
        const bool inside = a0 + p < a.own.count && b0 + q < end;
        const auto of_entry = coefficients_of(a, x, static_cast<T>(numerators[at]), weight, inside);
        numerators[at] = of_entry.numerator;
        denominators[at] = of_entry.denominator;
      }
    } else {  // Kullback-Leibler of complete X
      ORTHANT_UNROLL_LOOP
      for (int p = 0; p < kFits; ++p) {
        ORTHANT_UNROLL_LOOP
        for (int q = 0; q < kFits; ++q) {
          const int to_own = fit_own + 8 * p, to_other = fit_other + 8 * q;
          const bool inside = a0 + to_own < a.own.count && b0 + to_other < end;
          const int at = to_other * S::kSquarePitch + to_own;
          const T x = denominators[at];
          numerators[at] = inside ? a.coefficients.quotient(x, fits[p][q]) : T(0);
        }
      }
    }
    device::sync_block();
    for (int q = 0; q < kSide; ++q) {
      T column[S::kVectors][kVector];
      ORTHANT_UNROLL_LOOP
      for (int v = 0; v < S::kVectors; ++v) {
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kVector; ++e) {
          column[v][e] = others[q * S::kPitch + (v * S::kLanes + lane) * kVector + e];
        }
      }
      const int at = q * S::kSquarePitch + row * S::kColumns;
      ORTHANT_UNROLL_LOOP
      for (int p = 0; p < S::kColumns; ++p) {
        const T coefficient = numerators[at + p];
        ORTHANT_UNROLL_LOOP
        for (int v = 0; v < S::kVectors; ++v) {
          ORTHANT_UNROLL_LOOP
          for (int e = 0; e < kVector; ++e) numerator[p][v][e] += coefficient * column[v][e];
        }
      }
      if constexpr (kDenominator) {
        ORTHANT_UNROLL_LOOP
        for (int p = 0; p < S::kColumns; ++p) {
          const T coefficient = denominators[at + p];
          ORTHANT_UNROLL_LOOP
          for (int v = 0; v < S::kVectors; ++v) {
            ORTHANT_UNROLL_LOOP
            for (int e = 0; e < kVector; ++e) denominator[p][v][e] += coefficient * column[v][e];
          }
        }
      }
    }
  }
  store_sums<kWidth>(numerator, own, a.numerator, a.part_size, a0, block * kWidth);
  if constexpr (kDenominator) store_sums<kWidth>(denominator, others, a.denominator, a.part_size, a0, block * kWidth);
}

// Adds up the parts of a walk, in their order.
template <class T>
__global__ void __launch_bounds__(256)
    sum_parts(const T* partial, std::int64_t part_size, int parts, core::Factor<T> to) {
  const device::Global<const T> from = partial;
  const device::Global<T> data = to.data;
  const std::int64_t size = to.rank * to.count, step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < size; i += step) {
    T sum = 0;
    for (int part = 0; part < parts; ++part) sum += static_cast<T>(from[part * part_size + i]);
    data[i / to.rank * to.ld + i % to.rank] = sum;
  }
}

DivergenceGrid make_grid(const Gpu& gpu, std::int64_t own_count, std::int64_t other_count, int rank, int tile) {
  DivergenceGrid grid{};
  grid.tiles = (own_count + tile - 1) / tile;
  grid.blocks = (rank + 127) / 128;
  // Few columns: their walk is divided until all multiprocessors are full, which bounds the partial sums as well: those
  // of fewer blocks than are at work twice over. But not into pieces that are not worth it.
  const std::int64_t resident = gpu.multiprocessors() * resident_blocks(rank);
  const std::int64_t wanted = (resident - 1) / (grid.tiles * grid.blocks) + 1;
  const std::int64_t most = other_count / (kLongestWalk * tile);
  const std::int64_t parts = std::max<std::int64_t>(1, std::min(wanted, most));
  const std::int64_t tiles = (other_count + tile - 1) / tile, tiles_each = (tiles + parts - 1) / parts;
  grid.walk = tiles_each * tile;
  grid.parts = static_cast<int>((tiles + tiles_each - 1) / tiles_each);
  return grid;
}

template <int kWidth, bool kDenominator, class T>
void launch_terms(const Gpu& gpu, const DivergenceGrid& grid, const DivergenceArguments<T>& arguments) {
  const dim3 blocks(static_cast<unsigned>(grid.tiles), static_cast<unsigned>(grid.blocks),
                    static_cast<unsigned>(grid.parts));
  launch(gpu, "divergence of dense X", terms<kWidth, kDenominator, T>, blocks, kThreads,
         Shape<kWidth, T>::shared_bytes(arguments.observed.weights != nullptr), arguments);
}

template <bool kDenominator, class T>
void launch_width(const Gpu& gpu, const DivergenceGrid& grid, const DivergenceArguments<T>& arguments) {
  const int rank = arguments.own.rank;
  if (rank <= 16) {
    launch_terms<16, kDenominator>(gpu, grid, arguments);
  } else if (rank <= 32) {
    launch_terms<32, kDenominator>(gpu, grid, arguments);
  } else if (rank <= 64) {
    launch_terms<64, kDenominator>(gpu, grid, arguments);
  } else {
    launch_terms<128, kDenominator>(gpu, grid, arguments);
  }
}

}  // namespace

template <class S, class T>
void dense_divergence_terms(const Gpu& gpu, const S* x, std::int64_t ld, const core::Observed<T>& observed,
                            bool own_is_lines, core::Factor<const T> own, core::Factor<const T> other,
                            const core::Divergence& divergence, core::Factor<T> numerator, core::Factor<T> denominator,
                            T* partial) {
  const DivergenceGrid grid = make_grid(gpu, own.count, other.count, own.rank, kDivergenceTile<T>);
  const bool makes_denominator = denominator.data != nullptr;
  DivergenceArguments<T> arguments{
      Entries<T>(x), ld,          observed, own_is_lines, own, other, ElementCoefficients<T>(divergence),
      numerator,     denominator, 0,        grid.walk};
  if (grid.parts > 1) {
    const std::int64_t size = own.rank * own.count;
    arguments.part_size = makes_denominator ? 2 * size : size;
    arguments.numerator = {partial, own.rank, own.count, own.rank};
    if (makes_denominator) arguments.denominator = {partial + size, own.rank, own.count, own.rank};
  }
  if (std::is_same_v<T, float> && gpu.math() != MathMode::strict) {
    if constexpr (std::is_same_v<T, float>) launch_tensor_terms(gpu, grid, arguments, gpu.math());
  } else {
    makes_denominator ? launch_width<true>(gpu, grid, arguments) : launch_width<false>(gpu, grid, arguments);
  }
  if (grid.parts == 1) return;
  const auto add_up = [&](const core::Factor<T>& parts, core::Factor<T> to) {
    launch(gpu, "sum of parts", sum_parts<T>, grid_size(to.rank * to.count, 256, 4096), 256, 0, parts.data,
           arguments.part_size, grid.parts, to);
  };
  add_up(arguments.numerator, numerator);
  if (makes_denominator) add_up(arguments.denominator, denominator);
}

std::int64_t dense_partial_sums(const Gpu& gpu, std::int64_t own_count, std::int64_t other_count, int rank,
                                const core::Divergence& divergence, int element_size) {
  const DivergenceGrid grid = make_grid(gpu, own_count, other_count, rank, 128 / element_size);
  if (grid.parts == 1) return 0;
  return grid.parts * (divergence.has_closed_denominator() ? 1 : 2) * rank * own_count;
}

#define ORTHANT_INSTANTIATE_STORED(S, T)                                                                      \
  template void dense_divergence_terms(const Gpu&, const S*, std::int64_t, const core::Observed<T>&, bool,    \
                                       core::Factor<const T>, core::Factor<const T>, const core::Divergence&, \
                                       core::Factor<T>, core::Factor<T>, T*);
#define ORTHANT_INSTANTIATE(T)                \
  ORTHANT_INSTANTIATE_STORED(T, T)            \
  ORTHANT_INSTANTIATE_STORED(std::uint8_t, T) \
  ORTHANT_INSTANTIATE_STORED(Fp16, T)         \
  ORTHANT_INSTANTIATE_STORED(Bf16, T)
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
