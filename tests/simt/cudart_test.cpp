// The substitute of CUDA's runtime: that it does what the manual says, as late as the manual allows.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "cuda/device.hpp"
#include "tests/simt/on_device.hpp"
#include "tests/simt/poison.hpp"
#include "tests/simt/rig.hpp"

namespace rig_test {

using namespace orthant::cuda::device;

__global__ void add_to(Global<int> value, int change) { value[0] += change; }
__global__ void multiply(Global<int> value, int factor) { value[0] *= factor; }
__global__ void append(Global<int> list, int digit) { list[0] = list[0] * 10 + digit; }
__global__ void fail() {
  if (threadIdx.x == 0) sync_block();
}
/// Counts down; the loop goes on until nothing is left.
__global__ void count_down(Global<int> left, cudaGraphConditionalHandle handle) {
  left[0] -= 1;
  set_conditional(handle, left[0] > 0 ? 1U : 0U);
}

}  // namespace rig_test

namespace {

using rig_test::OnDevice;
using rig_test::run;
using testing::ElementsAre;
using testing::HasSubstr;

class Cudart : public testing::Test {
 protected:
  void SetUp() override {
    simt::reset_calls();
    before_ = simt::live();
  }
  void TearDown() override {
    simt::fail_at(-1);
    simt::reset_machine();
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(simt::take_report(), "");
    EXPECT_EQ(simt::live(), before_);
    simt::clear_error();
  }

