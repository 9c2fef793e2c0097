#pragma once

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <type_traits>

namespace orthant::cpu {

/// Chunks of columns that `for_chunks` hands out: at most this many, however many threads there are.
constexpr int kMaxChunks = 256;

/// Splits [0, count) into chunks that depend on `count` and `grain` alone: a multiple of `grain` each, but the last.
struct Chunks {
  std::int64_t count = 0;
  std::int64_t size = 1;

  Chunks(std::int64_t n, std::int64_t grain) : count(n) {
    const std::int64_t grains = (n + grain - 1) / grain;
    size = std::max<std::int64_t>(1, (grains + kMaxChunks - 1) / kMaxChunks) * grain;
  }
  int chunks() const { return static_cast<int>((count + size - 1) / size); }
  std::int64_t begin(int chunk) const { return std::min<std::int64_t>(chunk * size, count); }
  std::int64_t length(int chunk) const { return begin(chunk + 1) - begin(chunk); }
};

/// Holds the first exception that a thread of a parallel region met, since none may leave the region.
class FirstException {
 public:
  template <class Function>
  void guard(Function&& function) noexcept {
    try {
      function();
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!exception_) exception_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr exception_;
};

/// function(arguments ..., worker), or without the worker where function has no use for it.
template <class Function, class... Arguments>
void call_by_worker(Function& function, int worker, Arguments... arguments) {
  if constexpr (std::is_invocable_v<Function&, Arguments..., int>)
    function(arguments..., worker);
  else
    function(arguments...);
}

/// Tasks that are still to be taken: a range for each thread, which it takes from first, so that the same tasks of the
/// next loop find what they wrote in its cache, and not in another's. Whoever is done takes from the others' ranges.
class Ranges {
 public:
  Ranges(int tasks, int threads) : tasks_(tasks), count_(std::min(threads, kMost)) {
    for (int r = 0; r < count_; ++r) next_[r].task.store(begin(r), std::memory_order_relaxed);
  }
  /// function(i) for tasks i that nobody else takes, until all are taken.
  template <class Function>
  void work(int thread, Function&& function) {
    for (int r = 0; r < count_; ++r) {
      const int range = (thread + r) % count_, end = begin(range + 1);
      std::atomic<int>& next = next_[range].task;
      while (next.load(std::memory_order_relaxed) < end) {
        const int i = next.fetch_add(1, std::memory_order_relaxed);
        if (i < end) function(i);
      }
    }
  }

 private:
  static constexpr int kMost = 64;
  int begin(int range) const { return static_cast<int>(static_cast<std::int64_t>(tasks_) * range / count_); }

  struct alignas(64) Next {
    std::atomic<int> task;
  };
  const int tasks_, count_;
  Next next_[kMost];
};

/// function(i, worker) or function(i) for i in [0, tasks), spread over threads. `worker`, below `threads` (0 of one),
/// tells whose memory to use: a thread's number would be one of the caller's where no region is opened, and the caller
/// may be in a region of its own. Inside a region one thread does all: OpenMP's rule for nested regions.
template <class Function>
void for_each_task(int tasks, int threads, Function&& function) {
  if (tasks <= 1 || threads <= 1) {
    for (int i = 0; i < tasks; ++i) call_by_worker(function, 0, i);
    return;
  }
  FirstException first;
  Ranges ranges(tasks, threads);
#pragma omp parallel num_threads(threads)
  {
    const int worker = omp_get_thread_num();
    ranges.work(worker, [&](int i) { first.guard([&] { call_by_worker(function, worker, i); }); });
  }
  first.rethrow();
}

/// The threads worth waking to go over so many numbers once: one, where waking others takes longer.
inline int worth_waking(int threads, std::int64_t numbers) {
  constexpr std::int64_t kFew = 1 << 15;  // about 10 microseconds
  return numbers < kFew ? 1 : threads;
}

/// function(chunk, begin, length, worker) or function(chunk, begin, length) for each chunk.
template <class Function>
void for_chunks(const Chunks& chunks, int threads, Function&& function) {
  for_each_task(chunks.chunks(), threads, [&](int chunk, int worker) {
    call_by_worker(function, worker, chunk, chunks.begin(chunk), chunks.length(chunk));
  });
}

/// The sum over all chunks of what function(begin, length) returns, added in the order of the chunks.
template <class Sum, class Function>
Sum sum_chunks(const Chunks& chunks, int threads, Function&& function) {
  Sum parts[kMaxChunks] = {};
  for_chunks(chunks, threads,
             [&](int chunk, std::int64_t begin, std::int64_t length) { parts[chunk] = function(begin, length); });
  Sum sum{};
  for (int chunk = 0; chunk < chunks.chunks(); ++chunk) sum += parts[chunk];
  return sum;
}

/// function(task, begin, length, worker) or function(task, begin, length) for ranges of the segments whose entries
/// `offsets` tells, ranges of about equal work: an entry counts one, a segment `per_segment`.
template <class Function>
void for_balanced(const std::int64_t* offsets, std::int64_t count, std::int64_t per_segment, int tasks, int threads,
                  Function&& function) {
  const auto weight = [&](std::int64_t i) { return offsets[i] - offsets[0] + i * per_segment; };
  const auto bound = [&](int task) {
    const std::int64_t target = weight(count) / tasks * task + weight(count) % tasks * task / tasks;
    std::int64_t low = 0, high = count;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (weight(middle) < target)
        low = middle + 1;
      else
        high = middle;
    }
    return task == tasks ? count : low;
  };
  for_each_task(tasks, threads, [&](int task, int worker) {
    const std::int64_t begin = bound(task), end = bound(task + 1);
    if (begin < end) call_by_worker(function, worker, task, begin, end - begin);
  });
}

}  // namespace orthant::cpu
