// Kernels of every kind that the rig runs, against what they must compute.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "cuda/device.hpp"
#include "tests/simt/on_device.hpp"
#include "tests/simt/rig.hpp"

namespace rig_test {

using namespace orthant::cuda::device;

__global__ void add(Global<const float> a, Global<const float> b, Global<float> sum, int n) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < static_cast<unsigned>(n)) sum[i] = a[i] + b[i];
}

/// Sums of blocks, by a tree in shared memory.
__global__ void sum_blocks(Global<const float> x, Global<float> sums, int n) {
  ORTHANT_SHARED(float, partial, [64]);
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  partial[threadIdx.x] = i < static_cast<unsigned>(n) ? static_cast<float>(x[i]) : 0.0F;
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    sync_block();
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = partial[0];
}

__device__ inline float sum_warp(float value) {
  for (int distance = 16; distance > 0; distance /= 2) value += shuffle_xor(value, distance);
  return value;
}

/// The sum over the whole grid: the block that finishes last adds the partial sums up.
__global__ void sum_grid(Global<const float> x, Global<float> partial, Global<unsigned> finished, Global<float> sum,
                         int n) {
  ORTHANT_SHARED(float, of_warp, [2]);
  ORTHANT_SHARED(bool, is_last, [1]);
  float mine = 0;
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < static_cast<unsigned>(n); i += blockDim.x * gridDim.x) {
    mine += x[i];
  }
  mine = sum_warp(mine);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = mine;
  sync_block();
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = of_warp[0] + of_warp[1];
    fence();
    is_last[0] = atomic_add(&finished[0], 1U) == gridDim.x - 1;
  }
  sync_block();
  if (!is_last[0] || threadIdx.x != 0) return;
  fence();
  float total = 0;
  for (unsigned block = 0; block < gridDim.x; ++block) total += partial[block];
  sum[0] = total;
  atomic_exchange(&finished[0], 0U);
}

__global__ void reverse_block(Global<const int> x, Global<int> y) {
  ORTHANT_DYNAMIC_SHARED(int, copy);
  copy[threadIdx.x] = x[threadIdx.x];
  sync_block();
  y[threadIdx.x] = copy[blockDim.x - 1 - threadIdx.x];
}

/// What lanes get from each kind of exchange, one row for each.
__global__ void exchange(Global<int> out) {
  const int lane = static_cast<int>(threadIdx.x);
  out[lane] = shuffle(lane, 5);
  out[32 + lane] = shuffle(lane, 1, 8);
  out[64 + lane] = shuffle_xor(lane, 3);
  out[96 + lane] = shuffle_down(lane, 2, 16);
  out[128 + lane] = static_cast<int>(ballot(lane % 2 == 1));
  out[160 + lane] = any(lane == 7) ? 1 : 0;
  out[192 + lane] = all(lane < 31) ? 1 : 0;
  if (lane < 8) out[224 + lane] = shuffle_xor(lane, 1, 32, 0xFFU);
}