 private:
  simt::Live before_;
};

class Stream {
 public:
  explicit Stream(unsigned flags = cudaStreamNonBlocking) {
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream_, flags), cudaSuccess);
  }
  ~Stream() { EXPECT_EQ(cudaStreamDestroy(stream_), cudaSuccess); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return stream_; }
  void wait() const { EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess); }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  explicit Event(unsigned flags = cudaEventDisableTiming) {
    EXPECT_EQ(cudaEventCreateWithFlags(&event_, flags), cudaSuccess);
  }
  ~Event() { EXPECT_EQ(cudaEventDestroy(event_), cudaSuccess); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

void launch_graph(cudaGraph_t graph, cudaStream_t stream, int times) {
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  for (int i = 0; i < times; ++i) EXPECT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

TEST_F(Cudart, WorkRunsWhenTheHostWaits) {
  const OnDevice<int> value({1});
  const Stream stream;
  run(rig_test::add_to, 1, 1, 0, stream, value.data(), 2);
  EXPECT_EQ(simt::calls()["kernel:rig_test::add_to"], 0);
  stream.wait();
  EXPECT_EQ(simt::calls()["kernel:rig_test::add_to"], 1);
  EXPECT_EQ(value.read()[0], 3);
}

TEST_F(Cudart, OtherStreamsDoNotRunUnlessAnEventIsWaitedFor) {
  const OnDevice<int> value({1});
  const Stream first, second;
  const Event added;
  run(rig_test::add_to, 1, 1, 0, first, value.data(), 2);
  EXPECT_EQ(cudaEventRecord(added, first), cudaSuccess);
  run(rig_test::multiply, 1, 1, 0, second, value.data(), 10);
  second.wait();  // not yet added
  EXPECT_EQ(cudaStreamWaitEvent(second, added, 0), cudaSuccess);
  run(rig_test::multiply, 1, 1, 0, second, value.data(), 10);
  second.wait();
  int got = 0;
  EXPECT_EQ(cudaMemcpyAsync(&got, value.data(), sizeof got, cudaMemcpyDeviceToHost, second), cudaSuccess);
  EXPECT_EQ(got, (1 * 10 + 2) * 10);
}

TEST_F(Cudart, BlockingStreamsAndTheLegacyStreamWaitForEachOther) {
  const OnDevice<int> value({0});
  const Stream blocking(cudaStreamDefault);
  run(rig_test::append, 1, 1, 0, blocking, value.data(), 1);
  run(rig_test::append, 1, 1, 0, nullptr, value.data(), 2);
  run(rig_test::append, 1, 1, 0, blocking, value.data(), 3);
  run(rig_test::append, 1, 1, 0, cudaStreamPerThread, value.data(), 4);
  run(rig_test::append, 1, 1, 0, cudaStreamLegacy, value.data(), 5);
  blocking.wait();
  EXPECT_EQ(simt::calls()["kernel:rig_test::append"], 3);
  const int got = value.read()[0];
  EXPECT_TRUE(got == 12345) << got;
}

TEST_F(Cudart, NonBlockingStreamsDoNotWaitForTheLegacyStream) {
  const OnDevice<int> value({0});
  const Stream stream;
  run(rig_test::append, 1, 1, 0, nullptr, value.data(), 1);
  run(rig_test::append, 1, 1, 0, stream, value.data(), 2);
  stream.wait();
  EXPECT_EQ(value.read()[0], 21);
}

TEST_F(Cudart, EachThreadHasAStreamOfItsOwn) {
  const OnDevice<int> value({0});
  std::thread other([&] {
    run(rig_test::append, 1, 1, 0, cudaStreamPerThread, value.data(), 1);
    EXPECT_EQ(cudaStreamSynchronize(cudaStreamPerThread), cudaSuccess);
  });
  other.join();
  run(rig_test::append, 1, 1, 0, cudaStreamPerThread, value.data(), 2);
  EXPECT_EQ(cudaStreamSynchronize(cudaStreamPerThread), cudaSuccess);
  EXPECT_EQ(value.read()[0], 12);
}

TEST_F(Cudart, ThreadsOfTheHostCallAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      const OnDevice<int> value({t});
      const Stream stream;
      EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
      for (int i = 0; i < 20; ++i) run(rig_test::add_to, 1, 1, 0, stream, value.data(), 1);
      stream.wait();
      EXPECT_EQ(value.read()[0], t + 20);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Cudart, QueriesMakeProgress) {
  const OnDevice<int> value({0});
  const Stream stream;
  const Event done;
  EXPECT_EQ(cudaEventQuery(done), cudaSuccess);
  for (int i = 0; i < 3; ++i) run(rig_test::add_to, 1, 1, 0, stream, value.data(), 1);
  EXPECT_EQ(cudaEventRecord(done, stream), cudaSuccess);
  int polls = 0;
  while (cudaEventQuery(done) == cudaErrorNotReady) ++polls;
  EXPECT_EQ(polls, 4);
  EXPECT_EQ(cudaStreamQuery(stream), cudaSuccess);
  EXPECT_EQ(value.read()[0], 3);
}

TEST_F(Cudart, TimeBetweenEvents) {
  const Stream stream;
  const Event start(cudaEventDefault), end(cudaEventDefault), without(cudaEventDisableTiming);
  float milliseconds = -1;
  EXPECT_EQ(cudaEventRecord(start, stream), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(end, stream), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(without, stream), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaErrorNotReady);
  EXPECT_EQ(cudaEventSynchronize(end), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaSuccess);
  EXPECT_GE(milliseconds, 0);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, without), cudaErrorInvalidResourceHandle);
  EXPECT_NE(simt::take_report(), "");
}

