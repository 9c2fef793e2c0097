#pragma once

#include <cstdint>
#include <limits>

#include "cuda/device.hpp"
#include "cuda/kernels/coordinate_descent.hpp"
#include "host/core/coordinate_step.hpp"

// A team of threads takes a column of the factor and keeps the fit of its entries up to date while it goes over the
// components. Every entry belongs to one thread, so that the threads meet in sums only.
namespace orthant::cuda {

using core::Pull;

inline constexpr std::int64_t kMostDescentBlocks = 1 << 20;

template <class T>
struct Entry {
  T value, weight;  // the value is 0 where the weight is
};

// How an entry with fit v adds to a Pull; without weights what pushes away is known.
template <bool kHasWeights, class T>
struct KullbackLeiblerStep {
  static constexpr bool kWeighted = kHasWeights, kSumsAway = kHasWeights;
  T floor;

  __device__ void add(const Entry<T>& x, T h, T v, Pull<T>& pull) const {
    const T scaled = device::fast_quotient(h, v < floor ? floor : v);
    const T term = kWeighted ? x.weight * (x.value * scaled) : x.value * scaled;
    pull.toward += term;
    if constexpr (kWeighted) pull.away += x.weight * h;
    pull.curvature += term * scaled;
  }
  __device__ T next(T f, const Pull<T>& p, T l1, T l2) const {
    return core::kullback_leibler_step(f, p, floor, l1, l2);
  }
};

template <class T>
struct SquaredStep {
  static constexpr bool kWeighted = true, kSumsAway = false;

  __device__ void add(const Entry<T>& x, T h, T v, Pull<T>& pull) const {
    const T weighted = x.weight * h;
    pull.toward += weighted * (x.value - v);
    pull.curvature += weighted * h;
  }
  __device__ T next(T f, const Pull<T>& p, T l1, T l2) const { return core::squared_step(f, p, l1, l2); }
};

/// Calls launch(step) with the kind of step that the divergence wants.
template <class T, class Launch>
void with_step(const core::Divergence& divergence, Launch&& launch) {
  const auto floor = static_cast<T>(divergence.floor);
  if (divergence.complete) {
    launch(KullbackLeiblerStep<false, T>{floor});
  } else if (divergence.beta == 1) {
    launch(KullbackLeiblerStep<true, T>{floor});
  } else {
    launch(SquaredStep<T>{});
  }
}

/// The sums of a team over its threads: kTeam neighbouring lanes of a warp, or a block of kTeam threads if that is more
/// than 32. Every thread has the same sums, added in the same order. All teams of a warp come along. One object for all
/// sums of a kernel: it remembers where the last one was.
template <int kTeam, bool kSumsAway, class T>
class TeamSums {
 public:
  __device__ Pull<T> operator()(Pull<T> pull) {
    constexpr int kLanes = kTeam < 32 ? kTeam : 32, kWarps = kTeam / 32;
    add<kLanes>(pull);
    if constexpr (kWarps > 1) {
      ORTHANT_SHARED(T, parts, [2][kWarps][3]);
      other_ = 1 - other_;  // so that no barrier is needed between reading these and writing the next ones
      if (threadIdx.x % 32 == 0) {
        parts[other_][threadIdx.x / 32][0] = pull.toward;
        if constexpr (kSumsAway) parts[other_][threadIdx.x / 32][1] = pull.away;
        parts[other_][threadIdx.x / 32][2] = pull.curvature;
      }
      device::sync_block();
      const unsigned warp = threadIdx.x % kWarps;
      pull = {parts[other_][warp][0], kSumsAway ? static_cast<T>(parts[other_][warp][1]) : T(0),
              parts[other_][warp][2]};
      add<kWarps>(pull);
    }
    return pull;
  }

 private:
  // Over so many neighbouring lanes.
  template <int kLanes>
  static __device__ void add(Pull<T>& pull) {
    ORTHANT_UNROLL_LOOP
    for (int step = kLanes / 2; step > 0; step /= 2) {
      pull.toward += device::shuffle_xor(pull.toward, step);
      if constexpr (kSumsAway) pull.away += device::shuffle_xor(pull.away, step);
      pull.curvature += device::shuffle_xor(pull.curvature, step);
    }
  }

