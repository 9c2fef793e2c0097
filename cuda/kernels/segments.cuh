#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "cuda/kernels/compressed.hpp"
#include "cuda/kernels/sparse_product.hpp"
#include "host/core/factor.hpp"

// How kernels divide sparse X: a group of lanes takes a segment, or a part of a long one, and makes sums of `rank`
// components, four to a lane. Several groups share a warp, and take its steps together, so that one instruction serves
// an entry of each. No atomics on numbers: the sums of parts are added in order by the last group to finish.
namespace orthant::cuda {

inline constexpr int kSegmentThreads = 64;
inline constexpr int kOwnComponents = 4;     // of a lane
inline constexpr int kMostComponents = 128;  // that a group of lanes sums; more have a launch for each as many
inline constexpr std::int64_t kMostSegmentBlocks = 1 << 20;

/// What a group does in one round: a segment that is not long, a part of one that is, or nothing.
struct SegmentTask {
  bool is_segment = false, is_part = false;
  std::int64_t segment = 0, part = 0;
  std::int64_t begin = 0, end = 0;  ///< entries
};

/// The mask of this thread's group. Groups of a warp have as many entries as they have: each waits for its own lanes.
template <int kLanes>
__device__ unsigned group_lanes() {
  return (device::kAllLanes >> (32 - kLanes)) << (threadIdx.x % 32 / kLanes * kLanes);
}

/// Task number `number`; none beyond the last one.
template <class T>
__device__ SegmentTask segment_task(const Compressed<T>& x, const LongSegments& parts, std::int64_t number) {
  const device::Global<const std::int64_t> offsets = x.offsets;
  const device::Global<const std::int32_t> part_segment = parts.segment, part_first = parts.first;
  SegmentTask task;
  if (number >= x.count + parts.parts) return task;
  task.is_part = number < parts.parts;  // first, so that they are not what is waited for at last
  task.part = number;
  task.segment = task.is_part ? static_cast<std::int64_t>(part_segment[task.part]) : number - parts.parts;
  task.begin = offsets[task.segment];
  task.end = offsets[task.segment + 1];
  if (task.is_part) {
    task.begin += (task.part - static_cast<std::int64_t>(part_first[task.part])) * parts.length;
    task.end = task.begin + parts.length < task.end ? task.begin + parts.length : task.end;
  } else if (task.end - task.begin > parts.length) {
    task.end = task.begin;  // its parts are tasks of their own
  } else {
    task.is_segment = true;
  }
  return task;
}

/// Calls work(task, count, most) for one task after another of this thread's group: `count` are its entries, and `most`
/// the entries of the longest task that the warp has at a time, so that all its lanes can come along.
template <int kLanes, class T, class Work>
__device__ void for_each_task(const Compressed<T>& x, const LongSegments& parts, Work&& work) {
  constexpr int kGroups = kSegmentThreads / kLanes;
  const std::int64_t tasks = x.count + parts.parts, step = static_cast<std::int64_t>(gridDim.x) * kGroups;
  for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kGroups; first < tasks; first += step) {
    const SegmentTask task = segment_task(x, parts, first + static_cast<int>(threadIdx.x) / kLanes);
    const auto count = static_cast<int>(task.end - task.begin);
    int most = count;
    ORTHANT_UNROLL_LOOP
    for (int lanes = kLanes; lanes < 32; lanes *= 2) {
      const int other = device::shuffle_xor(most, lanes);
      most = most < other ? other : most;
    }
    work(task, count, most);
  }
}

/// The lane's components: vectors of kVector that lie next to each other, one after another for the lanes of a group,
/// and again for the lane's next vector. From `first` on, the group's first component.
template <int kLanes, int kVector>
struct LaneComponents {
  int c0, rank;

  __device__ LaneComponents(int first, int of_rank)
      : c0(first + static_cast<int>(threadIdx.x) % kLanes * kVector), rank(of_rank) {}
  /// Where the lane's vector number v begins, and whether there is one.
  __device__ int begin(int v) const { return c0 + v * kLanes * kVector; }
  __device__ bool has(int v) const { return begin(v) < rank; }
  /// Where there is none, the column's last vector: it lies where others read anyway, and is not stored.
  __device__ int inside(int v) const { return has(v) ? begin(v) : rank - kVector; }
};