/// Of A (16 x 8) and C (16 x 8) by rows and B (8 x 8) by columns: C += A B.
__global__ void multiply_tf32(Global<const float> a, Global<const float> b, Global<float> c, bool rounds) {
  const int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
  const auto word = [=](float x) { return rounds ? tf32_word(x) : std::bit_cast<unsigned>(x); };
  const unsigned of_a[4] = {word(a[g * 8 + t]), word(a[(g + 8) * 8 + t]), word(a[g * 8 + t + 4]),
                            word(a[(g + 8) * 8 + t + 4])};
  const unsigned of_b[2] = {word(b[g * 8 + t]), word(b[g * 8 + t + 4])};
  float sums[4] = {c[g * 8 + 2 * t], c[g * 8 + 2 * t + 1], c[(g + 8) * 8 + 2 * t], c[(g + 8) * 8 + 2 * t + 1]};
  multiply_add_tf32(sums, of_a, of_b);
  for (int i = 0; i < 4; ++i) c[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = sums[i];
}

/// The same of A (16 x 16) and B (16 x 8).
__global__ void multiply_bf16(Global<const float> a, Global<const float> b, Global<float> c) {
  const int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
  const auto words = [=](Global<const float> x, int line, int k) {
    return bf16_word(x[line * 16 + k], x[line * 16 + k + 1]);
  };
  const unsigned of_a[4] = {words(a, g, 2 * t), words(a, g + 8, 2 * t), words(a, g, 2 * t + 8),
                            words(a, g + 8, 2 * t + 8)};
  const unsigned of_b[2] = {words(b, g, 2 * t), words(b, g, 2 * t + 8)};
  float sums[4] = {c[g * 8 + 2 * t], c[g * 8 + 2 * t + 1], c[(g + 8) * 8 + 2 * t], c[(g + 8) * 8 + 2 * t + 1]};
  multiply_add_bf16(sums, of_a, of_b);
  for (int i = 0; i < 4; ++i) c[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = sums[i];
}

__global__ void where_am_i(Global<unsigned> out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 1000 + thread;
}

__global__ void atomics(Global<int> values, Global<double> sum) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  atomic_add(&values[0], 1);
  atomic_min(&values[1], -i);
  atomic_max(&values[2], i);
  atomic_or(&values[3], 1 << i % 16);
  if (i == 17) values[5] = atomic_exchange(&values[4], 9);
  atomic_add(&sum[0], 0.5);
}

/// Rows of kCount values, those from the `valid`-th on zeros.
template <int kCount>
__global__ void copy_rows(Global<const float> x, Global<float> y, int valid) {
  ORTHANT_DYNAMIC_SHARED(float, rows);
  const int thread = static_cast<int>(threadIdx.x);
  copy_async<kCount>(rows + thread * kCount, x + thread * kCount, thread < valid);
  commit_copies();
  wait_copies<0>();
  sync_block();
  const int other = static_cast<int>(blockDim.x) - 1 - thread;
  for (int i = 0; i < kCount; ++i) y[other * kCount + i] = static_cast<float>(rows[other * kCount + i]);
}

/// What a thread finds of three groups, the second of which is empty, after each wait.
__global__ void wait_for_groups(Global<const double> x, Global<double> y) {
  ORTHANT_SHARED(double, found, [2]);
  found[0] = found[1] = -1;
  const auto tell = [&](int wait) {
    for (int i = 0; i < 2; ++i) y[2 * wait + i] = static_cast<double>(found[i]);
  };
  copy_async(&found[0], x);
  wait_copies<0>();  // for no group
  tell(0);
  commit_copies();
  commit_copies();
  copy_async(&found[1], x + 1);
  commit_copies();
  wait_copies<3>();
  tell(1);
  wait_copies<2>();
  tell(2);
  wait_copies<1>();
  tell(3);
  wait_copies<0>();
  tell(4);
}

__global__ void increment(Global<int> value) { value[0] = value[0] + 1; }

}  // namespace rig_test

namespace {

using orthant::cuda::device::bf16_word;
using orthant::cuda::device::tf32_word;
using rig_test::OnDevice;
using rig_test::run;
using testing::ElementsAre;

std::vector<float> ramp(int n) {
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), 1.0F);
  return values;
}

class Kernels : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(simt::take_report(), "");
  }
};

TEST_F(Kernels, AddVectors) {
  const int n = 1000;
  const OnDevice<float> a(ramp(n)), b(ramp(n)), sum(std::vector<float>(n, 0.0F));
  ASSERT_EQ(run(rig_test::add, 8, 128, 0, nullptr, a.data(), b.data(), sum.data(), n), cudaSuccess);
  const std::vector<float> got = sum.read();
  for (int i = 0; i < n; ++i) ASSERT_EQ(got[i], 2.0F * static_cast<float>(i + 1));
}

TEST_F(Kernels, BarriersOrderSharedMemory) {
  const int n = 300;
  const OnDevice<float> x(ramp(n)), sums(std::vector<float>(5, 0.0F));
  ASSERT_EQ(run(rig_test::sum_blocks, 5, 64, 0, nullptr, x.data(), sums.data(), n), cudaSuccess);
  const std::vector<float> got = sums.read();
  EXPECT_EQ(got[0], 64 * 65 / 2);
  EXPECT_EQ(std::accumulate(got.begin(), got.end(), 0.0F), 300 * 301 / 2);
}

TEST_F(Kernels, TheLastBlockAddsUp) {
  const int n = 5000;
  const OnDevice<float> x(ramp(n)), partial(std::vector<float>(7, 0.0F)), sum(std::vector<float>(1, 0.0F));
  const OnDevice<unsigned> finished({0});
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(run(rig_test::sum_grid, 7, 64, 0, nullptr, x.data(), partial.data(), finished.data(), sum.data(), n),
              cudaSuccess);
  }
  EXPECT_FLOAT_EQ(sum.read()[0], 5000.0F * 5001.0F / 2);
}