TEST_F(Cudart, CopiesOfRectangles) {
  const OnDevice<int> matrix({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  std::vector<int> got(4, -1);
  EXPECT_EQ(cudaMemcpy2D(got.data(), 2 * sizeof(int), matrix.data() + 1, 4 * sizeof(int), 2 * sizeof(int), 2,
                         cudaMemcpyDeviceToHost),
            cudaSuccess);
  EXPECT_THAT(got, ElementsAre(1, 2, 5, 6));
  const Stream stream;
  EXPECT_EQ(cudaMemcpy2DAsync(matrix.data() + 2, 4 * sizeof(int), matrix.data(), 4 * sizeof(int), sizeof(int), 3,
                              cudaMemcpyDefault, stream),
            cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(matrix.data() + 11, 0, sizeof(int), stream), cudaSuccess);
  stream.wait();
  EXPECT_THAT(matrix.read(), ElementsAre(0, 1, 0, 3, 4, 5, 4, 7, 8, 9, 8, 0));
  EXPECT_EQ(cudaMemcpy2D(got.data(), 4, matrix.data(), 16, 8, 1, cudaMemcpyDeviceToHost), cudaErrorInvalidPitchValue);
  EXPECT_EQ(cudaMemcpy(got.data(), matrix.data(), 4, static_cast<cudaMemcpyKind>(7)), cudaErrorInvalidMemcpyDirection);
}

TEST_F(Cudart, PageableMemoryMayBeReadLate) {
  const OnDevice<int> value({0});
  const Stream stream;
  int given = 6;
  EXPECT_EQ(cudaMemcpyAsync(value.data(), &given, sizeof given, cudaMemcpyHostToDevice, stream), cudaSuccess);
  given = 5;
  int got = 0;
  EXPECT_EQ(cudaMemcpyAsync(&got, value.data(), sizeof got, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  EXPECT_EQ(got, 5);
}

TEST_F(Cudart, CopiesToPinnedMemoryAreLate) {
  void* raw = nullptr;
  ASSERT_EQ(cudaHostAlloc(&raw, sizeof(int), cudaHostAllocDefault), cudaSuccess);
  auto* const pinned = static_cast<int*>(raw);
  *pinned = 0;
  const OnDevice<int> value({5});
  const Stream stream;
  EXPECT_EQ(cudaMemcpyAsync(pinned, value.data(), sizeof(int), cudaMemcpyDeviceToHost, stream), cudaSuccess);
  EXPECT_EQ(*pinned, 0);
  stream.wait();
  EXPECT_EQ(*pinned, 5);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

TEST_F(Cudart, AllocationInTheOrderOfAStream) {
  const Stream stream;
  cudaMemPool_t pool = nullptr;
  ASSERT_EQ(cudaDeviceGetDefaultMemPool(&pool, 0), cudaSuccess);
  void* data = nullptr;
  simt::reset_peak();
  const std::int64_t before = simt::peak_bytes();
  ASSERT_EQ(cudaMallocFromPoolAsync(&data, 100, pool, stream), cudaSuccess);
  EXPECT_EQ(simt::peak_bytes(), before);
  EXPECT_TRUE(simt::on_device(data, 100));
  EXPECT_FALSE(simt::on_device(data, 101));
  EXPECT_EQ(cudaMemsetAsync(data, 1, 100, stream), cudaSuccess);
  EXPECT_EQ(cudaFreeAsync(data, stream), cudaSuccess);
  EXPECT_FALSE(simt::on_device(data, 100));
  stream.wait();
  EXPECT_EQ(simt::peak_bytes(), before + 100);
}

TEST_F(Cudart, PoolsThatAreMade) {
  cudaMemPoolProps wanted{};
  wanted.allocType = cudaMemAllocationTypePinned;
  wanted.location = {cudaMemLocationTypeDevice, 0};
  cudaMemPool_t pool = nullptr;
  ASSERT_EQ(cudaMemPoolCreate(&pool, &wanted), cudaSuccess);
  std::uint64_t threshold = UINT64_MAX;
  EXPECT_EQ(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold), cudaSuccess);
  EXPECT_EQ(cudaMemPoolDestroy(pool), cudaSuccess);
  EXPECT_EQ(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold), cudaErrorInvalidValue);
}

TEST_F(Cudart, AttributesOfPointers) {
  const OnDevice<int> value({1, 2});
  void* pinned = nullptr;
  ASSERT_EQ(cudaMallocHost(&pinned, 8), cudaSuccess);
  int plain = 0;
  cudaPointerAttributes got{};
  EXPECT_EQ(cudaPointerGetAttributes(&got, value.data() + 1), cudaSuccess);
  EXPECT_EQ(got.type, cudaMemoryTypeDevice);
  EXPECT_EQ(got.device, 0);
  EXPECT_EQ(got.hostPointer, nullptr);
  EXPECT_EQ(cudaPointerGetAttributes(&got, pinned), cudaSuccess);
  EXPECT_EQ(got.type, cudaMemoryTypeHost);
  EXPECT_EQ(cudaPointerGetAttributes(&got, &plain), cudaSuccess);
  EXPECT_EQ(got.type, cudaMemoryTypeUnregistered);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

TEST_F(Cudart, MemoryHoldsWhatNobodyWrote) {
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{512} << 10, std::size_t{8} << 20, std::size_t{16} << 20}) {
    void* data = nullptr;
    ASSERT_EQ(cudaMalloc(&data, bytes), cudaSuccess);
    std::vector<std::uint32_t> got((bytes + 3) / 4);
    EXPECT_EQ(cudaMemcpy(got.data(), data, bytes, cudaMemcpyDeviceToHost), cudaSuccess);
    EXPECT_TRUE(simt::is_poison(got.data(), bytes)) << bytes;
    EXPECT_EQ(cudaFree(data), cudaSuccess);
  }
}

TEST_F(Cudart, MemoryRunsOut) {
  cudaDeviceProp properties{};
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  properties.totalGlobalMem = 1000;
  simt::set_properties(properties);
  void* first = nullptr;
  void* second = nullptr;
  EXPECT_EQ(cudaMalloc(&first, 600), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&second, 401), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  std::size_t free = 0, total = 0;
  EXPECT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  EXPECT_EQ(free, 400U);
  EXPECT_EQ(total, 1000U);
  EXPECT_EQ(cudaFree(first), cudaSuccess);
}

TEST_F(Cudart, ErrorsOfKernelsStick) {
  const OnDevice<int> value({7});
  run(rig_test::fail, 1, 2, 0, nullptr);
  run(rig_test::add_to, 1, 1, 0, nullptr, value.data(), 1);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  void* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, 4), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaStreamSynchronize(nullptr), cudaErrorLaunchFailure);
  EXPECT_THAT(simt::take_report(), HasSubstr("kernel rig_test::fail, block (0, 0, 0), thread (1, 0, 0)"));
  simt::clear_error();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(value.read()[0], 7);
}

