#include "cuda/kernels/divergence_tensor.hpp"

#include "cuda/launch.hpp"

// As divergence_dense.cu, with tensor cores. A warp owns 16 columns of one factor and makes WH of them and 16 of the
// other's columns at a time, 8 numbers to a lane. Each lane turns its own into coefficients where they are; and as the
// order of a sum is free, these registers are the left factor of the product that makes the terms. What is multiplied
// is rounded once, when it comes to shared memory or from a coefficient.
//
// In comments g is lane / 4 and t is lane % 4, as in the description of the products (cuda/device.hpp).
namespace orthant::cuda {
namespace {

constexpr int kThreads = kDivergenceThreads, kWarps = kThreads / 32;
constexpr int kSide = kDivergenceTile<float>;
constexpr int kRows = 16;                          // own columns of a warp
constexpr int kStep = 16, kSteps = kSide / kStep;  // other columns at a time: two products of 8
static_assert(kSide == kWarps * kRows);

using Word = unsigned;

__device__ int lane_group() { return static_cast<int>(threadIdx.x) % 32 / 4; }  // g
__device__ int lane_in_group() { return static_cast<int>(threadIdx.x) % 4; }    // t

/// A component of a column; 0 beyond the factor.
__device__ float component(const core::Factor<const float>& f, std::int64_t column, int c) {
  const device::Global<const float> data = f.data;
  return c < f.rank && column < f.count ? static_cast<float>(data[column * f.ld + c]) : 0.0F;
}

// A format: tiles of kWidth components in shared memory, and the two products. Pitches make the lanes of each access
// want different banks where tiles are read, two at most the same where they are written.

/// A word is a number. Tiles are [column][component].
template <int kWidth>
struct Tf32Tiles {
  static constexpr int kPitch = kWidth + 4;
  static constexpr int kOwnWords = kSide * kPitch, kOtherWords = kSide * kPitch;
  static constexpr int kFactorWords = 8;

  static __device__ void load_own(const core::Factor<const float>& f, std::int64_t first, int c0,
                                  device::Shared<Word> tile) {
    constexpr int kBatch = 8;  // loads in flight
    ORTHANT_KEEP_LOOP
    for (int i = static_cast<int>(threadIdx.x); i < kSide * kWidth; i += kBatch * kThreads) {
      float numbers[kBatch];
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < kBatch; ++e) {
        const int at = i + e * kThreads;
        numbers[e] = component(f, first + at / kWidth, c0 + at % kWidth);
      }
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < kBatch; ++e) {
        const int at = i + e * kThreads;
        tile[at / kWidth * kPitch + at % kWidth] = device::tf32_word(numbers[e]);
      }
    }
  }
  static __device__ void load_others(const core::Factor<const float>& f, std::int64_t first, int c0,
                                     device::Shared<Word> tile) {
    load_own(f, first, c0, tile);
  }

  /// Adds to fits [column of `own`][column of `others`].
  static __device__ void add_fits(device::Shared<Word> own, device::Shared<Word> others, float (&fits)[kSteps][2][4]) {
    const int at = lane_group() * kPitch + lane_in_group();
    for (int c = 0; c < kWidth; c += 8) {
      const Word left[4] = {own[at + c], own[at + 8 * kPitch + c], own[at + c + 4], own[at + 8 * kPitch + c + 4]};
      ORTHANT_UNROLL_LOOP
      for (int q = 0; q < 2 * kSteps; ++q) {
        const Word right[2] = {others[at + 8 * q * kPitch + c], others[at + 8 * q * kPitch + c + 4]};
        device::multiply_add_tf32(fits[q / 2][q % 2], left, right);
      }
    }
  }

  /// Coefficients of 16 columns, as factors of the products of add_terms(). Column 2t is the t-th of a product's sum
  /// there, and 2t + 1 the one after the next three.
  static __device__ void round(const float (&coefficients)[2][4], Word (&words)[kFactorWords]) {
    ORTHANT_UNROLL_LOOP
    for (int q = 0; q < 2; ++q) {
      ORTHANT_UNROLL_LOOP
      for (int i = 0; i < 4; ++i) words[4 * q + i / 2 + i % 2 * 2] = device::tf32_word(coefficients[q][i]);
    }
  }

