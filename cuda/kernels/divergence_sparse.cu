#include "cuda/kernels/divergence_sparse.hpp"

#include <algorithm>

#include "cuda/kernels/divergence.cuh"
#include "cuda/kernels/observed.cuh"
#include "cuda/kernels/segments.cuh"
#include "cuda/kernels/vectors.hpp"
#include "cuda/launch.hpp"

// Each entry is visited once: the column of the other factor is gathered into registers, its dot product with the
// segment's own column makes the fit, and with the coefficients of that it is added to the sums. Ranks above 128 have a
// launch for the sums of every 128 components, and each makes the fits anew.
namespace orthant::cuda {
namespace {

// Entries that a group works on together: each has a lane that makes its coefficients, and those of its columns that
// are in registers at once do not push others out.
template <int kLanes, int kVector, class T>
constexpr int kBatch = std::min<int>(kLanes, (kVector == 1 ? 16 : 32) / sizeof(T));

// The sum over the group's lanes of v[lane % kNumbers]. Lanes swap what they do not keep, so that each step halves the
// numbers: of 8 for each of 8 lanes 7 shuffles instead of 24. All lanes of a warp must come.
template <int kLanes, int kNumbers, class T>
__device__ T sum_over_lanes(T (&v)[kNumbers]) {
  ORTHANT_UNROLL_LOOP
  for (int step = 1; step < kNumbers; step *= 2) {
    const bool keeps_odd = threadIdx.x / step % 2 != 0;
    ORTHANT_UNROLL_LOOP
    for (int i = 0; i < kNumbers / 2 / step; ++i) {
      const T kept = keeps_odd ? v[2 * i + 1] : v[2 * i], given = keeps_odd ? v[2 * i] : v[2 * i + 1];
      v[i] = kept + device::shuffle_xor(given, step);
    }
  }
  ORTHANT_UNROLL_LOOP
  for (int step = kNumbers; step < kLanes; step *= 2) v[0] += device::shuffle_xor(v[0], step);
  return v[0];
}

template <int kLanes, int kVector, int kResults, class T>
__global__ void __launch_bounds__(kSegmentThreads, 8)
    terms(Compressed<T> x, LongSegments parts, core::Factor<const T> own, core::Factor<const T> other,
          ElementCoefficients<T> coefficients, core::Factor<T> numerator, core::Factor<T> denominator, int first,
          T* partial) {
  const device::Global<const std::int32_t> indices = x.indices;
  const device::Global<const T> values = x.values, own_data = own.data, other_data = other.data;
  constexpr int kWidth = kLanes * kOwnComponents, kVectors = kOwnComponents / kVector,
                kEntries = kBatch<kLanes, kVector, T>;
  const int lane = static_cast<int>(threadIdx.x) % kLanes, rank = own.rank;
  const LaneComponents<kLanes, kVector> components(first, rank);
  for_each_task<kLanes>(x, parts, [&](const SegmentTask& task, int count, int most) {
    const device::Global<const T> own_column = own_data + task.segment * own.ld;
    T mine[kVectors][kVector] = {};
    ORTHANT_UNROLL_LOOP
    for (int v = 0; v < kVectors; ++v) {
      if (count > 0 && components.has(v)) device::load(own_column + components.begin(v), mine[v]);
    }
    T sums[kResults][kVectors][kVector] = {};
    // Lane l has entry l % kEntries of those that come: where its column begins. Beyond the last entry that one again,
    // which then counts for nothing.
    std::int64_t next_column = 0;
    const auto fetch_column = [&](int done) {
      const int e = done + lane % kEntries;
      if (count > 0) next_column = indices[task.begin + (e < count ? e : count - 1)] * other.ld;
    };
    fetch_column(0);
    for (int done = 0; done < most; done += kEntries) {
      T columns[kEntries][kVectors][kVector], fits[kEntries] = {};
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < kEntries; ++e) {
        const device::Global<const T> column = other_data + device::shuffle(next_column, e, kLanes);
        ORTHANT_UNROLL_LOOP
        for (int v = 0; v < kVectors; ++v) device::load(column + components.inside(v), columns[e][v]);
        if (kWidth == kMostComponents && rank > kWidth && done + e < count) {  // the other launches' components
          for (int c = lane; c < rank; c += kLanes) {
            if (c < first || c >= first + kWidth) {
              fits[e] += static_cast<T>(own_column[c]) * static_cast<T>(column[c]);
            }
          }
        }
      }
      const int entry = done + lane % kEntries;
      const T weight = entry < count ? weight_of(x, task.begin + entry) : T(0);
      const T value = entry < count ? static_cast<T>(values[task.begin + entry]) : T(0);
      fetch_column(done + kEntries);
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < kEntries; ++e) {
        ORTHANT_UNROLL_LOOP
        for (int v = 0; v < kVectors; ++v) {
          ORTHANT_UNROLL_LOOP
          for (int q = 0; q < kVector; ++q) fits[e] += mine[v][q] * columns[e][v][q];
        }
      }
      const T fit = sum_over_lanes<kLanes>(fits);
      typename ElementCoefficients<T>::Coefficients of_entry{0, 0};
      if (weight > 0) {
        of_entry = coefficients(value, fit);
        of_entry.numerator *= weight;
        of_entry.denominator *= weight;
      }
      ORTHANT_UNROLL_LOOP
      for (int e = 0; e < kEntries; ++e) {
        const T a = device::shuffle(of_entry.numerator, e, kLanes);
        const T b = kResults == 2 ? device::shuffle(of_entry.denominator, e, kLanes) : T(0);
        ORTHANT_UNROLL_LOOP
        for (int v = 0; v < kVectors; ++v) {
          ORTHANT_UNROLL_LOOP
          for (int q = 0; q < kVector; ++q) {
            sums[0][v][q] += a * columns[e][v][q];
            if constexpr (kResults == 2) sums[1][v][q] += b * columns[e][v][q];
          }
        }
      }
    }
    if constexpr (kResults == 2) {
      store_segment_sums(x, parts, task, count, components, sums, {numerator, denominator}, partial);
    } else {
      store_segment_sums(x, parts, task, count, components, sums, {numerator}, partial);
    }
  });
}

}  // namespace

template <class T>
void sparse_divergence_terms(const Gpu& gpu, Compressed<T> x, LongSegments parts, core::Factor<const T> own,
                             core::Factor<const T> other, const core::Divergence& divergence, core::Factor<T> numerator,
                             core::Factor<T> denominator, T* partial) {
  const bool two = denominator.data != nullptr;
  const int vector = std::min({components_at_once(own), components_at_once(other), components_at_once(numerator),
                               two ? components_at_once(denominator) : 16});
  launch_segments(x, parts, own.rank, vector, [&]<int kLanes, int kVector>(unsigned blocks, int first) {
    launch(gpu, "divergence of sparse X", two ? terms<kLanes, kVector, 2, T> : terms<kLanes, kVector, 1, T>, blocks,
           kSegmentThreads, 0, x, parts, own, other, ElementCoefficients<T>(divergence), numerator, denominator, first,
           partial);
  });
}

#define ORTHANT_INSTANTIATE(T)                                                                           \
  template void sparse_divergence_terms(const Gpu&, Compressed<T>, LongSegments, core::Factor<const T>,  \
                                        core::Factor<const T>, const core::Divergence&, core::Factor<T>, \
                                        core::Factor<T>, T*);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