TEST_F(Cudart, TheNthCallFails) {
  simt::fail_at(2);
  int device = 0;
  void* data = nullptr;
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&data, 4), cudaErrorMemoryAllocation);
  EXPECT_EQ(data, nullptr);
  EXPECT_EQ(cudaMalloc(&data, 4), cudaSuccess);
  simt::fail_at(1);
  EXPECT_EQ(cudaFree(data), cudaErrorUnknown);  // and is free all the same
}

TEST_F(Cudart, NoDriverAndNoDevice) {
  int count = -1;
  simt::set_driver_version(0);
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
  EXPECT_EQ(count, 0);
  int version = -1;
  EXPECT_EQ(cudaDriverGetVersion(&version), cudaSuccess);
  EXPECT_EQ(version, 0);
  simt::reset_machine();
  simt::set_device_count(0);
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  simt::reset_machine();
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 1);
}

TEST_F(Cudart, SecondDevice) {
  simt::set_device_count(2);
  EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  {
    const OnDevice<int> value({1});
    cudaPointerAttributes got{};
    EXPECT_EQ(cudaPointerGetAttributes(&got, value.data()), cudaSuccess);
    EXPECT_EQ(got.device, 1);
    const Stream stream;
    ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
    EXPECT_EQ(run(rig_test::add_to, 1, 1, 0, stream, value.data(), 1), cudaErrorInvalidResourceHandle);
    EXPECT_NE(simt::take_report(), "");
  }
}

TEST_F(Cudart, DynamicSharedMemoryBeyondTheUsualIsAllowedFirst) {
  const auto kernel = rig_test::fail;
  EXPECT_EQ(run(kernel, 1, 1, 100 * 1024, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 228 * 1024),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 100 * 1024), cudaSuccess);
  EXPECT_EQ(run(kernel, 1, 1, 100 * 1024, nullptr), cudaSuccess);
  EXPECT_EQ(run(kernel, 1, 1, 100 * 1024 + 1, nullptr), cudaErrorInvalidValue);
  int blocks = 0;
  EXPECT_EQ(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, 256, 100 * 1024), cudaSuccess);
  EXPECT_EQ(blocks, 2);
  simt::take_report();
}

// Nothing is enqueued by it: what is captured afterwards may take more.
TEST_F(Cudart, SharedMemoryIsAllowedDuringACapture) {
  const auto kernel = rig_test::fail;
  const Stream stream;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 64 * 1024), cudaSuccess);
  EXPECT_EQ(run(kernel, 1, 1, 64 * 1024, stream), cudaSuccess);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  std::size_t nodes = 0;
  EXPECT_EQ(cudaGraphGetNodes(graph, nullptr, &nodes), cudaSuccess);
  EXPECT_EQ(nodes, 1U);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

