#include "cuda/kernels/divergence_sparse.hpp"

#include "cuda/kernels/divergence.cuh"
#include "cuda/kernels/observed.cuh"
#include "cuda/kernels/segments.cuh"
#include "cuda/launch.hpp"

// Each entry is visited once: the column of the other factor is gathered into registers, its dot product with the
// segment's own column makes the fit, and with the coefficients of that it is added to the sums. Ranks above 128 have a
// grid row for the sums of every 128 components, and each makes the fits anew.
namespace orthant::cuda {
namespace {

constexpr int kBatch = 4;  // entries worked on together

// The sum over the group's lanes of v[lane % kBatch]. Lanes swap what they do not keep, so that each step halves the
// numbers: of 4 x 32 numbers 6 shuffles instead of 20.
template <int kLanes, class T>
__device__ T sum_over_lanes(const T (&v)[kBatch]) {
  const unsigned lane = threadIdx.x, lanes = group_lanes<kLanes>();
  static_assert(kBatch == 4);
  const bool odd = lane % 2 != 0, upper = lane / 2 % 2 != 0;
  const T low = (odd ? v[1] : v[0]) + device::shuffle_xor(odd ? v[0] : v[1], 1, kLanes, lanes);
  const T high = (odd ? v[3] : v[2]) + device::shuffle_xor(odd ? v[2] : v[3], 1, kLanes, lanes);
  T sum = (upper ? high : low) + device::shuffle_xor(upper ? low : high, 2, kLanes, lanes);
  ORTHANT_UNROLL_LOOP
  for (int step = 4; step < kLanes; step *= 2) sum += device::shuffle_xor(sum, step, kLanes, lanes);
  return sum;
}

template <int kLanes, int kOwn, int kResults, class T>
__global__ void __launch_bounds__(kSegmentThreads, 8)
    terms(Compressed<T> x, LongSegments parts, core::Factor<const T> own, core::Factor<const T> other,
          ElementCoefficients<T> coefficients, core::Factor<T> numerator, core::Factor<T> denominator, T* partial) {
  const device::Global<const std::int32_t> indices = x.indices;
  const device::Global<const T> values = x.values, own_data = own.data, other_data = other.data;
  constexpr int kGroups = kSegmentThreads / kLanes, kWidth = kLanes * kOwn;
  const int lane = static_cast<int>(threadIdx.x) % kLanes, rank = own.rank;
  const int first = static_cast<int>(blockIdx.y) * kWidth, c0 = first + lane;
  const std::int64_t rounds = segment_rounds(x, parts, kGroups);
  for (std::int64_t round = 0; round < rounds; ++round) {
    const SegmentTask task = segment_task(x, parts, kGroups, round);
    const std::int64_t own_column = task.segment * own.ld;
    T mine[kOwn] = {};
    if (task.begin < task.end) {
      ORTHANT_UNROLL_LOOP
      for (int o = 0; o < kOwn; ++o) {
        const int c = c0 + o * kLanes;
        if (c < rank) mine[o] = own_data[own_column + c];
      }
    }
    T sums[kResults][kOwn] = {};
    std::int32_t next[kBatch];  // indices of the entries that come
    const auto fetch_indices = [&](std::int64_t p) {
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < kBatch; ++e) next[e] = p + e < task.end ? static_cast<std::int32_t>(indices[p + e]) : 0;
    };
    fetch_indices(task.begin);
    for (std::int64_t p = task.begin; p < task.end; p += kBatch) {
      T columns[kBatch][kOwn], fits[kBatch];
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < kBatch; ++e) {
        fits[e] = 0;
        const bool inside = p + e < task.end;
        const std::int64_t column = next[e] * other.ld;
        ORTHANT_UNROLL_LOOP
        for (int o = 0; o < kOwn; ++o) {
          const int c = c0 + o * kLanes;
          columns[e][o] = inside && c < rank ? static_cast<T>(other_data[column + c]) : T(0);
          fits[e] += mine[o] * columns[e][o];
        }
      }
      if (kWidth == kMostComponents && gridDim.y > 1) {  // the other grid rows' components
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kBatch; ++e) {
          const std::int64_t column = next[e] * other.ld;
          for (int c = lane; p + e < task.end && c < rank; c += kLanes) {
            if (c < first || c >= first + kWidth) {
              fits[e] += static_cast<T>(own_data[own_column + c]) * static_cast<T>(other_data[column + c]);
            }
          }
        }
      }
      fetch_indices(p + kBatch);
      // Lane l has the coefficients of entry l % kBatch, and all lanes get them from it.
      const std::int64_t entry = p + lane % kBatch;
      const T weight = entry < task.end ? weight_of(x, entry) : T(0);
      const T value = entry < task.end ? static_cast<T>(values[entry]) : T(0);
      const T fit = sum_over_lanes<kLanes>(fits);
      const unsigned lanes = group_lanes<kLanes>();
      typename ElementCoefficients<T>::Coefficients of_entry{0, 0};
      if (weight > 0) {
        of_entry = coefficients(value, fit);
        of_entry.numerator *= weight;
        of_entry.denominator *= weight;
      }
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < kBatch; ++e) {
        const T a = device::shuffle(of_entry.numerator, e, kLanes, lanes);
        ORTHANT_UNROLL_LOOP
        for (int o = 0; o < kOwn; ++o) sums[0][o] += a * columns[e][o];
        if constexpr (kResults == 2) {
          const T b = device::shuffle(of_entry.denominator, e, kLanes, lanes);
          ORTHANT_UNROLL_LOOP
          for (int o = 0; o < kOwn; ++o) sums[1][o] += b * columns[e][o];
        }
      }
    }
    if constexpr (kResults == 2) {
      store_segment_sums<kLanes>(x, parts, task, c0, sums, {numerator, denominator}, partial);
    } else {
      store_segment_sums<kLanes>(x, parts, task, c0, sums, {numerator}, partial);
    }
  }
}

}  // namespace

template <class T>
void sparse_divergence_terms(const Gpu& gpu, Compressed<T> x, LongSegments parts, core::Factor<const T> own,
                             core::Factor<const T> other, const core::Divergence& divergence, core::Factor<T> numerator,
                             core::Factor<T> denominator, T* partial) {
  launch_segments(x, parts, own.rank, [&]<int kLanes, int kOwn>(dim3 grid) {
    launch(gpu, "divergence of sparse X",
           denominator.data != nullptr ? terms<kLanes, kOwn, 2, T> : terms<kLanes, kOwn, 1, T>, grid, kSegmentThreads,
           0, x, parts, own, other, ElementCoefficients<T>(divergence), numerator, denominator, partial);
  });
}

#define ORTHANT_INSTANTIATE(T)                                                                           \
  template void sparse_divergence_terms(const Gpu&, Compressed<T>, LongSegments, core::Factor<const T>,  \
                                        core::Factor<const T>, const core::Divergence&, core::Factor<T>, \
                                        core::Factor<T>, T*);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