/// Stores what the group's lanes found, which is nothing where `count` is 0: sums[i] to results[i]. `partial`: kResults
/// * rank numbers for each part.
template <int kLanes, int kVector, int kResults, class T>
__device__ void store_segment_sums(const Compressed<T>& x, const LongSegments& parts, const SegmentTask& task,
                                   int count, const LaneComponents<kLanes, kVector>& own,
                                   T (&sums)[kResults][kOwnComponents / kVector][kVector],
                                   const core::Factor<T> (&results)[kResults], T* partial) {
  constexpr int kVectors = kOwnComponents / kVector;
  const device::Global<const std::int64_t> offsets = x.offsets;
  const device::Global<const std::int32_t> part_first = parts.first;
  const device::Global<T> part_sums = partial;
  const int rank = own.rank;
  const auto store = [&](int i, device::Global<T> column) {
    ORTHANT_UNROLL_LOOP
    for (int v = 0; v < kVectors; ++v) {
      ORTHANT_UNROLL_LOOP
      for (int q = 0; q < kVector; ++q) sums[i][v][q] = count > 0 ? sums[i][v][q] : T(0);
      if (own.has(v)) device::store(column + own.begin(v), sums[i][v]);
    }
  };
  if (task.is_segment) {
    ORTHANT_UNROLL_LOOP
    for (int i = 0; i < kResults; ++i) store(i, device::Global<T>(results[i].data) + task.segment * results[i].ld);
  }
  if (!task.is_part) return;  // the same for all lanes of a group: only parts pay for fences
  ORTHANT_UNROLL_LOOP
  for (int i = 0; i < kResults; ++i) store(i, part_sums + (task.part * kResults + i) * rank);
  device::fence();
  device::sync_warp(group_lanes<kLanes>());
  bool last = false;
  std::int64_t of_segment = 0;
  if (threadIdx.x % kLanes == 0) {
    const std::int64_t length =
        static_cast<std::int64_t>(offsets[task.segment + 1]) - static_cast<std::int64_t>(offsets[task.segment]);
    of_segment = (length + parts.length - 1) / parts.length;
    unsigned* const arrived = parts.arrived + part_first[task.part];
    last = device::atomic_add(arrived, 1u) + 1 == static_cast<unsigned>(of_segment);
    if (last) device::atomic_exchange(arrived, 0u);
  }
  last = device::shuffle(last ? 1 : 0, 0, kLanes, group_lanes<kLanes>()) != 0;
  of_segment = device::shuffle(of_segment, 0, kLanes, group_lanes<kLanes>());
  device::fence();
  if (!last) return;
  constexpr int kAtOnce = 8;  // parts that are read at once, since each takes as long as memory does
  const std::int64_t first = part_first[task.part];
  ORTHANT_UNROLL_LOOP
  for (int i = 0; i < kResults; ++i) {
    const device::Global<T> result = device::Global<T>(results[i].data) + task.segment * results[i].ld;
    ORTHANT_UNROLL_LOOP
    for (int v = 0; v < kVectors; ++v) {
      if (!own.has(v)) continue;
      const device::Global<const T> from = part_sums + ((first * kResults + i) * rank + own.begin(v));
      T total[kVector] = {};
      for (std::int64_t p = 0; p < of_segment; p += kAtOnce) {
        T some[kAtOnce][kVector] = {};
        ORTHANT_UNROLL_LOOP
        for (int q = 0; q < kAtOnce; ++q) {
          if (p + q < of_segment) device::load(from + (p + q) * kResults * rank, some[q]);
        }
        ORTHANT_UNROLL_LOOP
        for (int q = 0; q < kAtOnce; ++q) {
          ORTHANT_UNROLL_LOOP
          for (int e = 0; e < kVector; ++e) total[e] += some[q][e];
        }
      }
      device::store(result + own.begin(v), total);
    }
  }
}

/// Calls launch(blocks, first) for a kernel of kLanes lanes to a group and vectors of kVector components, both as
/// constants, that sums components from `first` on; one call after the other, until all are summed. `vector`: what
/// components_at_once() says of all factors.
template <class T, class Launch>
void launch_segments(const Compressed<T>& x, const LongSegments& parts, int rank, int vector, Launch&& launch) {
  const auto with = [&]<int kLanes>() {
    const std::int64_t groups = kSegmentThreads / kLanes, tasks = x.count + parts.parts;
    const std::int64_t blocks = (tasks + groups - 1) / groups;
    constexpr int kComponents = kLanes * kOwnComponents;
    const auto grid = static_cast<unsigned>(blocks < 1 ? 1 : blocks < kMostSegmentBlocks ? blocks : kMostSegmentBlocks);
    for (int first = 0; first < rank; first += kComponents) {
      if (vector == 1) {
        launch.template operator()<kLanes, 1>(grid, first);
      } else if (vector == 2) {
        launch.template operator()<kLanes, 2>(grid, first);
      } else {
        launch.template operator()<kLanes, 16 / sizeof(T)>(grid, first);
      }
    }
  };
  if (rank <= 16) {
    with.template operator()<4>();
  } else if (rank <= 32) {
    with.template operator()<8>();
  } else if (rank <= 64) {
    with.template operator()<16>();
  } else {
    with.template operator()<kMostComponents / kOwnComponents>();
  }
}

}  // namespace orthant::cuda
