#include "cuda/kernels/sparse_product.hpp"

#include <algorithm>

#include "cuda/kernels/segments.cuh"
#include "cuda/kernels/vectors.hpp"
#include "cuda/launch.hpp"

// Each lane of a group has four components, so that an entry reads one piece of contiguous memory of the factor, its
// column. Indices and values are read as many at a time as the group has lanes, and handed around; several columns are
// on their way at once, since each takes as long as memory does, and so are the indices that come after.
namespace orthant::cuda {
namespace {

template <int kLanes, int kVector, class T>
__global__ void __launch_bounds__(kSegmentThreads, 10)
    gather(Compressed<T> x, LongSegments parts, core::Factor<const T> f, core::Factor<T> r, int first_component,
           T* partial) {
  constexpr int kVectors = kOwnComponents / kVector;
  constexpr int kAtOnce = (kVector == 1 ? 16 : 32) / sizeof(T);  // columns on their way
  constexpr int kFetched = kLanes < kAtOnce ? kAtOnce : kLanes;  // entries, kOfLane of each lane
  constexpr int kOfLane = kFetched / kLanes;
  const device::Global<const std::int32_t> indices = x.indices;
  const device::Global<const T> values = x.values, data = f.data;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const LaneComponents<kLanes, kVector> own(first_component, f.rank);
  for_each_task<kLanes>(x, parts, [&](const SegmentTask& task, int count, int most) {
    T sums[1][kVectors][kVector] = {};
    // Where the columns of entries begin, and their values. Beyond the last entry that one again, times 0.
    std::int64_t next_column[kOfLane] = {};
    T next_value[kOfLane] = {};
    const auto fetch = [&](int done) {
      ORTHANT_UNROLL_LOOP
      for (int i = 0; i < kOfLane; ++i) {
        const int e = done + i * kLanes + lane;
        const std::int64_t p = task.begin + (e < count ? e : count - 1);
        if (count > 0) next_column[i] = indices[p] * f.ld;
        next_value[i] = e < count ? static_cast<T>(values[p]) : T(0);
      }
    };
    fetch(0);
    for (int done = 0; done < most; done += kFetched) {
      std::int64_t column[kOfLane];
      T value[kOfLane];
      ORTHANT_UNROLL_LOOP
      for (int i = 0; i < kOfLane; ++i) {
        column[i] = next_column[i];
        value[i] = next_value[i];
      }
      fetch(done + kFetched);
      for (int first = 0; first < kFetched && done + first < most; first += kAtOnce) {
        T columns[kAtOnce][kVectors][kVector], value_of[kAtOnce];
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kAtOnce; ++e) {
          const int holder = kOfLane == 1 ? first + e : e % kLanes, i = kOfLane == 1 ? 0 : e / kLanes;
          const device::Global<const T> from = data + device::shuffle(column[i], holder, kLanes);
          value_of[e] = device::shuffle(value[i], holder, kLanes);
          ORTHANT_UNROLL_LOOP
          for (int v = 0; v < kVectors; ++v) device::load(from + own.inside(v), columns[e][v]);
        }
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kAtOnce; ++e) {
          ORTHANT_UNROLL_LOOP
          for (int v = 0; v < kVectors; ++v) {
            ORTHANT_UNROLL_LOOP
            for (int q = 0; q < kVector; ++q) sums[0][v][q] += value_of[e] * columns[e][v][q];
          }
        }
      }
    }
    store_segment_sums(x, parts, task, count, own, sums, {r}, partial);
  });
}

}  // namespace

template <class T>
void gather_rows(const Gpu& gpu, Compressed<T> x, LongSegments parts, core::Factor<const T> f, core::Factor<T> r,
                 T* partial) {
  launch_segments(x, parts, f.rank, std::min(components_at_once(f), components_at_once(r)),
                  [&]<int kLanes, int kVector>(unsigned blocks, int first) {
                    launch(gpu, "sparse product", gather<kLanes, kVector, T>, blocks, kSegmentThreads, 0, x, parts, f,
                           r, first, partial);
                  });
}

template void gather_rows(const Gpu&, Compressed<float>, LongSegments, core::Factor<const float>, core::Factor<float>,
                          float*);
template void gather_rows(const Gpu&, Compressed<double>, LongSegments, core::Factor<const double>,
                          core::Factor<double>, double*);

}  // namespace orthant::cuda
