#pragma once

#include <algorithm>
#include <cstdint>

#include "host/cpu/factor_update.hpp"
#include "host/cpu/parallel.hpp"

namespace orthant::cpu {

/// How a pass over dense X divides it. The local side is updated panel by panel; `along`: it is that of the rows of X
/// as they lie in memory. All but the number of threads follows from the shape, so that results do not depend on it.
struct PassPlan {
  std::int64_t panel;  // of the local side
  bool fetch = false;  // the next panel comes to the second-level cache while this one is worked on
  std::int64_t chunk;  // of the local side: a range of panels that has an accumulator of its own
  int chunks;
  int threads;

  PassPlan(bool along, std::int64_t local, std::int64_t fixed, int element_size, int max_threads) {
    if (along) {
      // In 2 MB of second-level cache 48 rows of 4000 numbers stay beside the fixed factor and the accumulator of rank
      // 32, and the sums of columns() are in registers for long enough to pay for loading and storing them.
      panel = kUpdateColumns;
      // The processor's prefetchers stop at the end of a page: short rows must be fetched ahead. (Longer ones gain
      // nothing.)
      fetch = fixed * element_size <= 4096;
    } else {
      // Wide, since each row adds only so many contiguous numbers, but within the second-level cache.
      const std::int64_t fit = (1 << 20) / (fixed * element_size) / kUpdateColumns * kUpdateColumns;
      panel = std::clamp<std::int64_t>(fit, kUpdateColumns, 4 * kUpdateColumns);
    }
    // A chunk costs adding up an accumulator, little beside the products of 128 columns or more.
    std::int64_t wanted = 1;
    while (wanted < 64 && wanted * 2 * 128 <= local) wanted *= 2;
    chunk = ((local + wanted - 1) / wanted + panel - 1) / panel * panel;
    chunks = static_cast<int>((local + chunk - 1) / chunk);
    threads = std::min(max_threads, chunks);
  }
};

/// function(chunk, begin, end, accumulator) for each chunk of the local side, in parallel, `accumulators` having one of
/// `size` elements for each thread. They are added up to `total` in the order of the chunks, whichever thread made
/// them: same bits for any number of threads.
template <class T, class Function>
void add_up_chunks(const PassPlan& plan, std::int64_t local, std::int64_t size, T* total, T* accumulators,
                   Function&& function) {
  FirstException first;
#pragma omp parallel for ordered schedule(dynamic, 1) num_threads(plan.threads)
  for (int chunk = 0; chunk < plan.chunks; ++chunk) {
    T* accumulator = accumulators + omp_get_thread_num() * size;
    const std::int64_t begin = chunk * plan.chunk, end = std::min(local, begin + plan.chunk);
    first.guard([&] { function(chunk, begin, end, accumulator); });
#pragma omp ordered
    if (chunk == 0) {
      std::copy_n(accumulator, size, total);
    } else {
      for (std::int64_t i = 0; i < size; ++i) total[i] += accumulator[i];
    }
  }
  first.rethrow();
}

}  // namespace orthant::cpu