  /// Adds the columns of a step with these coefficients to each of the results.
  template <int kResults>
  static __device__ void add_terms(const Word (&coefficients)[kResults][kFactorWords], device::Shared<Word> others,
                                   int step, float (&sums)[kResults][kWidth / 8][4]) {
    const int at = (kStep * step + 2 * lane_in_group()) * kPitch + lane_group();
    ORTHANT_UNROLL_LOOP
    for (int v = 0; v < kWidth / 8; ++v) {
      ORTHANT_UNROLL_LOOP
      for (int q = 0; q < 2; ++q) {
        const Word right[2] = {others[at + 8 * q * kPitch + 8 * v], others[at + (8 * q + 1) * kPitch + 8 * v]};
        ORTHANT_UNROLL_LOOP
        for (int r = 0; r < kResults; ++r) {
          const Word* const c = coefficients[r] + 4 * q;
          device::multiply_add_tf32(sums[r][v], {c[0], c[1], c[2], c[3]}, right);
        }
      }
    }
  }
};

/// A word is two numbers, neighbours in the direction that a product sums over. So there are two tiles of the other
/// factor: [column][pair of components], as of the own one, and after it [pair of columns][component].
template <int kWidth>
struct Bf16Tiles {
  static constexpr int kPitch = kWidth / 2 + 4, kPairPitch = kWidth + 8;
  static constexpr int kOwnWords = kSide * kPitch, kOtherWords = kOwnWords + kSide / 2 * kPairPitch;
  static constexpr int kFactorWords = 4;

  static __device__ void load_own(const core::Factor<const float>& f, std::int64_t first, int c0,
                                  device::Shared<Word> tile) {
    load(f, first, c0, tile, [](int, int, Word) {});
  }
  static __device__ void load_others(const core::Factor<const float>& f, std::int64_t first, int c0,
                                     device::Shared<Word> tile) {
    const device::Shared<Word> pairs = tile + kOwnWords;
    load(f, first, c0, tile, [&](int pair, int c, Word word) { pairs[pair * kPairPitch + c] = word; });
  }

  static __device__ void add_fits(device::Shared<Word> own, device::Shared<Word> others, float (&fits)[kSteps][2][4]) {
    const int at = lane_group() * kPitch + lane_in_group();
    for (int c = 0; c < kWidth / 2; c += 8) {
      const Word left[4] = {own[at + c], own[at + 8 * kPitch + c], own[at + c + 4], own[at + 8 * kPitch + c + 4]};
      ORTHANT_UNROLL_LOOP
      for (int q = 0; q < 2 * kSteps; ++q) {
        const Word right[2] = {others[at + 8 * q * kPitch + c], others[at + 8 * q * kPitch + c + 4]};
        device::multiply_add_bf16(fits[q / 2][q % 2], left, right);
      }
    }
  }

  static __device__ void round(const float (&coefficients)[2][4], Word (&words)[kFactorWords]) {
    ORTHANT_UNROLL_LOOP
    for (int i = 0; i < 4; ++i) {
      words[i] = device::bf16_word(coefficients[i / 2][i % 2 * 2], coefficients[i / 2][i % 2 * 2 + 1]);
    }
  }

  template <int kResults>
  static __device__ void add_terms(const Word (&coefficients)[kResults][kFactorWords], device::Shared<Word> others,
                                   int step, float (&sums)[kResults][kWidth / 8][4]) {
    const device::Shared<Word> pairs = others + kOwnWords;
    const int at = (kStep / 2 * step + lane_in_group()) * kPairPitch + lane_group();
    ORTHANT_UNROLL_LOOP
    for (int v = 0; v < kWidth / 8; ++v) {
      const Word right[2] = {pairs[at + 8 * v], pairs[at + 4 * kPairPitch + 8 * v]};
      ORTHANT_UNROLL_LOOP
      for (int r = 0; r < kResults; ++r) device::multiply_add_bf16(sums[r][v], coefficients[r], right);
    }
  }

