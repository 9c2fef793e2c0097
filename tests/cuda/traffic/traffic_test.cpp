// What each kernel of the backend moves, counted by the rig, against the least that it could.

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cuda/traffic/bound.hpp"
#include "tests/simt/traffic.hpp"

namespace orthant::cuda::traffic {
namespace {

constexpr double kMargin = 1.15;  // of every bound: sectors that neighbours share, sums over blocks

/// The table: every kernel that has more than one thread, at least in float.
std::vector<Bound> table() {
  std::vector<Bound> all;
  for (const auto& part : {gram_bounds(), update_bounds(), ratio_bounds(), nnls_bounds(), sparse_product_bounds(),
                           narrow_product_bounds(), divergence_bounds(), descent_bounds(), loss_bounds(),
                           factor_bounds(), convert_bounds(), storage_bounds(), survey_bounds()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// As resources.tsv names it, but for the file.
std::string short_name(std::string name) {
  for (const std::string drop : {"orthant::cuda::", "(anonymous namespace)::"}) {
    for (std::size_t at = 0; (at = name.find(drop, at)) != std::string::npos;) name.erase(at, drop.size());
  }
  return name;
}

TEST(Traffic, IsNearTheLeast) {
  std::printf("bytes of global memory, in sectors\n%-40s %9s %9s %6s %9s %9s %6s %5s %9s\n", "kernel", "read", "least",
              "ratio", "written", "least", "ratio", "ways", "barriers");
  for (const Bound& bound : table()) {
    SCOPED_TRACE(bound.kernel);
    simt::Traffic found;
    {
      Device device(bound.math);
      simt::reset_traffic();
      bound.call(device);
      device.gpu().synchronize();
      EXPECT_EQ(simt::take_report(), "");
      const std::string name = bound.kernel.substr(bound.kernel.find(": ") + 2);
      for (const auto& [kernel, traffic] : simt::traffic()) {
        if (short_name(kernel) == name) found += traffic;
      }
    }
    ASSERT_EQ(found.launches, 1);
    const double read = kSector * static_cast<double>(found.sectors_read);
    const double written = kSector * static_cast<double>(found.sectors_written);
    const auto ratio = [](double got, double least) { return least > 0 ? got / least : 0.0; };
    std::printf("%-40s %9.0f %9.0f %6.2f %9.0f %9.0f %6.2f %5ld %9ld  %s\n", bound.kernel.c_str(), read, bound.read,
                ratio(read, bound.read), written, bound.written, ratio(written, bound.written), found.conflict_ways,
                found.barriers, bound.reason);
    EXPECT_LE(read, kMargin * (bound.read + bound.again));
    EXPECT_LE(written, kMargin * (bound.written + bound.again_to));
    EXPECT_GE(read, bound.read) << "the least is wrong";
    EXPECT_GE(written, bound.written) << "the least is wrong";
    EXPECT_LE(found.conflict_ways, bound.ways);
    EXPECT_LE(static_cast<double>(found.barriers), bound.barriers);
    if (bound.atomics >= 0) {
      EXPECT_LE(static_cast<double>(found.atomics), bound.atomics);
    }
    if (bound.fences >= 0) {
      EXPECT_LE(static_cast<double>(found.fences), bound.fences);
    }
  }
}

// Where a kernel is bounded in float only, that stands for double: twice as much at the same places.
TEST(Traffic, IsBoundedForEveryKernel) {
  std::set<std::string> bounded;
  for (const Bound& bound : table()) bounded.insert(bound.kernel);
  std::ifstream file(ORTHANT_RESOURCES);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));  // the titles
  int kernels = 0;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string kernel, architecture, threads;
    std::getline(std::getline(std::getline(fields, kernel, '\t'), architecture, '\t'), threads, '\t');
    if (threads == "1") continue;
    if (bounded.count(kernel) == 0)
      for (std::size_t at = 0; (at = kernel.find("double", at)) != std::string::npos;) kernel.replace(at, 6, "float");
    EXPECT_EQ(bounded.count(kernel), 1u) << kernel;
    ++kernels;
  }
  EXPECT_GT(kernels, 0);
}

}  // namespace
}  // namespace orthant::cuda::traffic
