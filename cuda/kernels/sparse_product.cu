#include "cuda/kernels/sparse_product.hpp"

#include "cuda/kernels/segments.cuh"
#include "cuda/launch.hpp"

// Each lane of a group has one component (or a few, kLanes apart), so that an entry reads one piece of contiguous
// memory of the factor, its column. Index and value are read by all lanes of the group at once, from one address.
namespace orthant::cuda {
namespace {

template <int kLanes, int kOwn, class T>
__global__ void __launch_bounds__(kSegmentThreads)
    gather(Compressed<T> x, LongSegments parts, core::Factor<const T> f, core::Factor<T> r, T* partial) {
  const device::Global<const std::int32_t> indices = x.indices;
  const device::Global<const T> values = x.values, data = f.data;
  constexpr int kGroups = kSegmentThreads / kLanes;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int c0 = static_cast<int>(blockIdx.y) * kLanes * kOwn + lane;  // the lane's first component
  const std::int64_t rounds = segment_rounds(x, parts, kGroups);
  for (std::int64_t round = 0; round < rounds; ++round) {
    const SegmentTask task = segment_task(x, parts, kGroups, round);
    T sums[1][kOwn] = {};
    for (std::int64_t p = task.begin; p < task.end; ++p) {
      const T v = values[p];
      const std::int64_t column = indices[p] * f.ld;
      ORTHANT_UNROLL_LOOP
      for (int o = 0; o < kOwn; ++o) {
        const int c = c0 + o * kLanes;
        if (c < f.rank) sums[0][o] += v * static_cast<T>(data[column + c]);
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
