// Counts of traffic, against what can be counted by hand.

#include <gtest/gtest.h>

#include <vector>

#include "cuda/device.hpp"
#include "tests/simt/on_device.hpp"
#include "tests/simt/traffic.hpp"

namespace rig_test {

using namespace orthant::cuda::device;

__global__ void copy(Global<const float> x, Global<float> y, int stride) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  y[i] = x[i * stride];
}

__global__ void copy_doubles(Global<const double> x, Global<double> y) { y[threadIdx.x] = x[threadIdx.x]; }

/// Writes rows, reads columns.
template <int kWidth>
__global__ void turn(Global<float> out) {
  ORTHANT_SHARED(float, tile, [32][kWidth]);
  for (int row = 0; row < 32; ++row) tile[row][threadIdx.x] = 1;
  sync_block();
  float sum = 0;
  for (int column = 0; column < 32; ++column) sum += tile[threadIdx.x][column];
  out[threadIdx.x] = sum;
}

__global__ void doubles_in_rows(Global<double> out) {
  ORTHANT_SHARED(double, row, [32]);
  row[threadIdx.x] = 1;
  out[threadIdx.x] = row[threadIdx.x];
}

/// Half of the warp reads a row of the other's banks, then all read a row of their own, at the same place of the
/// source.
template <int kLanesThatMeet>
__global__ void uneven_steps(Global<float> out) {
  ORTHANT_SHARED(float, tile, [2][32]);
  const int lane = static_cast<int>(threadIdx.x);
  for (int row = 0; row < 2; ++row) tile[row][lane] = 1;
  sync_block();
  float sum = 0;
  for (int row = 0; row < 2; ++row) {
    if (row == 1 || lane < 16) sum += tile[row][row == 1 ? lane : 16 + lane];
    if (kLanesThatMeet == 32) sync_warp();
    if (kLanesThatMeet == 16 && lane < 16) sync_warp(0xFFFFU);
  }
  out[lane] = sum;
}

/// Copies rows to columns. The second half of the warp copies zeros.
template <int kWidth>
__global__ void copy_to_columns(Global<const float> x) {
  ORTHANT_SHARED(float, tile, [32][kWidth]);
  for (int row = 0; row < 32; ++row)
    copy_async(&tile[threadIdx.x][row], x + (row * 32 + threadIdx.x), threadIdx.x < 16);
  commit_copies();
  wait_copies<0>();
}

__global__ void count(Global<int> total) {
  atomic_add(&total[0], 1);
  fence();
}

}  // namespace rig_test

