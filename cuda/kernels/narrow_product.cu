#include "cuda/kernels/narrow_product.hpp"

#include <algorithm>

#include "cuda/kernels/reduce.cuh"
#include "cuda/launch.hpp"

// Products of X that is stored in few bytes: what is saved is memory and its traffic, so X becomes numbers of T only in
// shared memory. A block makes 32 columns of the result by 64 components, 4 x 8 to a thread; where that is too few
// blocks for the device they share the sum, whose parts the last of them add up in double.
namespace orthant::cuda {
namespace {

constexpr int kThreads = kReduceThreads;  // 8 along the components x 8 along the columns
constexpr int kColumns = 32, kComponents = 64;
constexpr int kOwnColumns = 4, kOwn = 4, kHalves = 2, kHalf = kComponents / kHalves;
constexpr int kStage = 32;  // terms of the sums in shared memory
constexpr int kTileSize = kColumns * kComponents;
constexpr int kResident = 8;  // blocks of a multiprocessor

template <bool kFromLines, class S, class T>
__global__ void __launch_bounds__(kThreads, kResident)
    product(const S* matrix, std::int64_t x_ld, core::Factor<const T> f, core::Factor<T> r,
            std::int64_t terms_per_block, Scratch scratch) {
  ORTHANT_SHARED(T, xs, [kStage][kColumns + 2]);  // transposed where lines are terms; then two lanes share a bank
  ORTHANT_SHARED(T, fs, [kStage][kComponents]);
  const device::Global<const S> x = matrix;
  const device::Global<const T> factor = f.data;
  const device::Global<T> result = r.data;
  const int thread = static_cast<int>(threadIdx.x);
  const int own_component = thread % 8 * kOwn, own_column = thread / 8 * kOwnColumns;
  // Blocks of the same columns are neighbours, and find X in L2.
  const unsigned across = (static_cast<unsigned>(f.rank) + kComponents - 1) / kComponents;
  const int c0 = static_cast<int>(blockIdx.x % across) * kComponents;
  const std::int64_t column0 = static_cast<std::int64_t>(blockIdx.x / across) * kColumns;
  const int halves = f.rank - c0 > kHalf ? 2 : 1;
  const std::int64_t begin = blockIdx.y * terms_per_block;
  const std::int64_t end = begin + terms_per_block < f.count ? begin + terms_per_block : f.count;
  T sum[kOwnColumns][kHalves][kOwn] = {};
  for (std::int64_t stage = begin; stage < end; stage += kStage) {
    device::sync_block();
    device::Global<const T> numbers = factor + ((stage + thread / kComponents) * f.ld + c0 + thread % kComponents);
    ORTHANT_KEEP_LOOP
    for (int term = thread / kComponents; term < kStage; term += kThreads / kComponents) {
      const int c = thread % kComponents;
      device::copy_async(&fs[term][c], numbers, stage + term < end && c0 + c < f.rank);
      numbers += kThreads / kComponents * f.ld;
    }
    device::commit_copies();
    // Half of a thread's entries at a time before one is waited for.
    constexpr int kBatch = kStage * kColumns / kThreads / 2;
    ORTHANT_KEEP_LOOP
    for (int i = thread; i < kStage * kColumns; i += kBatch * kThreads) {
      S entries[kBatch];
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < kBatch; ++e) {
        const int inner = (i + e * kThreads) % 32, outer = (i + e * kThreads) / 32;  // along a line of X, and across
        const int term = kFromLines ? outer : inner, column = kFromLines ? inner : outer;
        const bool inside = stage + term < end && column0 + column < r.count;
        const std::int64_t at =
            kFromLines ? (stage + term) * x_ld + column0 + column : (column0 + column) * x_ld + stage + term;
        entries[e] = inside ? static_cast<S>(x[at]) : S{};
      }
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < kBatch; ++e) {
        const int inner = (i + e * kThreads) % 32, outer = (i + e * kThreads) / 32;
        xs[kFromLines ? outer : inner][kFromLines ? inner : outer] = number<T>(entries[e]);
      }
    }
    device::wait_copies<0>();
    device::sync_block();
    for (int term = 0; term < kStage; ++term) {
      T a[kOwnColumns];
      ORTHANT_UNROLL_LOOP
      for (int p = 0; p < kOwnColumns; ++p) a[p] = xs[term][own_column + p];
      ORTHANT_UNROLL_LOOP
      for (int h = 0; h < kHalves; ++h) {
        if (h >= halves) break;
        T b[kOwn];
        ORTHANT_UNROLL_LOOP
        for (int q = 0; q < kOwn; ++q) b[q] = fs[term][h * kHalf + own_component + q];
        ORTHANT_UNROLL_LOOP
        for (int p = 0; p < kOwnColumns; ++p) {
          ORTHANT_UNROLL_LOOP
          for (int q = 0; q < kOwn; ++q) sum[p][h][q] += a[p] * b[q];
        }
      }
    }
  }
  constexpr int kEach = kTileSize / kThreads;
  double total[kEach];
  ORTHANT_UNROLL_LOOP
  for (int e = 0; e < kEach; ++e) {
    total[e] = static_cast<double>(sum[e / (kHalves * kOwn)][e / kOwn % kHalves][e % kOwn]);
  }
  if (!sum_over_blocks(total, scratch.values, scratch.counters, blockIdx.x, blockIdx.y, gridDim.y)) return;
  ORTHANT_UNROLL_LOOP
  for (int e = 0; e < kEach; ++e) {
    const int p = e / (kHalves * kOwn), h = e / kOwn % kHalves, q = e % kOwn;
    const std::int64_t column = column0 + own_column + p;
    const int c = c0 + h * kHalf + own_component + q;
    if (column < r.count && c < f.rank) result[column * r.ld + c] = static_cast<T>(total[e]);
  }
}

}  // namespace

template <class S, class T>
void narrow_product(const Gpu& gpu, bool from_lines, const S* x, std::int64_t ld, core::Factor<const T> f,
                    core::Factor<T> r) {
  const std::int64_t tiles = ((r.count + kColumns - 1) / kColumns) * ((f.rank + kComponents - 1) / kComponents);
  // Blocks for all multiprocessors, but no more than have room for their parts, nor with too little to do.
  constexpr std::int64_t kLeastTerms = 256;
  const std::int64_t wanted = (kResident * gpu.multiprocessors() - 1) / tiles + 1;
  const std::int64_t room = std::max<std::int64_t>(Gpu::kScratchValues / kTileSize / tiles, 1);
  const unsigned most = grid_size(f.count, kLeastTerms, std::min(wanted, room));
  const std::int64_t stages = (f.count + kStage - 1) / kStage, terms = (stages + most - 1) / most * kStage;
  const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>((f.count + terms - 1) / terms));
  launch(gpu, "product of narrow X", from_lines ? product<true, S, T> : product<false, S, T>, grid, kThreads, 0, x, ld,
         f, r, terms, gpu.scratch());
}

#define ORTHANT_INSTANTIATE(S, T) \
  template void narrow_product(const Gpu&, bool, const S*, std::int64_t, core::Factor<const T>, core::Factor<T>);
ORTHANT_INSTANTIATE(std::uint8_t, float)
ORTHANT_INSTANTIATE(std::uint8_t, double)
ORTHANT_INSTANTIATE(Fp16, float)
ORTHANT_INSTANTIATE(Fp16, double)
ORTHANT_INSTANTIATE(Bf16, float)
ORTHANT_INSTANTIATE(Bf16, double)

}  // namespace orthant::cuda
