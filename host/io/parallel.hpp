#pragma once

#include <omp.h>

#include <cstdint>
#include <exception>
#include <limits>

namespace orthant::io {

/// 0 means OpenMP's default.
inline int resolve_threads(int threads) { return threads > 0 ? threads : omp_get_max_threads(); }

/// Calls `f(i)` for i in [0, count), each once, from up to `threads` threads. If calls throw, what the lowest i threw
/// is rethrown, so that a failure does not depend on the number of threads either.
template <class F>
void parallel_for(std::int64_t count, int threads, const F& f) {
  std::exception_ptr error;
  std::int64_t failed = std::numeric_limits<std::int64_t>::max();
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1 && count > 1)
  for (std::int64_t i = 0; i < count; ++i) {
    try {
      f(i);
    } catch (...) {
#pragma omp critical(orthant_io_parallel_for)
      if (i < failed) {
        failed = i;
        error = std::current_exception();
      }
    }
  }
  if (error) std::rethrow_exception(error);
}

/// Where block `i` of `blocks` begins if [0, count) is cut evenly.
inline std::int64_t block_begin(std::int64_t count, std::int64_t i, std::int64_t blocks) {
  return count / blocks * i + count % blocks * i / blocks;
}

}  // namespace orthant::io
