#include "cuda/kernels/gram.hpp"

#include <type_traits>

#include "cuda/kernels/reduce.cuh"
#include "cuda/launch.hpp"

// F F' by tiles of 32 x 32 entries on and above the diagonal. F is long and thin: blocks share its columns, and the
// last ones add up their parts, so that one launch does it and float sums stay short.
namespace orthant::cuda {
namespace {

constexpr int kThreads = kReduceThreads;  // 8 x 8, each with 4 x 4 entries
constexpr int kTile = 32, kOwn = 4;
constexpr int kStage = 16;          // columns of F that are worked on at a time
constexpr int kLeast = 4 * kStage;  // columns for a block
constexpr int kFlush = 256;         // columns whose products are summed in Product
static_assert(kFlush % kStage == 0);

/// A number of a stage, which is on its way while others are worked on. One that must be converted comes by way of a
/// register, and is waited for.
template <class Product, class T>
__device__ void load(device::Shared<Product> to, device::Global<const T> from, bool inside) {
  if constexpr (std::is_same_v<Product, T>) {
    device::copy_async(to, from, inside);
  } else {
    to[0] = inside ? static_cast<Product>(static_cast<T>(from[0])) : Product(0);
  }
}

template <class Product, class T, class Out>
__global__ void __launch_bounds__(kThreads, 8)
    gram_tiles(core::Factor<const T> f, Out* out, std::int64_t columns_per_block, Scratch scratch) {
  // Stages in shared memory: one is worked on, the others are on their way. Of float as many as short F has, so that it
  // is waited for once; others take more room, or are waited for anyway.
  constexpr int kStages = std::is_same_v<Product, float> && std::is_same_v<T, float> ? kLeast / kStage : 2;
  ORTHANT_SHARED(Product, staged, [kStages][2][kStage][kTile + kOwn]);  // rows and columns of the tile
  const device::Global<const T> data = f.data;
  const device::Global<Out> g = out;
  const int thread = static_cast<int>(threadIdx.x), k = f.rank;
  // Tile number blockIdx.y of the upper triangle, counted down its columns.
  int tile_column = 0, number = static_cast<int>(blockIdx.y);
  while (number > tile_column) number -= ++tile_column;
  const int row0 = number * kTile, column0 = tile_column * kTile;
  const int columns = row0 == column0 ? 0 : 1;  // where they are staged: on the diagonal they are the rows
  const int own_row = thread % 8 * kOwn, own_column = thread / 8 * kOwn;
  double total[kOwn * kOwn] = {};
  const std::int64_t begin = blockIdx.x * columns_per_block;
  const std::int64_t end = begin + columns_per_block < f.count ? begin + columns_per_block : f.count;
  const auto load_stage = [&](std::int64_t stage) {
    const auto to = static_cast<int>((stage - begin) / kStage % kStages);
    for (int i = thread; stage < end && i < kStage * kTile; i += kThreads) {
      const int c = i % kTile, j = i / kTile;
      const device::Global<const T> column = data + (stage + j) * f.ld;
      const bool inside = stage + j < end;
      load<Product, T>(&staged[to][0][j][c], column + (row0 + c), inside && row0 + c < k);
      if (columns == 1) load<Product, T>(&staged[to][1][j][c], column + (column0 + c), inside && column0 + c < k);
    }
    device::commit_copies();
  };
  for (int s = 0; s < kStages - 1; ++s) load_stage(begin + s * kStage);
  for (std::int64_t flush = begin; flush < end; flush += kFlush) {
    Product sum[kOwn][kOwn] = {};
    const std::int64_t flush_end = flush + kFlush < end ? flush + kFlush : end;
    for (std::int64_t stage = flush; stage < flush_end; stage += kStage) {
      device::wait_copies<kStages - 2>();
      device::sync_block();  // this stage is there, and nobody is at the last one any more, whose place is free
      load_stage(stage + (kStages - 1) * kStage);
      const auto now = static_cast<int>((stage - begin) / kStage % kStages);
      ORTHANT_UNROLL_LOOP
      for (int j = 0; j < kStage; ++j) {
        Product a[kOwn], b[kOwn];
        ORTHANT_UNROLL_LOOP
        for (int i = 0; i < kOwn; ++i) {
          a[i] = staged[now][0][j][own_row + i];
          b[i] = staged[now][columns][j][own_column + i];
        }
        ORTHANT_UNROLL_LOOP
        for (int p = 0; p < kOwn; ++p) {
          ORTHANT_UNROLL_LOOP
          for (int q = 0; q < kOwn; ++q) sum[p][q] += a[p] * b[q];
        }
      }
    }
    ORTHANT_UNROLL_LOOP
    for (int p = 0; p < kOwn; ++p) {
      ORTHANT_UNROLL_LOOP
      for (int q = 0; q < kOwn; ++q) total[p * kOwn + q] += static_cast<double>(sum[p][q]);
    }
  }
  if (!sum_over_blocks(total, scratch.values, scratch.counters, blockIdx.y, blockIdx.x, gridDim.x)) return;
  ORTHANT_UNROLL_LOOP
  for (int p = 0; p < kOwn; ++p) {
    ORTHANT_UNROLL_LOOP
    for (int q = 0; q < kOwn; ++q) {
      const int i = row0 + own_row + p, j = column0 + own_column + q;
      if (i >= k || j >= k || i > j) continue;
      g[static_cast<std::int64_t>(i) * k + j] = static_cast<Out>(total[p * kOwn + q]);
      g[static_cast<std::int64_t>(j) * k + i] = static_cast<Out>(total[p * kOwn + q]);
    }
  }
}

}  // namespace

template <class Product, class T, class Out>
void gram_matrix(const Gpu& gpu, core::Factor<const T> f, core::Gram<Out> g) {
  const int tiles = (f.rank + kTile - 1) / kTile, pairs = tiles * (tiles + 1) / 2;
  const std::int64_t most = Gpu::kScratchValues / (kTile * kTile) / pairs;
  const std::int64_t chunks =
      grid_size(f.count, kLeast, most < 4 * gpu.multiprocessors() ? most : 4 * gpu.multiprocessors());
  const std::int64_t columns = (f.count + chunks - 1) / chunks;
  const auto used = static_cast<unsigned>((f.count + columns - 1) / columns);
  launch(gpu, "Gram matrix", gram_tiles<Product, T, Out>, dim3(used, static_cast<unsigned>(pairs)), kThreads, 0, f,
         g.data, columns, gpu.scratch());
}

template void gram_matrix<float>(const Gpu&, core::Factor<const float>, core::Gram<float>);
template void gram_matrix<double>(const Gpu&, core::Factor<const double>, core::Gram<double>);
template void gram_matrix<double>(const Gpu&, core::Factor<const float>, core::Gram<double>);

}  // namespace orthant::cuda
