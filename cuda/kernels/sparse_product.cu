#include "cuda/kernels/sparse_product.hpp"

#include "cuda/kernels/segments.cuh"
#include "cuda/launch.hpp"

// Each lane of a group has one component (or a few, kLanes apart), so that an entry reads one piece of contiguous
// memory of the factor, its column. Indices and values are read as many at a time as the group has lanes, and handed
// around; several columns are on their way at once, since each takes as long as memory does.
namespace orthant::cuda {
namespace {

template <int kLanes, int kOwn, class T>
__global__ void __launch_bounds__(kSegmentThreads, 12)
    gather(Compressed<T> x, LongSegments parts, core::Factor<const T> f, core::Factor<T> r, T* partial) {
  const device::Global<const std::int32_t> indices = x.indices;
  const device::Global<const T> values = x.values, data = f.data;
  constexpr int kGroups = kSegmentThreads / kLanes;
  constexpr int kAtOnce = kOwn * sizeof(T) <= 8 ? 8 : 64 / (kOwn * sizeof(T));  // columns on their way
  const unsigned lanes = group_lanes<kLanes>();
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int c0 = static_cast<int>(blockIdx.y) * kLanes * kOwn + lane;  // the lane's first component
  int own[kOwn];
  ORTHANT_UNROLL_LOOP
  for (int o = 0; o < kOwn; ++o) {
    const int c = c0 + o * kLanes;
    own[o] = c < f.rank ? c : f.rank - 1;  // not stored then, and in a sector that is read anyway
  }
  const std::int64_t rounds = segment_rounds(x, parts, kGroups);
  for (std::int64_t round = 0; round < rounds; ++round) {
    const SegmentTask task = segment_task(x, parts, kGroups, round);
    T sums[1][kOwn] = {};
    for (std::int64_t p = task.begin; p < task.end; p += kLanes) {
      const int count = static_cast<int>(task.end - p < kLanes ? task.end - p : kLanes);
      const std::int64_t offset = lane < count ? indices[p + lane] * f.ld : 0;
      const T value = lane < count ? static_cast<T>(values[p + lane]) : T(0);
      for (int first = 0; first < count; first += kAtOnce) {
        T columns[kAtOnce][kOwn], v[kAtOnce];
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kAtOnce; ++e) {
          const std::int64_t column = device::shuffle(offset, first + e, kLanes, lanes);
          v[e] = device::shuffle(value, first + e, kLanes, lanes);
          ORTHANT_UNROLL_LOOP
          for (int o = 0; o < kOwn; ++o)
            columns[e][o] = first + e < count ? static_cast<T>(data[column + own[o]]) : T(0);
        }
        ORTHANT_UNROLL_LOOP
        for (int e = 0; e < kAtOnce; ++e) {
          ORTHANT_UNROLL_LOOP
          for (int o = 0; o < kOwn; ++o) sums[0][o] += v[e] * columns[e][o];
        }
      }
    }
    store_segment_sums<kLanes>(x, parts, task, c0, sums, {r}, partial);
  }
}

}  // namespace

template <class T>
void gather_rows(const Gpu& gpu, Compressed<T> x, LongSegments parts, core::Factor<const T> f, core::Factor<T> r,
                 T* partial) {
  launch_segments(x, parts, f.rank, [&]<int kLanes, int kOwn>(dim3 grid) {
    launch(gpu, "sparse product", gather<kLanes, kOwn, T>, grid, kSegmentThreads, 0, x, parts, f, r, partial);
  });
}

template void gather_rows(const Gpu&, Compressed<float>, LongSegments, core::Factor<const float>, core::Factor<float>,
                          float*);
template void gather_rows(const Gpu&, Compressed<double>, LongSegments, core::Factor<const double>,
                          core::Factor<double>, double*);

}  // namespace orthant::cuda
