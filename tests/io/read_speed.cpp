// Times the reading of matrix files: orthant_read_speed FILE... Threads by OMP_NUM_THREADS.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>

#include "host/io/matrix_file.hpp"

int main(int argc, char** argv) try {
  for (int i = 1; i < argc; ++i) {
    const auto size = static_cast<double>(std::filesystem::file_size(argv[i]));
    double best = 1e300, best_read = 1e300;
    for (int repeat = 0; repeat < 5; ++repeat) {
      using Clock = std::chrono::steady_clock;
      const auto begin = Clock::now();
      (void)orthant::io::read_bytes(argv[i]);
      const auto read = Clock::now();
      const auto matrix = orthant::io::read_matrix<float>(argv[i]);
      const auto end = Clock::now();
      best_read = std::min(best_read, std::chrono::duration<double>(read - begin).count());
      best = std::min(best, std::chrono::duration<double>(end - read).count());
    }
    std::printf("%s: %.1f MB in %.3f s, %.0f MB/s with %d threads (the bytes alone: %.3f s)\n", argv[i], size / 1e6,
                best, size / 1e6 / best, omp_get_max_threads(), best_read);
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