 private:
  /// Two columns and two components at a time: a lane makes the pair of columns, and of its neighbour's and its own one
  /// the pair of components, of the first column if the lane is even.
  template <class TakePair>
  static __device__ void load(const core::Factor<const float>& f, std::int64_t first, int c0, device::Shared<Word> tile,
                              const TakePair& take_pair) {
    const bool odd = threadIdx.x % 2 != 0;
    constexpr int kBatch = 4;  // pairs of loads in flight
    ORTHANT_KEEP_LOOP
    for (int i = static_cast<int>(threadIdx.x); i < kSide / 2 * kWidth; i += kBatch * kThreads) {
      float numbers[kBatch][2];
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < 2 * kBatch; ++e) {
        const int at = i + e / 2 * kThreads;
        numbers[e / 2][e % 2] = component(f, first + at / kWidth * 2 + e % 2, c0 + at % kWidth);
      }
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < kBatch; ++e) {
        const int at = i + e * kThreads, c = at % kWidth, j = at / kWidth * 2;
        const Word mine = device::bf16_word(numbers[e][0], numbers[e][1]);
        const Word beside = device::shuffle_xor(mine, 1);
        tile[(odd ? j + 1 : j) * kPitch + c / 2] =
            odd ? (beside >> 16 | (mine & 0xFFFF0000U)) : ((mine & 0xFFFFU) | beside << 16);
        take_pair(j / 2, c, mine);
      }
    }
  }
};

/// With the lane of the neighbouring g: what the even one has second is exchanged for what the odd one has first.
__device__ void transpose_pair(float& first, float& second) {
  const bool odd = lane_group() % 2 != 0;
  const float got = device::shuffle_xor(odd ? first : second, 4);
  (odd ? first : second) = got;
}

/// Where a lane writes lines of numbers that lie as fits do, (g, 2t) and (g, 2t + 1), after transpose_pair(): two lines
/// at one place. So a warp's access is to four lines of eight places, whole sectors of memory.
struct Place {
  int line = lane_group() & ~1, place = 2 * lane_in_group() + (lane_group() & 1);
};

template <int kWidth>
__device__ void store_sums(float (&sums)[kWidth / 8][4], const core::Factor<float>& to, std::int64_t part_size,
                           std::int64_t a0, int c0) {
  const device::Global<float> data = to.data + blockIdx.z * part_size;
  const Place at;
  ORTHANT_UNROLL_LOOP
  for (int v = 0; v < kWidth / 8; ++v) {
    transpose_pair(sums[v][0], sums[v][1]);
    transpose_pair(sums[v][2], sums[v][3]);
    const int c = c0 + 8 * v + at.place;
    ORTHANT_UNROLL_LOOP
    for (int i = 0; i < 4; ++i) {
      const std::int64_t j = a0 + i / 2 * 8 + at.line + i % 2;
      if (c < to.rank && j < to.count) data[j * to.ld + c] = sums[v][i];
    }
  }
}

constexpr int kSquareWords = kSide * kDivergencePitch<float>;

