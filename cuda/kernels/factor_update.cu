#include "cuda/kernels/factor_update.hpp"

#include <cmath>
#include <cstdint>

#include "cuda/kernels/factor_columns.cuh"
#include "cuda/kernels/factor_step.cuh"
#include "cuda/kernels/reduce.cuh"
#include "cuda/launch.hpp"

// Columns are independent. Where the rank is small, each thread takes one (factor_columns.cuh). Otherwise a block takes
// a few of them, keeps them in shared memory, and walks over their components 16 at a time (the tiling of ALO-NMF, Moon
// et al. 2020): first what the 16 need of all other components, which is a product with 16 sums in registers per
// column, shared among the threads by component; then the 16 among themselves, one thread per column. Either way F is
// read and written once, however many sweeps.
namespace orthant::cuda {
namespace {

constexpr int kThreads = kReduceThreads;
constexpr int kBlock = 16;            // components updated together
constexpr int kChunk = 64;            // rows of the Gram matrix staged at a time
constexpr int kGramRow = kBlock + 4;  // of these, apart: groups of threads read different rows, from different banks
constexpr int kMostColumns = 32;      // of a block: a warp reads one entry of the Gram matrix for 32 columns

template <class T>
struct Arguments : UpdateArguments<T> {
  int columns, stride;  // of F, per block: a power of two; `stride` apart in shared memory
};

// From one column of F to the next in shared memory. The lanes that memory serves at once have all columns, and for
// each of them as many components, one after another, as there are groups of threads among them: an odd multiple of
// that number gives every lane a bank of its own.
template <class T>
int column_stride(int rank, int columns) {
  constexpr int kLanes = 128 / sizeof(T);
  const int groups = columns < kLanes ? kLanes / columns : 1;
  return groups * ((rank + groups - 1) / groups | 1);
}

// In elements of T: the columns of F, and the tiles below.
template <class T>
std::size_t shared_elements(int rank, int columns) {
  return static_cast<std::size_t>(column_stride<T>(rank, columns)) * columns + kChunk * kGramRow + kBlock * kBlock +
         kThreads * (kBlock + 1) + kBlock * (columns + 1);
}

template <Kind kKind, class T>
__global__ void __launch_bounds__(kThreads, 4) update(Arguments<T> a) {
  // The tiles whose sizes are constant come first, so that the compiler sees their alignment and loads whole vectors.
  ORTHANT_DYNAMIC_SHARED(T, g);                                 // rows of the Gram matrix, 16 components of each
  const device::Shared<T> own = g + kChunk * kGramRow;          // its diagonal block
  const device::Shared<T> parts = own + kBlock * kBlock;        // per thread 16 sums
  const device::Shared<T> r = parts + kThreads * (kBlock + 1);  // 16 components of R; then of the new F
  const int ld = a.columns + 1, k = a.rank;
  const device::Shared<T> f = r + kBlock * ld;  // component c of column j at j * stride + c
  const device::Global<T> global_f = a.f;
  const device::Global<const T> global_r = a.r, gram = a.gram;
  const int thread = static_cast<int>(threadIdx.x);
  const int column = thread % a.columns, group = thread / a.columns, groups = kThreads / a.columns;
  const std::int64_t tiles = (a.count + a.columns - 1) / a.columns;
  double sums[2] = {0, 0};
  for (std::int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const std::int64_t first = tile * a.columns;
    const int valid = static_cast<int>(a.count - first < a.columns ? a.count - first : a.columns);
    device::sync_block();
    for (int i = thread; i < k * a.columns; i += kThreads) {
      const int c = i % k, j = i / k;
      f[j * a.stride + c] = j < valid ? static_cast<T>(global_f[(first + j) * a.f_ld + c]) : T(0);
    }
    for (int sweep = 0; sweep < a.sweeps; ++sweep) {
      for (int begin = 0; begin < k; begin += kBlock) {
        const int size = k - begin < kBlock ? k - begin : kBlock;
        T sum[kBlock];
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kBlock; ++e) sum[e] = 0;
        for (int chunk = 0; chunk < k; chunk += kChunk) {
          device::sync_block();
          for (int i = thread; i < kChunk * kBlock; i += kThreads) {
            const int d = chunk + i / kBlock, e = i % kBlock;
            const bool other = d < k && e < size && (d < begin || d >= begin + kBlock);
            g[i / kBlock * kGramRow + e] =
                other ? static_cast<T>(gram[static_cast<std::int64_t>(d) * k + begin + e]) : T(0);
          }
          device::sync_block();
          const int rows = k - chunk < kChunk ? k - chunk : kChunk;
          for (int d = group; d < rows; d += groups) {
            const T fd = f[column * a.stride + chunk + d];
            ORTHANT_UNROLL_LOOP
            for (int e = 0; e < kBlock; ++e) sum[e] += static_cast<T>(g[d * kGramRow + e]) * fd;
          }
        }
        for (int i = thread; i < kBlock * kBlock; i += kThreads) {
          const int d = i / kBlock, e = i % kBlock;
          own[i] =
              d < size && e < size ? static_cast<T>(gram[static_cast<std::int64_t>(begin + d) * k + begin + e]) : T(0);
        }
        for (int i = thread; i < kBlock * a.columns; i += kThreads) {
          const int e = i % kBlock, j = i / kBlock;
          r[e * ld + j] = e < size && j < valid ? static_cast<T>(global_r[(first + j) * a.r_ld + begin + e]) : T(0);
        }
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kBlock; ++e) parts[thread * (kBlock + 1) + e] = sum[e];
        device::sync_block();
        if (thread < a.columns) {
          T fe[kBlock], inverse[kBlock];
          ORTHANT_UNROLL_LOOP
          for (int e = 0; e < kBlock; ++e) {
            fe[e] = e < size ? static_cast<T>(f[column * a.stride + begin + e]) : T(0);
            inverse[e] = usual_inverse(static_cast<T>(own[e * kBlock + e]) + a.l2);
            sum[e] = a.l1;
            for (int p = 0; p < groups; ++p)
              sum[e] += static_cast<T>(parts[(p * a.columns + column) * (kBlock + 1) + e]);
          }
          ORTHANT_UNROLL_LOOP
          for (int e = 0; e < kBlock; ++e) {
            T others = sum[e];
            ORTHANT_UNROLL_LOOP
            for (int d = 0; d < kBlock; ++d) {
              if (d != e) others += static_cast<T>(own[e * kBlock + d]) * fe[d];
            }
            const Component<T> component{fe[e], others, r[e * ld + column], static_cast<T>(own[e * kBlock + e]) + a.l2};
            if (a.kkt != nullptr && sweep == 0 && e < size) component.measure(sums);
            T next = fe[e];
            if constexpr (kKind == Kind::hals) {
              next = component.by_hals(inverse[e], [&] {
                bool empty = e < size && column < valid;
                for (int c = 0; c < k && empty; ++c) empty = global_r[(first + column) * a.r_ld + c] == T(0);
                return empty;
              });
              fe[e] = next;
              if (e < size) f[column * a.stride + begin + e] = next;
            } else if constexpr (kKind == Kind::multiplicative) {
              next = component.by_ratio();  // the old F stays for the components to come
            }
            r[e * ld + column] = next;
          }
        }
        if (kKind != Kind::probe && sweep == a.sweeps - 1) {
          device::sync_block();
          for (int i = thread; i < kBlock * valid; i += kThreads) {
            const int e = i % kBlock, j = i / kBlock;
            if (e < size) global_f[(first + j) * a.f_ld + begin + e] = static_cast<T>(r[e * ld + j]);
          }
        }
      }
    }
  }
  if (a.kkt == nullptr) return;
  if (sum_over_grid(sums, a.scratch.values, a.scratch.counters)) {
    a.kkt->step_squared = sums[0];
    a.kkt->product_squared = sums[1];
  }
}