// A device and a kernel on it: on another nothing has been allowed.
TEST_F(Cudart, SharedMemoryIsAllowedOnOneDevice) {
  simt::set_device_count(2);
  const auto kernel = rig_test::fail;
  EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 100 * 1024), cudaSuccess);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_EQ(run(kernel, 1, 1, 100 * 1024, nullptr), cudaErrorInvalidValue);
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_EQ(run(kernel, 1, 1, 100 * 1024, nullptr), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  simt::take_report();
}

// On devices that look different nothing has been allowed either, and there may be less.
TEST_F(Cudart, SharedMemoryIsWhatTheDeviceHas) {
  const auto kernel = rig_test::fail;
  cudaDeviceProp properties{};
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024), cudaSuccess);
  properties.sharedMemPerBlockOptin = 99 * 1024;
  simt::set_properties(properties);
  EXPECT_EQ(run(kernel, 1, 1, 48 * 1024 + 1, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 99 * 1024 + 1),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 99 * 1024), cudaSuccess);
  EXPECT_EQ(run(kernel, 1, 1, 99 * 1024, nullptr), cudaSuccess);
  simt::take_report();
}

TEST_F(Cudart, FunctionsOfTheHostRunInOrder) {
  const OnDevice<int> value({1});
  const Stream stream;
  int calls = 0;
  run(rig_test::add_to, 1, 1, 0, stream, value.data(), 1);
  EXPECT_EQ(cudaLaunchHostFunc(
                stream, [](void* count) { ++*static_cast<int*>(count); }, &calls),
            cudaSuccess);
  EXPECT_EQ(calls, 0);
  stream.wait();
  EXPECT_EQ(calls, 1);
}

TEST_F(Cudart, CaptureForksAndJoinsByEvents) {
  const OnDevice<int> left({0}), right({0});
  const Stream stream, side;
  const Event fork, join;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  run(rig_test::append, 1, 1, 0, stream, left.data(), 1);
  EXPECT_EQ(cudaEventRecord(fork, stream), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(side, fork, 0), cudaSuccess);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  EXPECT_EQ(cudaStreamIsCapturing(side, &status), cudaSuccess);
  EXPECT_EQ(status, cudaStreamCaptureStatusActive);
  run(rig_test::append, 1, 1, 0, side, right.data(), 2);
  run(rig_test::append, 1, 1, 0, stream, left.data(), 3);
  EXPECT_EQ(cudaEventRecord(join, side), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(stream, join, 0), cudaSuccess);
  run(rig_test::append, 1, 1, 0, stream, right.data(), 4);
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  std::size_t nodes = 0;
  EXPECT_EQ(cudaGraphGetNodes(graph, nullptr, &nodes), cudaSuccess);
  EXPECT_EQ(nodes, 4U);
  EXPECT_EQ(left.read()[0], 0);  // nothing has run
  launch_graph(graph, stream, 2);
  stream.wait();
  EXPECT_EQ(left.read()[0], 1313);
  EXPECT_EQ(right.read()[0], 2424);
  EXPECT_EQ(cudaEventQuery(join), cudaErrorCapturedEvent);
}

TEST_F(Cudart, BranchesWithoutAnEventBetweenThemRunInTheOtherOrder) {
  const OnDevice<int> list({0});
  const Stream stream, side;
  const Event fork, join;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(fork, stream), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(side, fork, 0), cudaSuccess);
  run(rig_test::append, 1, 1, 0, stream, list.data(), 1);
  run(rig_test::append, 1, 1, 0, side, list.data(), 2);
  EXPECT_EQ(cudaEventRecord(join, side), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(stream, join, 0), cudaSuccess);
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  launch_graph(graph, stream, 1);
  stream.wait();
  EXPECT_EQ(list.read()[0], 21);
}