namespace {

using rig_test::OnDevice;
using rig_test::run;
using simt::Traffic;

Traffic traffic_of(const std::string& kernel) {
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const Traffic found = simt::traffic()["rig_test::" + kernel];
  simt::reset_traffic();
  return found;
}

TEST(TrafficTest, NeighboursShareSectors) {
  const OnDevice<float> x(std::vector<float>(256)), y(std::vector<float>(256));
  run(rig_test::copy, 4, 64, 0, nullptr, x.data(), y.data(), 1);
  const Traffic got = traffic_of("copy");
  EXPECT_EQ(got.launches, 1);
  EXPECT_EQ(got.blocks, 4);
  EXPECT_EQ(got.bytes_read, 1024);
  EXPECT_EQ(got.bytes_written, 1024);
  EXPECT_EQ(got.sectors_read, 32);
  EXPECT_EQ(got.sectors_written, 32);
}

TEST(TrafficTest, DistantReadsTakeASectorEach) {
  const OnDevice<float> x(std::vector<float>(64 * 8)), y(std::vector<float>(64));
  run(rig_test::copy, 1, 64, 0, nullptr, x.data(), y.data(), 8);
  const Traffic got = traffic_of("copy");
  EXPECT_EQ(got.bytes_read, 256);
  EXPECT_EQ(got.sectors_read, 64);
  EXPECT_EQ(got.sectors_written, 8);
}

TEST(TrafficTest, AllLanesAtOneAddressTakeOneSector) {
  const OnDevice<float> x(std::vector<float>(1)), y(std::vector<float>(64));
  run(rig_test::copy, 1, 64, 0, nullptr, x.data(), y.data(), 0);
  EXPECT_EQ(traffic_of("copy").sectors_read, 2);
}

TEST(TrafficTest, DoublesTakeTwiceTheSectors) {
  const OnDevice<double> x(std::vector<double>(32)), y(std::vector<double>(32));
  run(rig_test::copy_doubles, 1, 32, 0, nullptr, x.data(), y.data());
  EXPECT_EQ(traffic_of("copy_doubles").sectors_read, 8);
}

TEST(TrafficTest, ColumnsConflictUnlessRowsArePadded) {
  const OnDevice<float> out(std::vector<float>(32));
  run(rig_test::turn<32>, 1, 32, 0, nullptr, out.data());
  const Traffic plain = traffic_of("turn<32>");
  EXPECT_EQ(plain.shared_accesses, 64);
  EXPECT_EQ(plain.bank_conflicts, 32 * 31);
  EXPECT_EQ(plain.conflict_ways, 32);
  EXPECT_EQ(plain.barriers, 1);
  run(rig_test::turn<33>, 1, 32, 0, nullptr, out.data());
  const Traffic padded = traffic_of("turn<33>");
  EXPECT_EQ(padded.bank_conflicts, 0);
  EXPECT_EQ(padded.conflict_ways, 1);
  EXPECT_EQ(out.read()[31], 32.0F);
}

TEST(TrafficTest, AsynchronousCopiesReadGlobalAndWriteSharedMemory) {
  const OnDevice<float> x(std::vector<float>(32 * 32));
  run(rig_test::copy_to_columns<32>, 1, 32, 0, nullptr, x.data());
  const Traffic plain = traffic_of("copy_to_columns<32>");
  EXPECT_EQ(plain.bytes_read, 32 * 16 * 4);
  EXPECT_EQ(plain.sectors_read, 32 * 2);
  EXPECT_EQ(plain.bytes_written, 0);
  EXPECT_EQ(plain.shared_accesses, 32);
  EXPECT_EQ(plain.bank_conflicts, 32 * 31);
  run(rig_test::copy_to_columns<33>, 1, 32, 0, nullptr, x.data());
  EXPECT_EQ(traffic_of("copy_to_columns<33>").bank_conflicts, 0);
}

TEST(TrafficTest, RowsOfDoublesDoNotConflict) {
  const OnDevice<double> out(std::vector<double>(32));
  run(rig_test::doubles_in_rows, 1, 32, 0, nullptr, out.data());
  EXPECT_EQ(traffic_of("doubles_in_rows").bank_conflicts, 0);
}

// What comes after a meeting of the warp is no access of what came before, however many each lane made.
TEST(TrafficTest, AWarpThatMeetsStartsAnew) {
  const OnDevice<float> out(std::vector<float>(32));
  run(rig_test::uneven_steps<32>, 1, 32, 0, nullptr, out.data());
  const Traffic meets = traffic_of("uneven_steps<32>");
  EXPECT_EQ(meets.shared_accesses, 4);
  EXPECT_EQ(meets.conflict_ways, 1);
  run(rig_test::uneven_steps<0>, 1, 32, 0, nullptr, out.data());
  run(rig_test::uneven_steps<16>, 1, 32, 0, nullptr, out.data());
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  for (const std::string lanes_that_meet : {"0", "16"}) {
    const Traffic apart = simt::traffic()["rig_test::uneven_steps<" + lanes_that_meet + ">"];
    EXPECT_EQ(apart.shared_accesses, 4);
    EXPECT_EQ(apart.conflict_ways, 2) << "reads of both rows are one access, as far as the rig can tell";
  }
  simt::reset_traffic();
}

TEST(TrafficTest, AtomicsAndFences) {
  const OnDevice<int> total(std::vector<int>{0});
  run(rig_test::count, 2, 50, 0, nullptr, total.data());
  const Traffic counted = traffic_of("count");
  EXPECT_EQ(counted.atomics, 100);
  EXPECT_EQ(counted.fences, 100);
}

}  // namespace