template <Kind kKind, class T>
void launch_update(const Gpu& gpu, const char* name, T* f, std::int64_t f_ld, std::int64_t count,
                   const core::Terms<T>& terms, core::ScaledPenalty penalty, int sweeps, core::KktSums* kkt) {
  const int rank = terms.gram.rank;
  const UpdateArguments<T> arguments{f,
                                     terms.numerator.data,
                                     terms.gram.data,
                                     f_ld,
                                     terms.numerator.ld,
                                     count,
                                     rank,
                                     sweeps,
                                     static_cast<T>(penalty.l1),
                                     static_cast<T>(penalty.l2),
                                     kkt,
                                     gpu.scratch()};
  // Two blocks on a multiprocessor: while one of them waits for memory, the other computes.
  const std::size_t room = shared_budget(gpu, kReduceSharedBytes<2>, 2);
  if (const std::size_t bytes = column_elements(rank, kKind) * sizeof(T); bytes <= room) {
    launch(gpu, name, update_columns<kKind, T>, grid_size(gpu, count, kColumnThreads), kColumnThreads, bytes,
           arguments);
    return;
  }
  int columns = kMostColumns;
  while (columns > 1 && shared_elements<T>(rank, columns) * sizeof(T) > room) columns /= 2;
  // Few columns: rather all multiprocessors at work than full warps.
  while (columns > 4 && count / columns < 2 * gpu.multiprocessors()) columns /= 2;
  launch(gpu, name, update<kKind, T>, grid_size(gpu, count, columns), kThreads,
         shared_elements<T>(rank, columns) * sizeof(T),
         Arguments<T>{arguments, columns, column_stride<T>(rank, columns)});
}

}  // namespace

template <class T>
void update_hals(const Gpu& gpu, core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,
                 int sweeps, core::KktSums* kkt) {
  launch_update<Kind::hals>(gpu, "HALS update", f.data, f.ld, f.count, terms, penalty, sweeps, kkt);
}

template <class T>
void update_multiplicative(const Gpu& gpu, core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,
                           core::KktSums* kkt) {
  launch_update<Kind::multiplicative>(gpu, "multiplicative update", f.data, f.ld, f.count, terms, penalty, 1, kkt);
}

template <class T>
void probe_kkt(const Gpu& gpu, core::Factor<const T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,
               core::KktSums* kkt) {
  // The probe does not write.
  launch_update<Kind::probe>(gpu, "KKT probe", const_cast<T*>(f.data), f.ld, f.count, terms, penalty, 1, kkt);
}

#define ORTHANT_INSTANTIATE(T)                                                                                 \
  template void update_hals(const Gpu&, core::Factor<T>, const core::Terms<T>&, core::ScaledPenalty, int,      \
                            core::KktSums*);                                                                   \
  template void update_multiplicative(const Gpu&, core::Factor<T>, const core::Terms<T>&, core::ScaledPenalty, \
                                      core::KktSums*);                                                         \
  template void probe_kkt(const Gpu&, core::Factor<const T>, const core::Terms<T>&, core::ScaledPenalty,       \
                          core::KktSums*);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
