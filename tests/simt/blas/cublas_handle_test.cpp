// The handle of cuBLAS's substitute: modes, streams, workspaces, captures, failures on request.

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/simt/blas/testing.hpp"
#include "tests/simt/sanitizers.hpp"

namespace blas_test {
namespace {

TEST(CublasStatus, HasTheNamesOfTheLibrary) {
  // As NVIDIA's library 13.1 answers.
  EXPECT_STREQ(cublasGetStatusName(CUBLAS_STATUS_NOT_SUPPORTED), "CUBLAS_STATUS_NOT_SUPPORTED");
  EXPECT_STREQ(cublasGetStatusString(CUBLAS_STATUS_NOT_SUPPORTED), "the requested functionality is not supported");
  EXPECT_STREQ(cublasGetStatusString(CUBLAS_STATUS_EXECUTION_FAILED), "the function failed to launch on the GPU");
  EXPECT_STREQ(cublasGetStatusName(static_cast<cublasStatus_t>(2)), "unrecognized status");
  EXPECT_STREQ(cublasGetStatusString(static_cast<cublasStatus_t>(2)), "unrecognized status");
}

TEST_F(Cublas, KeepsItsModes) {
  cublasMath_t math{};
  cublasPointerMode_t pointers{};
  cublasAtomicsMode_t atomics{};
  cudaStream_t stream = cudaStreamLegacy;
  EXPECT_EQ(cublasGetMathMode(handle, &math), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasGetPointerMode(handle, &pointers), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasGetAtomicsMode(handle, &atomics), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasGetStream(handle, &stream), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(math, CUBLAS_DEFAULT_MATH);
  EXPECT_EQ(pointers, CUBLAS_POINTER_MODE_HOST);
  EXPECT_EQ(atomics, CUBLAS_ATOMICS_NOT_ALLOWED);
  EXPECT_EQ(stream, nullptr);

  const auto with_flag =
      static_cast<cublasMath_t>(CUBLAS_TF32_TENSOR_OP_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
  EXPECT_EQ(cublasSetMathMode(handle, with_flag), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetPointerMode(handle, CUBLAS_POINTER_MODE_DEVICE), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetAtomicsMode(handle, CUBLAS_ATOMICS_ALLOWED), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetStream(handle, cudaStreamPerThread), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetMathMode(handle, static_cast<cublasMath_t>(5)), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasGetMathMode(handle, &math), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasGetPointerMode(handle, &pointers), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasGetAtomicsMode(handle, &atomics), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasGetStream(handle, &stream), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(math, with_flag);
  EXPECT_EQ(pointers, CUBLAS_POINTER_MODE_DEVICE);
  EXPECT_EQ(atomics, CUBLAS_ATOMICS_ALLOWED);
  EXPECT_EQ(stream, cudaStreamPerThread);

  EXPECT_EQ(cublasGetMathMode(handle, nullptr), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasGetPointerMode(handle, nullptr), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasGetAtomicsMode(handle, nullptr), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasGetStream(handle, nullptr), CUBLAS_STATUS_INVALID_VALUE);
}

TEST_F(Cublas, ToldApartFromWhatIsNoHandle) {
  int version = 0;
  EXPECT_EQ(cublasGetVersion(nullptr, &version), CUBLAS_STATUS_SUCCESS);  // as NVIDIA's library answers
  EXPECT_EQ(version, CUBLAS_VERSION);
  EXPECT_EQ(cublasGetVersion(handle, nullptr), CUBLAS_STATUS_INVALID_VALUE);
  int major = 0, minor = 0, patch = 0;
  EXPECT_EQ(cublasGetProperty(MAJOR_VERSION, &major), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasGetProperty(MINOR_VERSION, &minor), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasGetProperty(PATCH_LEVEL, &patch), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(10000 * major + 100 * minor + patch, CUBLAS_VERSION);
  EXPECT_EQ(cublasGetProperty(PATCH_LEVEL, nullptr), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasCreate(nullptr), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasDestroy(nullptr), CUBLAS_STATUS_NOT_INITIALIZED);
  cublasHandle_t gone = nullptr;
  ASSERT_EQ(cublasCreate(&gone), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cublasDestroy(gone), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasDestroy(gone), CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_EQ(cublasSetStream(gone, nullptr), CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_EQ(cublasSetWorkspace(nullptr, nullptr, 0), CUBLAS_STATUS_NOT_INITIALIZED);
}

TEST_F(Cublas, NeedsADevice) {
  simt::set_device_count(0);
  cublasHandle_t none = nullptr;
  EXPECT_EQ(cublasCreate(&none), CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_EQ(none, nullptr);
}

/// A product of 1 x 1 matrices on the stream of the handle.
class CublasWork : public Cublas {
 protected:
  cublasStatus_t multiply(const OnDevice<float>& a, const OnDevice<float>& c) {
    const float one = 1;
    return cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.data(), 1, a.data(), 1, &one, c.data(), 1);
  }
};

TEST_F(CublasWork, UsesTheWorkspaceUntilTheStreamIsSet) {
  const OnDevice<float> a({1}), c({0}), workspace(std::vector<float>(64, 5));
  ASSERT_EQ(cublasSetWorkspace(handle, workspace.data(), 256), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(multiply(a, c), CUBLAS_STATUS_SUCCESS);
  float held = workspace.read()[0];
  simt::sanitizer::mark_initialised(&held, sizeof held);  // which it is not
  EXPECT_NE(held, 5) << "what the workspace held is gone";
  const OnDevice<float> other(std::vector<float>(64, 5));
  ASSERT_EQ(cublasSetWorkspace(handle, other.data(), 256), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cublasSetStream(handle, nullptr), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(multiply(a, c), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(other.read()[0], 5) << "the default pool is in use";
  EXPECT_EQ(c.read()[0], 2);
}

TEST_F(CublasWork, ChecksTheWorkspace) {
  const OnDevice<float> a({1}), c({0});
  void* workspace = nullptr;
  ASSERT_EQ(cudaMalloc(&workspace, 1008), cudaSuccess);  // which on a device is aligned to 256 bytes, whatever its size
  char* const bytes = static_cast<char*>(workspace);
  EXPECT_EQ(cublasSetWorkspace(handle, bytes, 1008), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetWorkspace(handle, bytes + 256, 752), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetWorkspace(handle, bytes + 128, 256), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasSetWorkspace(handle, bytes + 4, 256), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasSetWorkspace(handle, bytes, 1009), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(simt::take_report(), HasSubstr("1009 bytes that are not device memory"));
  ASSERT_EQ(cublasSetWorkspace(handle, bytes, 1008), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cudaFreeAsync(workspace, nullptr), cudaSuccess);
  ASSERT_EQ(multiply(a, c), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(fault(), HasSubstr("the workspace needs 1008 bytes"));
}

TEST_F(CublasWork, IsCapturedWithAWorkspaceOnly) {
  const OnDevice<float> a({1}), c({0}), workspace(std::vector<float>(64));
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  for (const bool with_workspace : {false, true}) {
    ASSERT_EQ(cublasSetWorkspace(handle, workspace.data(), 256), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasSetStream(handle, stream), CUBLAS_STATUS_SUCCESS);  // which resets the workspace
    if (with_workspace) {
      ASSERT_EQ(cublasSetWorkspace(handle, workspace.data(), 256), CUBLAS_STATUS_SUCCESS);
    }
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), cudaSuccess);
    EXPECT_EQ(multiply(a, c), CUBLAS_STATUS_SUCCESS);
    cudaGraph_t graph = nullptr;
    ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    EXPECT_THAT(simt::take_report(), with_workspace ? testing::Matcher<std::string>("")
                                                    : HasSubstr("cublasSgemm: capturing with the default workspace"));
    if (with_workspace) {
      cudaGraphExec_t executable = nullptr;
      ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
      for (int i = 0; i < 3; ++i) ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
      ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
      EXPECT_EQ(c.read()[0], 3);
      ASSERT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
    }
    ASSERT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  }
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST_F(CublasWork, IsNotMadeOrDestroyedDuringACapture) {
  cudaStream_t stream = nullptr;
  cublasHandle_t other = nullptr;
  ASSERT_EQ(cublasCreate(&other), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  cublasHandle_t made = nullptr;
  EXPECT_EQ(cublasCreate(&made), CUBLAS_STATUS_ALLOC_FAILED);
  EXPECT_THAT(simt::take_report(), HasSubstr("cublasCreate allocates"));
  EXPECT_EQ(cublasDestroy(other), CUBLAS_STATUS_SUCCESS);
  EXPECT_THAT(simt::take_report(), HasSubstr("cublasDestroy waits for the device"));
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST_F(CublasWork, WaitsForTheDeviceWhenItIsDestroyed) {
  const OnDevice<float> a({1}), c({0});
  ASSERT_EQ(multiply(a, c), CUBLAS_STATUS_SUCCESS);
  simt::reset_calls();
  ASSERT_EQ(cublasDestroy(handle), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(simt::calls()["work:cublasSgemm"], 1);
  ASSERT_EQ(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
}

TEST_F(CublasWork, FailsWhenToldTo) {
  const OnDevice<float> a({1}), c({0});
  simt::fail_at(1);
  EXPECT_EQ(multiply(a, c), CUBLAS_STATUS_EXECUTION_FAILED);
  EXPECT_EQ(multiply(a, c), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c.read()[0], 1) << "of the two calls, one did its work";
  cublasHandle_t made = nullptr;
  simt::fail_at(1);
  EXPECT_EQ(cublasCreate(&made), CUBLAS_STATUS_ALLOC_FAILED);
  ASSERT_EQ(cublasCreate(&made), CUBLAS_STATUS_SUCCESS);
  simt::fail_at(1);
  EXPECT_EQ(cublasDestroy(made), CUBLAS_STATUS_EXECUTION_FAILED);
  EXPECT_EQ(cublasDestroy(made), CUBLAS_STATUS_NOT_INITIALIZED) << "released all the same";
}

TEST_F(CublasWork, IsOfNoUseAfterAFault) {
  const OnDevice<float> a({1});
  float on_host = 0;
  const float one = 1;
  ASSERT_EQ(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.data(), 1, a.data(), 1, &one, &on_host, 1),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_EQ(multiply(a, a), CUBLAS_STATUS_EXECUTION_FAILED);
  EXPECT_THAT(simt::take_report(), HasSubstr("C needs 4 bytes"));
  simt::clear_error();
}

TEST_F(CublasWork, BelongsToOneDevice) {
  simt::set_device_count(2);
  const OnDevice<float> a({1});
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_EQ(multiply(a, a), CUBLAS_STATUS_EXECUTION_FAILED);
  EXPECT_THAT(simt::take_report(), HasSubstr("the current device is not that of the handle"));
}

/// A function of the host's that runs until it is told to end.
struct Busy {
  std::atomic<bool> begun = false, end = false;
  static void run(void* busy) {
    static_cast<Busy*>(busy)->begun = true;
    while (!static_cast<Busy*>(busy)->end) std::this_thread::yield();
  }
};

TEST_F(CublasWork, ReportsTwoThreadsAtTheSameTime) {
  // While one thread waits for the device, calls of two others meet in the handle.
  Busy busy;
  ASSERT_EQ(cudaLaunchHostFunc(nullptr, Busy::run, &busy), cudaSuccess);
  std::thread waits([] { cudaDeviceSynchronize(); });
  while (!busy.begun) std::this_thread::yield();
  const auto call = [this] { cublasSetMathMode(handle, CUBLAS_DEFAULT_MATH); };
  std::thread first(call), second(call);
  std::string text;
  for (int i = 0; i < 20000 && text.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    text = simt::take_report();
  }
  busy.end = true;
  waits.join();
  first.join();
  second.join();
  EXPECT_THAT(text, HasSubstr("cublasSetMathMode: the handle is in use by another thread"));
}

}  // namespace
}  // namespace blas_test