template <template <int> class Tiles, int kWidth, bool kDenominator>
__global__ void __launch_bounds__(kThreads, resident_blocks(kWidth)) terms(DivergenceArguments<float> a) {
  using F = Tiles<kWidth>;
  constexpr int kResults = kDenominator ? 2 : 1;
  ORTHANT_DYNAMIC_SHARED(Word, own);
  ORTHANT_DYNAMIC_SHARED(float, numbers);
  const device::Shared<Word> others = own + F::kOwnWords;
  const device::Shared<float> xs = numbers + (F::kOwnWords + F::kOtherWords);  // [other][own]
  const device::Shared<float> weights = xs + kSquareWords;                     // if there are any
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int blocks = static_cast<int>(gridDim.y), block = static_cast<int>(blockIdx.y);
  const std::int64_t of_block = static_cast<std::int64_t>(blockIdx.x) * kSide, a0 = of_block + warp * kRows;
  const std::int64_t begin = blockIdx.z * a.walk;
  const std::int64_t end = begin + a.walk < a.other.count ? begin + a.walk : a.other.count;
  float sums[kResults][kWidth / 8][4] = {};
  for (std::int64_t b0 = begin; b0 < end; b0 += kSide) {
    float fits[kSteps][2][4] = {};
    for (int s = 1; s <= blocks; ++s) {
      const int c0 = (block + s) % blocks * kWidth;  // the own block of components comes last, and stays for the sums
      device::sync_block();
      if (s == blocks) {
        if (a.observed.weights != nullptr) load_lines(a, a.observed.weights, a.observed.ld, of_block, b0, weights);
        a.x.as_stored([&](const auto* x) { load_lines(a, x, a.ld, of_block, b0, xs); });
        device::commit_copies();
      }
      if (blocks > 1 || b0 == begin) F::load_own(a.own, of_block, c0, own);
      F::load_others(a.other, b0, c0, others);
      device::wait_copies<0>();
      device::sync_block();
      F::add_fits(own + warp * kRows * F::kPitch, others, fits);
    }
    // A loop, since powers are long: the fits of the next round are moved to where this one finds them, as registers
    // have no index.
    ORTHANT_KEEP_LOOP
    for (int step = 0; step < kSteps; ++step) {
      float coefficients[kResults][2][4];
      ORTHANT_UNROLL_LOOP
      for (int q = 0; q < 2; ++q) {
        ORTHANT_UNROLL_LOOP
        for (int i = 0; i < 4; ++i) {
          const int p = lane_group() + i / 2 * 8, other = step * kStep + 8 * q + 2 * lane_in_group() + i % 2;
          const int at = other * kDivergencePitch<float> + warp * kRows + p;
          const float weight = a.observed.weights != nullptr ? static_cast<float>(weights[at]) : 1.0F;
          const bool inside = a0 + p < a.own.count && b0 + other < end;
          const auto of_entry = coefficients_of(a, static_cast<float>(xs[at]), fits[0][q][i], weight, inside);
          coefficients[0][q][i] = of_entry.numerator;
          if constexpr (kDenominator) coefficients[1][q][i] = of_entry.denominator;
        }
      }
      Word words[kResults][F::kFactorWords];
      ORTHANT_UNROLL_LOOP
      for (int r = 0; r < kResults; ++r) F::round(coefficients[r], words[r]);
      F::add_terms(words, others, step, sums);
      ORTHANT_UNROLL_LOOP
      for (int i = 0; i < 8 * (kSteps - 1); ++i) {
        fits[i / 8][i / 4 % 2][i % 4] = fits[i / 8 + 1][i / 4 % 2][i % 4];
      }
    }
  }
  store_sums<kWidth>(sums[0], a.numerator, a.part_size, a0, block * kWidth);
  if constexpr (kDenominator) store_sums<kWidth>(sums[1], a.denominator, a.part_size, a0, block * kWidth);
}

template <template <int> class Tiles, int kWidth>
void launch_terms(const Gpu& gpu, const DivergenceGrid& grid, const DivergenceArguments<float>& arguments) {
  using F = Tiles<kWidth>;
  const dim3 blocks(static_cast<unsigned>(grid.tiles), static_cast<unsigned>(grid.blocks),
                    static_cast<unsigned>(grid.parts));
  launch(
      gpu, "divergence of dense X on tensor cores",
      arguments.denominator.data != nullptr ? terms<Tiles, kWidth, true> : terms<Tiles, kWidth, false>, blocks,
      kThreads,
      (F::kOwnWords + F::kOtherWords + (arguments.observed.weights != nullptr ? 2 : 1) * kSquareWords) * sizeof(Word),
      arguments);
}

template <template <int> class Tiles>
void launch_width(const Gpu& gpu, const DivergenceGrid& grid, const DivergenceArguments<float>& arguments) {
  const int rank = arguments.own.rank;
  if (rank <= 16) {
    launch_terms<Tiles, 16>(gpu, grid, arguments);
  } else if (rank <= 32) {
    launch_terms<Tiles, 32>(gpu, grid, arguments);
  } else if (rank <= 64) {
    launch_terms<Tiles, 64>(gpu, grid, arguments);
  } else {
    launch_terms<Tiles, 128>(gpu, grid, arguments);
  }
}

}  // namespace

void launch_tensor_terms(const Gpu& gpu, const DivergenceGrid& grid, const DivergenceArguments<float>& arguments,
                         MathMode mode) {
  mode == MathMode::tf32 ? launch_width<Tf32Tiles>(gpu, grid, arguments)
                         : launch_width<Bf16Tiles>(gpu, grid, arguments);
}

}  // namespace orthant::cuda
