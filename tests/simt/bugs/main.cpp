// Runs the planted bug that the argument names, and prints the rig's report.

#include <cstdio>
#include <cstring>

#include "tests/simt/bugs/bugs.hpp"

namespace bugs {

std::vector<Bug>& all() {
  static std::vector<Bug> bugs;
  return bugs;
}

cudaStream_t new_stream() {
  cudaStream_t stream = nullptr;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  return stream;
}

void say(const char* what, cudaError_t error) { std::printf("%s: %s\n", what, cudaGetErrorName(error)); }
void say(const char* what, double value) { std::printf("%s: %g\n", what, value); }

}  // namespace bugs

int main(int count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  for (const bugs::Bug& bug : bugs::all()) {
    if (count != 2 || std::strcmp(bug.name, arguments[1]) != 0) continue;
    bug.run();
    bugs::say("at the end", cudaDeviceSynchronize());
    const std::string report = simt::take_report();
    std::fwrite(report.data(), 1, report.size(), stdout);
    return 0;
  }
  std::printf("no such bug\n");
  return 1;
}
