#include "tests/simt/faults.hpp"

#include <mutex>
#include <utility>

#include "tests/simt/rig.hpp"

namespace simt {
namespace {

struct Faults {
  std::mutex mutex;
  std::string text;
  cudaError_t error = cudaSuccess;
};

Faults& faults() {
  static auto* const all = new Faults;  // never destroyed: workers may report until the very end
  return *all;
}

}  // namespace

void report(const Fault& fault) {
  Faults& all = faults();
  const std::lock_guard lock(all.mutex);
  all.text += "simt: " + fault.what + "\n  in " + fault.place + "\n";
  if (all.error == cudaSuccess) all.error = fault.error;
}

void report(const std::string& text) { report(Fault{text, "a call of the host", cudaSuccess}); }

void fault(const std::string& text) { report(Fault{text, "work on a stream", cudaErrorLaunchFailure}); }

std::string take_report() {
  Faults& all = faults();
  const std::lock_guard lock(all.mutex);
  return std::exchange(all.text, {});
}

cudaError_t sticky_error() {
  Faults& all = faults();
  const std::lock_guard lock(all.mutex);
  return all.error;
}

void clear_sticky_error() {
  Faults& all = faults();
  const std::lock_guard lock(all.mutex);
  all.error = cudaSuccess;
}

}  // namespace simt