TEST_F(Cudart, LoopsOfGraphs) {
  const OnDevice<int> left({5}), total({0});
  const Stream stream, body_stream;
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaGraphCreate(&graph, 0), cudaSuccess);
  cudaGraphConditionalHandle handle{};
  ASSERT_EQ(cudaGraphConditionalHandleCreate(&handle, graph, 1, cudaGraphCondAssignDefault), cudaSuccess);
  cudaGraphNodeParams loop{};
  loop.type = cudaGraphNodeTypeConditional;
  loop.conditional.handle = handle;
  loop.conditional.type = cudaGraphCondTypeWhile;
  loop.conditional.size = 1;
  cudaGraphNode_t node = nullptr;
  ASSERT_EQ(cudaGraphAddNode(&node, graph, nullptr, nullptr, 0, &loop), cudaSuccess);
  cudaGraph_t body = loop.conditional.phGraph_out[0];
  ASSERT_EQ(cudaStreamBeginCaptureToGraph(body_stream, body, nullptr, nullptr, 0, cudaStreamCaptureModeThreadLocal),
            cudaSuccess);
  run(rig_test::add_to, 1, 1, 0, body_stream, total.data(), 3);
  run(rig_test::count_down, 1, 1, 0, body_stream, left.data(), handle);
  ASSERT_EQ(cudaStreamEndCapture(body_stream, &body), cudaSuccess);
  launch_graph(graph, stream, 1);
  stream.wait();
  EXPECT_EQ(total.read()[0], 15);
}

TEST_F(Cudart, LoopsInTheMiddleOfACapture) {
  const OnDevice<int> left({3}), list({0});
  const Stream stream, body_stream;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  run(rig_test::append, 1, 1, 0, stream, list.data(), 1);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cudaGraph_t graph = nullptr;
  const cudaGraphNode_t* before = nullptr;
  std::size_t count = 0;
  ASSERT_EQ(cudaStreamGetCaptureInfo(stream, &status, nullptr, &graph, &before, nullptr, &count), cudaSuccess);
  cudaGraphConditionalHandle handle{};
  ASSERT_EQ(cudaGraphConditionalHandleCreate(&handle, graph, 1, cudaGraphCondAssignDefault), cudaSuccess);
  cudaGraphNodeParams loop{};
  loop.type = cudaGraphNodeTypeConditional;
  loop.conditional.handle = handle;
  loop.conditional.type = cudaGraphCondTypeWhile;
  loop.conditional.size = 1;
  cudaGraphNode_t node = nullptr;
  ASSERT_EQ(cudaGraphAddNode(&node, graph, before, nullptr, count, &loop), cudaSuccess);
  cudaGraph_t body = loop.conditional.phGraph_out[0];
  ASSERT_EQ(cudaStreamBeginCaptureToGraph(body_stream, body, nullptr, nullptr, 0, cudaStreamCaptureModeThreadLocal),
            cudaSuccess);
  run(rig_test::append, 1, 1, 0, body_stream, list.data(), 2);
  run(rig_test::count_down, 1, 1, 0, body_stream, left.data(), handle);
  ASSERT_EQ(cudaStreamEndCapture(body_stream, &body), cudaSuccess);
  ASSERT_EQ(cudaStreamUpdateCaptureDependencies(stream, &node, nullptr, 1, cudaStreamSetCaptureDependencies),
            cudaSuccess);
  run(rig_test::append, 1, 1, 0, stream, list.data(), 3);
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  launch_graph(graph, stream, 1);
  stream.wait();
  EXPECT_EQ(list.read()[0], 12223);
}

TEST_F(Cudart, AnExecutorTakesTheLaunches) {
  const OnDevice<int> value({1});
  std::vector<simt::KernelCall> seen;
  simt::set_kernel_executor([&seen](const simt::KernelCall& call) { seen.push_back(call); });
  run(rig_test::add_to, dim3(2, 3), 32, 16, nullptr, value.data(), 5);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  simt::set_kernel_executor({});
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].function, reinterpret_cast<const void*>(rig_test::add_to));
  EXPECT_EQ(seen[0].grid.y, 3U);
  EXPECT_EQ(seen[0].shared_bytes, 16U);
  ASSERT_EQ(seen[0].arguments.size(), 2U);
  int change = 0;
  std::memcpy(&change, seen[0].arguments[1].data(), sizeof change);
  EXPECT_EQ(change, 5);
}

TEST_F(Cudart, WorkOfLibraries) {
  const Stream stream;
  int runs = 0;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  simt::enqueue(stream, "gemm", [&runs] { ++runs; });
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  launch_graph(graph, stream, 3);
  simt::enqueue(stream, "gemm", [&runs] { ++runs; });
  EXPECT_EQ(runs, 0);
  stream.wait();
  EXPECT_EQ(runs, 4);
  EXPECT_EQ(simt::calls()["work:gemm"], 4);
}

}  // namespace
