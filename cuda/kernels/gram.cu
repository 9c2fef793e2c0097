#include "cuda/kernels/gram.hpp"

#include <algorithm>
#include <type_traits>

#include "cuda/kernels/reduce.cuh"
#include "cuda/kernels/vectors.hpp"
#include "cuda/launch.hpp"

// F F' by tiles of 32 x 32 entries on and above the diagonal. F is long and thin: blocks share its columns, teams of 64
// threads those of a block, and the last blocks add up all parts, so that one launch does it and float sums stay short.
// Adding up is a chain of reads that are waited for: there are few blocks, and each has many threads for it.
namespace orthant::cuda {
namespace {

constexpr int kTeam = 64;  // threads: 8 x 8, each with 4 x 4 entries
constexpr int kTile = 32, kOwn = 4;
constexpr int kStage = 16;   // columns of F that a team works on at a time
constexpr int kStages = 2;   // in shared memory: one is worked on, the other is on its way
constexpr int kFlush = 256;  // columns whose products are summed in Product
static_assert(kFlush % kStage == 0);

/// As many as there is shared memory for.
template <class Product>
constexpr int kTeams = 16 / sizeof(Product);
template <class Product>
constexpr int kThreads = kTeams<Product>* kTeam;

/// Numbers of a stage, which are on their way while others are worked on. One that must be converted comes by way of a
/// register, and is waited for.
template <int kVector, class Product, class T>
__device__ void load(device::Shared<Product> to, device::Global<const T> from, bool inside) {
  if constexpr (std::is_same_v<Product, T>) {
    device::copy_async<kVector>(to, from, inside);
  } else {
    static_assert(kVector == 1);
    to[0] = inside ? static_cast<Product>(static_cast<T>(from[0])) : Product(0);
  }
}

template <int kVector, class Product, class T, class Out>
__global__ void __launch_bounds__(kThreads<Product>, 2)
    gram_tiles(core::Factor<const T> f, Out* out, std::int64_t columns_per_block, Scratch scratch) {
  constexpr int kPitch = kTile + kOwn, kAcross = kTile / kVector, kAtOnce = kTeam / kAcross;  // columns a team loads
  constexpr int kBlock = kTeams<Product> * kStage, kValues = kTile * kTile / kThreads<Product>;
  ORTHANT_SHARED(Product, staged, [kTeams<Product>][kStages][2][kStage][kPitch]);  // rows and columns of the tile
  ORTHANT_SHARED(double, sums, [kOwn * kOwn][kTeam + 1]);
  const device::Global<const T> data = f.data;
  const device::Global<Out> g = out;
  const int thread = static_cast<int>(threadIdx.x), team = thread / kTeam, member = thread % kTeam, k = f.rank;
  // Tile number blockIdx.y of the upper triangle, counted down its columns.
  int tile_column = 0, number = static_cast<int>(blockIdx.y);
  while (number > tile_column) number -= ++tile_column;
  const int row0 = number * kTile, column0 = tile_column * kTile;
  const int columns = row0 == column0 ? 0 : 1;  // where they are staged: on the diagonal they are the rows
  const int own_row = member % 8 * kOwn, own_column = member / 8 * kOwn;
  const std::int64_t begin = blockIdx.x * columns_per_block;
  const std::int64_t end = begin + columns_per_block < f.count ? begin + columns_per_block : f.count;
  const auto stages = static_cast<int>((end - begin + kBlock - 1) / kBlock);  // of every team
  const int place = member / kAcross, component = member % kAcross * kVector;
  const auto load_stage = [&](int stage) {
    const std::int64_t first = begin + stage * kBlock + team * kStage + place;
    device::Global<const T> column = data + (first * f.ld + component);
    ORTHANT_UNROLL_LOOP
    for (int j = 0; j < kStage; j += kAtOnce) {
      const bool inside = stage < stages && first + j < end;
      load<kVector, Product, T>(&staged[team][stage % kStages][0][place + j][component], column + row0,
                                inside && row0 + component < k);
      if (columns == 1) {
        load<kVector, Product, T>(&staged[team][stage % kStages][1][place + j][component], column + column0,
                                  inside && column0 + component < k);
      }
      column = column + kAtOnce * f.ld;
    }
    device::commit_copies();
  };
  double total[kOwn][kOwn] = {};
  Product sum[kOwn][kOwn] = {};
  load_stage(0);
  for (int stage = 0; stage < stages; ++stage) {
    device::wait_copies<0>();
    device::sync_block();  // this stage is there, and nobody is at the last one any more, whose place is free
    load_stage(stage + 1);
    ORTHANT_UNROLL_LOOP
    for (int j = 0; j < kStage; ++j) {
      Product a[kOwn], b[kOwn];
      ORTHANT_UNROLL_LOOP
      for (int i = 0; i < kOwn; ++i) {
        a[i] = staged[team][stage % kStages][0][j][own_row + i];
        b[i] = staged[team][stage % kStages][columns][j][own_column + i];
      }
      ORTHANT_UNROLL_LOOP
      for (int p = 0; p < kOwn; ++p) {
        ORTHANT_UNROLL_LOOP
        for (int q = 0; q < kOwn; ++q) sum[p][q] += a[p] * b[q];
      }
    }
    if ((stage + 1) % (kFlush / kStage) != 0 && stage + 1 < stages) continue;
    ORTHANT_UNROLL_LOOP
    for (int p = 0; p < kOwn; ++p) {
      ORTHANT_UNROLL_LOOP
      for (int q = 0; q < kOwn; ++q) {
        total[p][q] += static_cast<double>(sum[p][q]);
        sum[p][q] = 0;
      }
    }
  }
  device::wait_copies<0>();
  // One team after the other adds its own; then all threads have a share of the tile, neighbours of a row.
  for (int turn = 0; turn < kTeams<Product>; ++turn) {
    if (team == turn) {
      ORTHANT_UNROLL_LOOP
      for (int p = 0; p < kOwn; ++p) {
        ORTHANT_UNROLL_LOOP
        for (int q = 0; q < kOwn; ++q) {
          const double before = turn == 0 ? 0.0 : static_cast<double>(sums[p * kOwn + q][member]);
          sums[p * kOwn + q][member] = before + total[p][q];
        }
      }
    }
    device::sync_block();
  }
  double share[kValues];
  ORTHANT_UNROLL_LOOP
  for (int i = 0; i < kValues; ++i) {
    const int at = i * kThreads<Product> + thread, p = at / kTile, q = at % kTile;
    share[i] = sums[p % kOwn * kOwn + q % kOwn][q / kOwn * 8 + p / kOwn];
  }
  if (!sum_over_blocks<kThreads<Product>>(share, scratch.values, scratch.counters, blockIdx.y, blockIdx.x, gridDim.x)) {
    return;
  }
  ORTHANT_UNROLL_LOOP
  for (int i = 0; i < kValues; ++i) {
    const int at = i * kThreads<Product> + thread, p = row0 + at / kTile, q = column0 + at % kTile;
    if (q >= k || p > q) continue;
    g[static_cast<std::int64_t>(p) * k + q] = static_cast<Out>(share[i]);
    g[static_cast<std::int64_t>(q) * k + p] = static_cast<Out>(share[i]);
  }
}

template <int kVector, class Product, class T, class Out>
void launch_tiles(const Gpu& gpu, core::Factor<const T> f, core::Gram<Out> g) {
  constexpr int kBlock = kTeams<Product> * kStage;
  const int tiles = (f.rank + kTile - 1) / kTile, pairs = tiles * (tiles + 1) / 2;
  const std::int64_t room = Gpu::kScratchValues / (kTile * kTile) / pairs, resident = 2 * gpu.multiprocessors() / pairs;
  const std::int64_t chunks = grid_size(f.count, kBlock, std::max<std::int64_t>(1, std::min(room, resident)));
  const std::int64_t columns = ((f.count + chunks - 1) / chunks + kBlock - 1) / kBlock * kBlock;
  const auto used = static_cast<unsigned>((f.count + columns - 1) / columns);
  launch(gpu, "Gram matrix", gram_tiles<kVector, Product, T, Out>, dim3(used, static_cast<unsigned>(pairs)),
         kThreads<Product>, 0, f, g.data, columns, gpu.scratch());
}

}  // namespace

template <class Product, class T, class Out>
void gram_matrix(const Gpu& gpu, core::Factor<const T> f, core::Gram<Out> g) {
  if constexpr (std::is_same_v<Product, T>) {
    constexpr int kVector = 16 / sizeof(T);
    const int vector = components_at_once(f);
    if (vector == kVector) return launch_tiles<kVector, Product>(gpu, f, g);
    if (vector == 2) return launch_tiles<2, Product>(gpu, f, g);
  }
  launch_tiles<1, Product>(gpu, f, g);
}

template void gram_matrix<float>(const Gpu&, core::Factor<const float>, core::Gram<float>);
template void gram_matrix<double>(const Gpu&, core::Factor<const double>, core::Gram<double>);
template void gram_matrix<double>(const Gpu&, core::Factor<const float>, core::Gram<double>);

}  // namespace orthant::cuda
