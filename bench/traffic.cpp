#include "bench/traffic.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <map>

#include "bench/measure.hpp"

namespace orthant::bench {
namespace {

using Counts = std::map<std::string, KernelTraffic>;
using Tell = void (*)(void* to, const char* name, std::int64_t launches, std::int64_t read, std::int64_t written);
using Report = void (*)(Tell tell, void* to);

Report find_report() {
  const char* path = std::getenv("ORTHANT_CUDA_MODULE");  // as the library, which has loaded it
  void* module = path == nullptr ? nullptr : dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  return module == nullptr ? nullptr : reinterpret_cast<Report>(dlsym(module, "orthant_cuda_traffic"));
}

void tell(void* to, const char* name, std::int64_t launches, std::int64_t read, std::int64_t written) {
  KernelTraffic& traffic = (*static_cast<Counts*>(to))[name];
  traffic.name = name;
  traffic.launches = launches;
  if (read >= 0) traffic.bytes_read = read;
  if (written >= 0) traffic.bytes_written = written;
}

Counts counts() {
  Counts all;
  find_report()(tell, &all);
  return all;
}

// Adds `sign` times the counts.
void add(const Counts& counts, int sign, Counts& sum) {
  for (const auto& [name, traffic] : counts) {
    KernelTraffic& of_name = sum[name];
    of_name.name = name;
    of_name.launches += sign * traffic.launches;
    if (traffic.bytes_read) of_name.bytes_read = of_name.bytes_read.value_or(0) + sign * *traffic.bytes_read;
    if (traffic.bytes_written)
      of_name.bytes_written = of_name.bytes_written.value_or(0) + sign * *traffic.bytes_written;
  }
}

}  // namespace

bool counts_traffic() { return find_report() != nullptr; }

template <class T>
std::vector<KernelTraffic> traffic_of_iteration(const Matrix<T>& x, std::int64_t rank, const Options& options) {
  const Counts at_first = counts();
  fit_of(x, rank, options, 1);
  const Counts between = counts();
  fit_of(x, rank, options, 2);
  Counts sum;
  add(counts(), 1, sum);
  add(between, -2, sum);
  add(at_first, 1, sum);
  std::vector<KernelTraffic> all;
  for (const auto& [name, traffic] : sum)
    if (traffic.launches > 0) all.push_back(traffic);
  return all;
}

template std::vector<KernelTraffic> traffic_of_iteration(const Matrix<float>&, std::int64_t, const Options&);
template std::vector<KernelTraffic> traffic_of_iteration(const Matrix<double>&, std::int64_t, const Options&);

}  // namespace orthant::bench
