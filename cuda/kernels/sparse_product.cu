#include "cuda/kernels/sparse_product.hpp"

#include "cuda/launch.hpp"

// A group of lanes takes a segment: each lane has one component (or a few, 32 apart), so that an entry reads one piece
// of contiguous memory of the factor, its column. Index and value are read by all lanes of the group at once, from one
// address. No atomics on numbers: parts of long segments are added in order by the last group to finish.
namespace orthant::cuda {
namespace {

constexpr int kThreads = 64;
constexpr std::int64_t kMostBlocks = 1 << 20;

template <int kLanes, int kOwn, class T>
__global__ void __launch_bounds__(kThreads)
    gather(Compressed<T> x, LongSegments parts, core::Factor<const T> f, core::Factor<T> r, T* partial) {
  const device::Global<const std::int64_t> offsets = x.offsets;
  const device::Global<const std::int32_t> indices = x.indices, part_segment = parts.segment, part_first = parts.first;
  const device::Global<const T> values = x.values, data = f.data;
  const device::Global<T> result = r.data, part_sums = partial;
  constexpr int kGroups = kThreads / kLanes;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int c0 = static_cast<int>(blockIdx.y) * kLanes * kOwn + lane;  // the lane's first component
  const std::int64_t tasks = x.count + parts.parts, step = static_cast<std::int64_t>(gridDim.x) * kGroups;
  const std::int64_t rounds = (tasks + step - 1) / step;
  for (std::int64_t round = 0; round < rounds; ++round) {
    const std::int64_t task = round * step + static_cast<std::int64_t>(blockIdx.x) * kGroups + threadIdx.x / kLanes;
    const bool is_part = task >= x.count && task < tasks, is_segment = task < x.count;
    const std::int64_t part = task - x.count;
    const std::int64_t segment = is_part ? static_cast<std::int64_t>(part_segment[part]) : task;
    std::int64_t begin = 0, end = 0;
    if (is_part || is_segment) {
      begin = offsets[segment];
      end = offsets[segment + 1];
    }
    const bool is_long = end - begin > kLongSegment;
    if (is_part) {
      begin += (part - static_cast<std::int64_t>(part_first[part])) * kLongSegment;
      end = begin + kLongSegment < end ? begin + kLongSegment : end;
    } else if (is_long) {
      end = begin;
    }
    T sum[kOwn] = {};
    for (std::int64_t p = begin; p < end; ++p) {
      const T v = values[p];
      const std::int64_t column = indices[p] * f.ld;
      ORTHANT_UNROLL_LOOP
      for (int o = 0; o < kOwn; ++o) {
        const int c = c0 + o * kLanes;
        if (c < f.rank) sum[o] += v * static_cast<T>(data[column + c]);
      }
    }
    if (is_segment && !is_long) {
      for (int o = 0; o < kOwn; ++o) {
        const int c = c0 + o * kLanes;
        if (c < f.rank) result[segment * r.ld + c] = sum[o];
      }
    }
    if (parts.parts == 0) continue;
    if (is_part) {
      for (int o = 0; o < kOwn; ++o) {
        const int c = c0 + o * kLanes;
        if (c < f.rank) part_sums[part * f.rank + c] = sum[o];
      }
    }
    device::fence();
    device::sync_warp();
    bool last = false;
    std::int64_t of_segment = 0;
    if (is_part && lane == 0) {
      of_segment = (static_cast<std::int64_t>(offsets[segment + 1]) - static_cast<std::int64_t>(offsets[segment]) +
                    kLongSegment - 1) /
                   kLongSegment;
      unsigned* const arrived = parts.arrived + part_first[part];
      // Every block of components comes by: each has its share of the parts' counts.
      const unsigned all = static_cast<unsigned>(of_segment);
      last = device::atomic_add(arrived + blockIdx.y * parts.parts, 1u) + 1 == all;
      if (last) device::atomic_exchange(arrived + blockIdx.y * parts.parts, 0u);
    }
    last = device::shuffle(last ? 1 : 0, 0, kLanes) != 0;
    of_segment = device::shuffle(of_segment, 0, kLanes);
    device::fence();
    if (!last) continue;
    for (int o = 0; o < kOwn; ++o) {
      const int c = c0 + o * kLanes;
      if (c >= f.rank) continue;
      T total = 0;
      for (std::int64_t i = 0; i < of_segment; ++i) {
        total += static_cast<T>(part_sums[(part_first[part] + i) * f.rank + c]);
      }
      result[segment * r.ld + c] = total;
    }
  }
}

template <int kLanes, int kOwn, class T>
void launch_gather(const Gpu& gpu, Compressed<T> x, LongSegments parts, core::Factor<const T> f, core::Factor<T> r,
                   T* partial) {
  const dim3 grid(grid_size(x.count + parts.parts, kThreads / kLanes, kMostBlocks),
                  static_cast<unsigned>((f.rank + kLanes * kOwn - 1) / (kLanes * kOwn)));
  launch(gpu, "sparse product", gather<kLanes, kOwn, T>, grid, kThreads, 0, x, parts, f, r, partial);
}

}  // namespace

template <class T>
void gather_rows(const Gpu& gpu, Compressed<T> x, LongSegments parts, core::Factor<const T> f, core::Factor<T> r,
                 T* partial) {
  if (f.rank <= 8) {
    launch_gather<8, 1>(gpu, x, parts, f, r, partial);
  } else if (f.rank <= 16) {
    launch_gather<16, 1>(gpu, x, parts, f, r, partial);
  } else if (f.rank <= 32) {
    launch_gather<32, 1>(gpu, x, parts, f, r, partial);
  } else if (f.rank <= 64) {
    launch_gather<32, 2>(gpu, x, parts, f, r, partial);
  } else {
    launch_gather<32, 4>(gpu, x, parts, f, r, partial);
  }
}

template void gather_rows(const Gpu&, Compressed<float>, LongSegments, core::Factor<const float>, core::Factor<float>,
                          float*);
template void gather_rows(const Gpu&, Compressed<double>, LongSegments, core::Factor<const double>,
                          core::Factor<double>, double*);

}  // namespace orthant::cuda
