#pragma once

#include "cuda/kernels/factor_step.cuh"

// The update of small ranks: each thread has a column of F for itself, and with it nobody to wait for. The Gram matrix
// and the block's columns of F come to shared memory in one go; those of R too, or at larger ranks, where the room lets
// more blocks be at work, they are read where they are, each once a sweep and well before it is needed.
namespace orthant::cuda {

inline constexpr int kColumnThreads = kReduceThreads;
inline constexpr int kColumnBlock = 8;  // components updated together, whose sums are in registers

inline constexpr int padded_rank(int rank) { return (rank + kColumnBlock - 1) / kColumnBlock * kColumnBlock; }

/// Whether R comes to shared memory, where multiplicative updates then leave the new F.
inline constexpr bool stages_products(int rank, Kind kind) { return rank <= 32 || kind == Kind::multiplicative; }

/// Elements of shared memory: the Gram matrix, and the columns of F and R, an odd number apart, so that the threads of
/// a warp are at different banks.
inline constexpr std::size_t column_elements(int rank, Kind kind) {
  const auto padded = static_cast<std::size_t>(padded_rank(rank));
  return padded * padded + (stages_products(rank, kind) ? 2 : 1) * kColumnThreads * (padded + 1);
}

template <Kind kKind, class T>
__global__ void __launch_bounds__(kColumnThreads, 32 / sizeof(T)) update_columns(UpdateArguments<T> a) {
  ORTHANT_DYNAMIC_SHARED(T, gram);  // its rows, of which all threads read the same entry, whole vectors of them
  constexpr int kLanes = 32, kWarps = kColumnThreads / kLanes;
  const int k = a.rank, padded = padded_rank(k), stride = padded + 1;
  const device::Shared<T> f_columns = gram + padded * padded, r_columns = f_columns + kColumnThreads * stride;
  const bool staged = stages_products(k, kKind);
  const device::Global<T> global_f = a.f;
  const device::Global<const T> global_r = a.r, global_gram = a.gram;
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kLanes, lane = thread % kLanes;
  const device::Shared<T> f = f_columns + thread * stride, staged_r = r_columns + thread * stride;
  for (int d = warp; d < padded; d += kWarps) {
    for (int e = lane; e < padded; e += kLanes) {
      // Components beyond the rank are 0 and stay 0.
      if (d == e && d >= k) {
        gram[d * padded + e] = 1;
      } else {
        device::copy_async(gram + d * padded + e, global_gram + d * k + e, d < k && e < k);
      }
    }
  }
  const std::int64_t tiles = (a.count + kColumnThreads - 1) / kColumnThreads;
  double sums[2] = {0, 0};
  for (std::int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const std::int64_t first = tile * kColumnThreads;
    const int valid = static_cast<int>(a.count - first < kColumnThreads ? a.count - first : kColumnThreads);
    device::sync_block();  // nobody stores the last tile's any more
    for (int c = lane; c < padded; c += kLanes) {
      device::Global<const T> from_f = global_f + ((first + warp) * a.f_ld + c);
      device::Global<const T> from_r = global_r + ((first + warp) * a.r_ld + c);
      ORTHANT_UNROLL_LOOP
      for (int j = 0; j < kColumnThreads; j += kWarps) {
        const bool inside = warp + j < valid && c < k;
        device::copy_async(f_columns + (warp + j) * stride + c, from_f, inside);
        if (staged) device::copy_async(r_columns + (warp + j) * stride + c, from_r, inside);
        from_f = from_f + kWarps * a.f_ld;
        from_r = from_r + kWarps * a.r_ld;
      }
    }
    device::commit_copies();
    device::wait_copies<0>();
    device::sync_block();
    const device::Global<const T> own_r = global_r + (first + thread) * a.r_ld;
    const auto r = [&](int c) {
      if (staged) return static_cast<T>(staged_r[c]);
      return thread < valid && c < k ? static_cast<T>(own_r[c]) : T(0);
    };
    for (int sweep = 0; sweep < a.sweeps; ++sweep) {
      for (int begin = 0; begin < k; begin += kColumnBlock) {
        T sum[kColumnBlock], fe[kColumnBlock], re[kColumnBlock];
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kColumnBlock; ++e) {
          sum[e] = a.l1;
          re[e] = r(begin + e);
        }
        const auto add = [&](int from, int to) {  // what components of other blocks make
          for (int d = from; d < to; ++d) {
            const T fd = f[d];
            ORTHANT_UNROLL_LOOP
            for (int e = 0; e < kColumnBlock; ++e) sum[e] += static_cast<T>(gram[d * padded + begin + e]) * fd;
          }
        };
        add(0, begin);
        add(begin + kColumnBlock, k);
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kColumnBlock; ++e) fe[e] = f[begin + e];
        const device::Shared<T> own = gram + begin * padded + begin;
        T curvature[kColumnBlock], inverse[kColumnBlock];
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kColumnBlock; ++e) {
          curvature[e] = static_cast<T>(own[e * padded + e]) + a.l2;
          inverse[e] = usual_inverse(curvature[e]);
        }
        // What a component makes of the gradient at the others is added as soon as it is known, by the rows of the Gram
        // matrix, which is symmetric: the way from one update to the next is a few products.
        ORTHANT_UNROLL_LOOP
        for (int d = 0; d < kColumnBlock; ++d) {
          ORTHANT_UNROLL_LOOP
          for (int e = 0; e < (kKind == Kind::hals ? d : kColumnBlock); ++e) {
            if (e != d) sum[e] += static_cast<T>(own[d * padded + e]) * fe[d];
          }
        }
        if constexpr (kKind == Kind::hals) {
          ORTHANT_UNROLL_LOOP
          for (int e = 0; e < kColumnBlock; ++e) {
            const Component<T> component{fe[e], sum[e], re[e], curvature[e]};
            fe[e] = component.by_hals(inverse[e], [&] {
              bool empty = true;
              for (int c = 0; c < k && empty; ++c) empty = r(c) == T(0);
              return empty;
            });
            ORTHANT_UNROLL_LOOP
            for (int d = e + 1; d < kColumnBlock; ++d) sum[d] += static_cast<T>(own[e * padded + d]) * fe[e];
          }
        }
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kColumnBlock; ++e) {
          const Component<T> component{f[begin + e], sum[e], re[e], curvature[e]};
          if (a.kkt != nullptr && sweep == 0) component.measure(sums);
          if constexpr (kKind == Kind::hals) f[begin + e] = fe[e];
          // The old F stays for the components to come.
          if constexpr (kKind == Kind::multiplicative) staged_r[begin + e] = component.by_ratio();
        }
      }
    }
    if constexpr (kKind == Kind::probe) continue;
    device::sync_block();
    const device::Shared<T> result = kKind == Kind::hals ? f_columns : r_columns;
    for (int j = warp; j < valid; j += kWarps) {
      for (int c = lane; c < k; c += kLanes)
        global_f[(first + j) * a.f_ld + c] = static_cast<T>(result[j * stride + c]);
    }
  }
  if (a.kkt == nullptr) return;
  if (sum_over_grid(sums, a.scratch.values, a.scratch.counters)) {
    a.kkt->step_squared = sums[0];
    a.kkt->product_squared = sums[1];
  }
}

}  // namespace orthant::cuda