TEST_F(Kernels, DynamicSharedMemory) {
  const OnDevice<int> x({1, 2, 3, 4, 5}), y(std::vector<int>(5));
  ASSERT_EQ(run(rig_test::reverse_block, 1, 5, 5 * sizeof(int), nullptr, x.data(), y.data()), cudaSuccess);
  EXPECT_THAT(y.read(), ElementsAre(5, 4, 3, 2, 1));
}

template <int kCount>
void test_copies() {
  constexpr int kRows = 40, kValid = 37;
  const OnDevice<float> x(ramp(kRows * kCount)), y(std::vector<float>(kRows * kCount, -1.0F));
  ASSERT_EQ(
      run(rig_test::copy_rows<kCount>, 1, kRows, kRows * kCount * sizeof(float), nullptr, x.data(), y.data(), kValid),
      cudaSuccess);
  std::vector<float> expected = ramp(kRows * kCount);
  std::fill(expected.begin() + kValid * kCount, expected.end(), 0.0F);
  EXPECT_EQ(y.read(), expected);
}

TEST_F(Kernels, CopiesOfEverySize) {
  test_copies<1>();
  test_copies<2>();
  test_copies<4>();
}

// Of zeros nothing is read.
TEST_F(Kernels, CopiesThatAreNotValidComeFromAnywhere) {
  const OnDevice<float> y(std::vector<float>(32, -1.0F));
  ASSERT_EQ(run(rig_test::copy_rows<4>, 1, 8, 128, nullptr, static_cast<const float*>(nullptr), y.data(), 0),
            cudaSuccess);
  EXPECT_EQ(y.read(), std::vector<float>(32, 0.0F));
}

TEST_F(Kernels, CopiesAreMadeAtTheWaitForTheirGroupAndNotBefore) {
  const OnDevice<double> x({3, 4}), y(std::vector<double>(10));
  ASSERT_EQ(run(rig_test::wait_for_groups, 1, 1, 0, nullptr, x.data(), y.data()), cudaSuccess);
  EXPECT_THAT(y.read(), ElementsAre(-1, -1, -1, -1, 3, -1, 3, -1, 3, 4));
}

TEST_F(Kernels, LanesExchangeAsTheManualSays) {
  const OnDevice<int> out(std::vector<int>(256, -1));
  ASSERT_EQ(run(rig_test::exchange, 1, 32, 0, nullptr, out.data()), cudaSuccess);
  const std::vector<int> got = out.read();
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(got[lane], 5);
    EXPECT_EQ(got[32 + lane], lane / 8 * 8 + 1);
    EXPECT_EQ(got[64 + lane], lane ^ 3);
    EXPECT_EQ(got[96 + lane], lane % 16 < 14 ? lane + 2 : lane);
    EXPECT_EQ(static_cast<unsigned>(got[128 + lane]), 0xAAAAAAAAU);
    EXPECT_EQ(got[160 + lane], 1);
    EXPECT_EQ(got[192 + lane], 0);
    EXPECT_EQ(got[224 + lane], lane < 8 ? lane ^ 1 : -1);
  }
}

/// Small integers, which every format has.
std::vector<float> integers(int n, int seed) {
  std::vector<float> values(n);
  for (int i = 0; i < n; ++i) values[i] = static_cast<float>((i * 37 + seed * 11) % 23 - 9);
  return values;
}

void expect_product(const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& before,
                    const std::vector<float>& got) {
  const int depth = static_cast<int>(a.size()) / 16;
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 8; ++j) {
      float sum = before[i * 8 + j];
      for (int k = 0; k < depth; ++k) sum += a[i * depth + k] * b[j * depth + k];
      ASSERT_EQ(got[i * 8 + j], sum) << i << ", " << j;
    }
  }
}

TEST_F(Kernels, AWarpMultipliesMatrices) {
  const auto before = integers(128, 3);
  {
    const auto a = integers(16 * 8, 1), b = integers(8 * 8, 2);
    const OnDevice<float> on_a(a), on_b(b), c(before);
    ASSERT_EQ(run(rig_test::multiply_tf32, 1, 32, 0, nullptr, on_a.data(), on_b.data(), c.data(), true), cudaSuccess);
    expect_product(a, b, before, c.read());
  }
  const auto a = integers(16 * 16, 1), b = integers(16 * 8, 2);
  const OnDevice<float> on_a(a), on_b(b), c(before);
  ASSERT_EQ(run(rig_test::multiply_bf16, 1, 32, 0, nullptr, on_a.data(), on_b.data(), c.data()), cudaSuccess);
  expect_product(a, b, before, c.read());
}

