#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "cuda/kernels/compressed.hpp"
#include "cuda/kernels/sparse_product.hpp"
#include "host/core/factor.hpp"

// How kernels divide sparse X: a group of lanes takes a segment, or a part of a long one, and makes sums of `rank`
// components, of which a lane has some that are kLanes apart. No atomics on numbers: the sums of parts are added in
// order by the last group to finish.
namespace orthant::cuda {

inline constexpr int kSegmentThreads = 64;
inline constexpr int kMostComponents = 128;  // that a group of lanes sums; more have a row of the grid for each as many
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

/// Rounds that every block makes, and the group's task in one of them.
template <class T>
__device__ std::int64_t segment_rounds(const Compressed<T>& x, const LongSegments& parts, int groups) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * groups;
  return (x.count + parts.parts + step - 1) / step;
}
template <class T>
__device__ SegmentTask segment_task(const Compressed<T>& x, const LongSegments& parts, int groups, std::int64_t round) {
  const device::Global<const std::int64_t> offsets = x.offsets;
  const device::Global<const std::int32_t> part_segment = parts.segment, part_first = parts.first;
  const int group = static_cast<int>(threadIdx.x) / (kSegmentThreads / groups);
  const std::int64_t number = (round * gridDim.x + blockIdx.x) * groups + group;
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

/// Stores what the group's lanes found for component c0 + o * kLanes: sums[i][o] to results[i].
/// `partial`: kResults * rank numbers for each part.
template <int kLanes, int kResults, int kOwn, class T>
__device__ void store_segment_sums(const Compressed<T>& x, const LongSegments& parts, const SegmentTask& task, int c0,
                                   const T (&sums)[kResults][kOwn], const core::Factor<T> (&results)[kResults],
                                   T* partial) {
  const device::Global<const std::int64_t> offsets = x.offsets;
  const device::Global<const std::int32_t> part_first = parts.first;
  const device::Global<T> part_sums = partial;
  const int rank = results[0].rank;
  if (task.is_segment) {
    ORTHANT_UNROLL_LOOP
    for (int i = 0; i < kResults; ++i) {
      const device::Global<T> result = results[i].data;
      ORTHANT_UNROLL_LOOP
      for (int o = 0; o < kOwn; ++o) {
        const int c = c0 + o * kLanes;
        if (c < rank) result[task.segment * results[i].ld + c] = sums[i][o];
      }
    }
  }
  if (!task.is_part) return;  // the same for all lanes of a group: only parts pay for fences
  ORTHANT_UNROLL_LOOP
  for (int i = 0; i < kResults; ++i) {
    ORTHANT_UNROLL_LOOP
    for (int o = 0; o < kOwn; ++o) {
      const int c = c0 + o * kLanes;
      if (c < rank) part_sums[(task.part * kResults + i) * rank + c] = sums[i][o];
    }
  }
  device::fence();
  device::sync_warp(group_lanes<kLanes>());
  bool last = false;
  std::int64_t of_segment = 0;
  if (threadIdx.x % kLanes == 0) {
    const std::int64_t length =
        static_cast<std::int64_t>(offsets[task.segment + 1]) - static_cast<std::int64_t>(offsets[task.segment]);
    of_segment = (length + parts.length - 1) / parts.length;
    // Every block of components comes by: each has its share of the parts' counts.
    unsigned* const arrived = parts.arrived + part_first[task.part] + blockIdx.y * parts.parts;
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
    const device::Global<T> result = results[i].data;
    ORTHANT_UNROLL_LOOP
    for (int o = 0; o < kOwn; ++o) {
      const int c = c0 + o * kLanes;
      if (c >= rank) continue;
      T total = 0;
      for (std::int64_t p = 0; p < of_segment; p += kAtOnce) {
        T some[kAtOnce];
        ORTHANT_UNROLL_LOOP
        for (int q = 0; q < kAtOnce; ++q) {
          some[q] = p + q < of_segment ? static_cast<T>(part_sums[((first + p + q) * kResults + i) * rank + c]) : T(0);
        }
        ORTHANT_UNROLL_LOOP
        for (int q = 0; q < kAtOnce; ++q) total += some[q];
      }
      result[task.segment * results[i].ld + c] = total;
    }
  }
}

/// Calls launch(grid, lanes, own) for a kernel of kLanes x kOwn components to a group of lanes, both as constants.
template <class T, class Launch>
void launch_segments(const Compressed<T>& x, const LongSegments& parts, int rank, Launch&& launch) {
  const auto with = [&]<int kLanes, int kOwn>() {
    const std::int64_t groups = kSegmentThreads / kLanes, tasks = x.count + parts.parts;
    const std::int64_t blocks = (tasks + groups - 1) / groups;
    const dim3 grid(static_cast<unsigned>(blocks < 1                    ? 1
                                          : blocks < kMostSegmentBlocks ? blocks
                                                                        : kMostSegmentBlocks),
                    static_cast<unsigned>((rank + kLanes * kOwn - 1) / (kLanes * kOwn)));
    launch.template operator()<kLanes, kOwn>(grid);
  };
  if (rank <= 8) {
    with.template operator()<8, 1>();
  } else if (rank <= 16) {
    with.template operator()<16, 1>();
  } else if (rank <= 32) {
    with.template operator()<32, 1>();
  } else if (rank <= 64) {
    with.template operator()<32, 2>();
  } else {
    with.template operator()<32, kMostComponents / 32>();
  }
}

}  // namespace orthant::cuda