  int other_ = 0;
};

/// Component c, `old` before its step, after it.
template <class Step, class T>
__device__ T next_component(const Step& step, const Descent<T>& d, int c, T old, Pull<T> pull) {
  const device::Global<const T> fixed_sums = d.fixed_sums;
  if constexpr (!Step::kWeighted) pull.away = static_cast<T>(fixed_sums[c]);
  const T next = step.next(old, pull, static_cast<T>(d.penalty.l1), static_cast<T>(d.penalty.l2));
  return next < std::numeric_limits<T>::min() ? T(0) : next;  // NaN stays
}

/// A column f of few enough entries that each thread of its team keeps its own, up to kOwn, in registers; `count` is 0
/// where there is no column (`is_column`). `column`: entry(e), the place(e) of what the fixed factor has for it, and
/// read(from, place, h), which are Column::kComponents of that, 0 beyond the last, `from` being first() and so many
/// components further after each advance(from).
/// `most`: the largest count of the warp. A thread without an entry reads what is at Place() anyway, and it counts for
/// nothing where that is finite: under a condition compilers would make the address anew each time.
template <int kTeam, int kOwn, class Step, class T, class Column>
__device__ void descend_in_registers(TeamSums<kTeam, Step::kSumsAway, T>& sum_over_team, const Step& step,
                                     const Descent<T>& d, int rank, device::Global<T> f, const Column& column,
                                     bool is_column, int count, int most) {
  constexpr int kComponents = Column::kComponents, kRounds = kOwn % 4 == 0 ? 4 : 3;
  static_assert(kOwn % kRounds == 0);
  const int thread = static_cast<int>(threadIdx.x) % kTeam;
  const int own = (count - thread + kTeam - 1) / kTeam, rounds = (most + kTeam - 1) / kTeam;
  // Several rounds at a time, unless nobody in the warp has an entry in them.
  const auto for_own = [&](auto&& work) {
    ORTHANT_UNROLL_LOOP
    for (int first = 0; first < kOwn; first += kRounds) {
      if (first < rounds) {
        ORTHANT_UNROLL_LOOP
        for (int i = first; i < first + kRounds; ++i) work(i);
      }
    }
  };
  Entry<T> entry[kOwn] = {};
  typename Column::Place place[kOwn] = {};
  T fit[kOwn] = {}, h[kOwn][kComponents] = {};
  bool counts = false;
  for_own([&](int i) {
    // A return, since nvcc 13.0 does not come to an end with conditional expressions here.
    if (i >= own) {
      entry[i] = {0, 0};
      place[i] = {};
      return;
    }
    entry[i] = column.entry(thread + i * kTeam);
    place[i] = column.place(thread + i * kTeam);
    counts = counts || entry[i].weight > 0;
  });
  // Those from c on, and the next ones when called again.
  auto from = column.first();
  const auto fetch = [&](int c) {
    if (c == 0) from = column.first();
    for_own([&](int i) { column.read(from, place[i], h[i]); });
    column.advance(from);
  };
  for (int c0 = 0; c0 < rank; c0 += kComponents) {
    fetch(c0);
    ORTHANT_UNROLL_LOOP
    for (int q = 0; q < kComponents; ++q) {
      const T fc = is_column && c0 + q < rank ? static_cast<T>(f[c0 + q]) : T(0);
      for_own([&](int i) { fit[i] += fc * h[i][q]; });
    }
  }
  bool moves = is_column;
  if constexpr (Step::kWeighted) {
    moves = sum_over_team({counts ? T(1) : T(0), 0, 0}).toward > 0;
    if constexpr (kTeam <= 32) device::sync_warp();  // f was read for the fits
    if (is_column && !moves) {
      for (int c = thread; c < rank; c += kTeam) f[c] = 0;
    }
  }
  for (int sweep = 0; sweep < d.sweeps; ++sweep) {
    for (int c0 = 0; c0 < rank; c0 += kComponents) {
      fetch(c0);
      if constexpr (kTeam > 32) {
        device::sync_block();  // f was written in the sweep before
      } else {
        device::sync_warp();
      }
      T old[kComponents];
      ORTHANT_UNROLL_LOOP
      for (int q = 0; q < kComponents; ++q) old[q] = moves && c0 + q < rank ? static_cast<T>(f[c0 + q]) : T(0);
      if constexpr (kTeam <= 32) device::sync_warp();  // before it is written; blocks meet in their sums
      ORTHANT_UNROLL_LOOP
      for (int q = 0; q < kComponents; ++q) {
        const int c = c0 + q;
        if (c >= rank) break;
        Pull<T> pull{};
        for_own([&](int i) { step.add(entry[i], h[i][q], fit[i], pull); });
        const T next = next_component(step, d, c, old[q], sum_over_team(pull));
        for_own([&](int i) { fit[i] += (next - old[q]) * h[i][q]; });
        if (moves && thread == 0) f[c] = next;
      }
    }
  }
}

/// A column of any length, by a block of kTeam threads. `column`: entry(e), component(c, e), and `fit`, memory for so
/// many numbers.
template <int kTeam, class Step, class T, class Column>
__device__ void descend_in_memory(TeamSums<kTeam, Step::kSumsAway, T>& sum_over_team, const Step& step,
                                  const Descent<T>& d, int rank, device::Global<T> f, const Column& column,
                                  std::int64_t count) {
  bool counts = false;
  for (std::int64_t e = threadIdx.x; e < count; e += kTeam) {
    T v = 0;
    for (int c = 0; c < rank; ++c) v += static_cast<T>(f[c]) * column.component(c, e);
    column.fit[e] = v;
    if constexpr (Step::kWeighted) counts = counts || column.entry(e).weight > 0;
  }
  if constexpr (Step::kWeighted) {
    if (!(sum_over_team({counts ? T(1) : T(0), 0, 0}).toward > 0)) {
      for (int c = static_cast<int>(threadIdx.x); c < rank; c += kTeam) f[c] = 0;
      return;
    }
  }
  for (int sweep = 0; sweep < d.sweeps; ++sweep) {
    device::sync_block();  // f was written in the sweep before
    for (int c = 0; c < rank; ++c) {
      const T old = f[c];
      Pull<T> pull{};
      for (std::int64_t e = threadIdx.x; e < count; e += kTeam) {
        step.add(column.entry(e), column.component(c, e), static_cast<T>(column.fit[e]), pull);
      }
      const T next = next_component(step, d, c, old, sum_over_team(pull));
      if (next == old) continue;
      for (std::int64_t e = threadIdx.x; e < count; e += kTeam) {
        column.fit[e] += (next - old) * column.component(c, e);
      }
      if (threadIdx.x == 0) f[c] = next;
    }
  }
}

}  // namespace orthant::cuda