// Factors are rounded by the conversions; what a product is given beyond its format it ignores.
TEST_F(Kernels, FactorsOfTensorCoresHaveFewDigits) {
  std::vector<float> one(64, 0.0F);
  for (int i = 0; i < 8; ++i) one[i * 8 + i] = 1;
  std::vector<float> a(128, 0.0F);
  a[0] = 1 + 0x1p-11F;     // half of the last place: up
  a[9] = -1 - 0x1p-11F;    // in magnitude
  a[18] = 1 + 0x1.8p-12F;  // less than half
  a[27] = std::numeric_limits<float>::infinity();
  const OnDevice<float> on_a(a), identity(one);
  for (bool rounds : {true, false}) {
    // A row with infinity has NaN beside it: 0 times infinity.
    const OnDevice<float> c(std::vector<float>(128, 0.0F));
    ASSERT_EQ(run(rig_test::multiply_tf32, 1, 32, 0, nullptr, on_a.data(), identity.data(), c.data(), rounds),
              cudaSuccess);
    const std::vector<float> got = c.read();
    EXPECT_EQ(got[0], rounds ? 1 + 0x1p-10F : 1);
    EXPECT_EQ(got[9], rounds ? -1 - 0x1p-10F : -1);
    EXPECT_EQ(got[18], 1);
    EXPECT_EQ(got[27], std::numeric_limits<float>::infinity());
    EXPECT_TRUE(std::isnan(got[24]));
  }
  EXPECT_EQ(bf16_word(1 + 0x1p-8F, 1 + 3 * 0x1p-8F), 0x3F823F80U);  // ties to even
  EXPECT_EQ(bf16_word(65520, std::nanf("")), 0x7FFF4780U);
  EXPECT_EQ(tf32_word(std::nanf("")) & 0x7F802000U, 0x7F802000U);
  EXPECT_EQ(tf32_word(0x1.FFFp127F), 0x7F800000U);
}

TEST_F(Kernels, IndicesInThreeDimensions) {
  const dim3 grid(3, 2, 2), block(4, 3, 2);
  const OnDevice<unsigned> out(std::vector<unsigned>(12 * 24));
  ASSERT_EQ(run(rig_test::where_am_i, grid, block, 0, nullptr, out.data()), cudaSuccess);
  const std::vector<unsigned> got = out.read();
  for (unsigned i = 0; i < 12 * 24; ++i) EXPECT_EQ(got[i], i / 24 * 1000 + i % 24);
}

TEST_F(Kernels, Atomics) {
  const OnDevice<int> values({0, 0, 0, 0, 3, 0});
  const OnDevice<double> sum({0.0});
  ASSERT_EQ(run(rig_test::atomics, 4, 64, 0, nullptr, values.data(), sum.data()), cudaSuccess);
  EXPECT_THAT(values.read(), ElementsAre(256, -255, 255, 0xFFFF, 9, 3));
  EXPECT_EQ(sum.read()[0], 128.0);
}

TEST_F(Kernels, LargestBlock) {
  const OnDevice<unsigned> out(std::vector<unsigned>(1024));
  ASSERT_EQ(run(rig_test::where_am_i, 1, 1024, 0, nullptr, out.data()), cudaSuccess);
  EXPECT_EQ(out.read()[1023], 1023U);
}

TEST_F(Kernels, AGraphRunsAsOftenAsItIsLaunched) {
  const OnDevice<int> value({0});
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  ASSERT_EQ(run(rig_test::increment, 1, 1, 0, stream, value.data()), cudaSuccess);
  ASSERT_EQ(run(rig_test::increment, 1, 1, 0, stream, value.data()), cudaSuccess);
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  simt::reset_calls();
  for (int i = 0; i < 5; ++i) ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(value.read()[0], 10);
  EXPECT_EQ(simt::calls()["kernel:rig_test::increment"], 10);
  EXPECT_EQ(simt::calls()["cudaLaunchKernelEx"], 0);
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(simt::live().graphs + simt::live().graph_execs + simt::live().streams, 0);
}

}  // namespace
