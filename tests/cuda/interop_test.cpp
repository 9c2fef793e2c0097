// The CUDA backend inside an application: the caller's stream, handles, memory resource and device pointers, several
// Contexts and threads, and what is said where no device can be used.

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "orthant/cuda.hpp"
#include "orthant/error.hpp"
#include "orthant/factorize.hpp"
#include "tests/cuda/counted_resource.hpp"
#include "tests/fit.hpp"
#include "tests/placed.hpp"
#include "tests/simt/on_device.hpp"
#include "tests/simt/rig.hpp"
#include "tests/test_context.hpp"

namespace orthant::test {
namespace {

using testing::HasSubstr;

// Aligns as it is asked to, and not more.
class BarelyAligned final : public DeviceMemoryResource {
 public:
  void* allocate(std::size_t bytes, std::size_t alignment, CUstream_st* stream) override {
    void* whole = nullptr;
    if (cudaMallocAsync(&whole, bytes + 3 * alignment, stream) != cudaSuccess) throw std::bad_alloc();
    const auto start = reinterpret_cast<std::uintptr_t>(whole);
    void* const given = reinterpret_cast<void*>((start / (2 * alignment) + 1) * 2 * alignment + alignment);
    const std::lock_guard lock(mutex_);
    whole_[given] = whole;
    return given;
  }
  void deallocate(void* pointer, std::size_t, std::size_t, CUstream_st* stream) noexcept override {
    const std::lock_guard lock(mutex_);
    cudaFreeAsync(whole_.at(pointer), stream);
    whole_.erase(pointer);
  }

 private:
  std::mutex mutex_;
  std::map<void*, void*> whole_;
};

const Options kOptions{.initialization = Initialization::random, .max_iterations = 12, .tolerance = 0};

class CudaInterop : public testing::Test {
 public:
  ~CudaInterop() override { simt::reset_machine(); }

  const DenseStorage<float> storage{planted(61, 43, 5, 0.1, 3)};

  // Result of the same fit on any Context, bit by bit.
  std::vector<double> fit(const Context& context, const Options& options = kOptions) const {
    const Matrix<float> x(context, storage.view());
    Factors<float> f(61, 43, 5);
    f.fit(x, options);
    return f.entries();
  }
  const std::vector<double> expected = fit(Context::cuda());

  static std::string refusal(const CudaConfig& config = {}) {
    try {
      Context::cuda(config);
      return "";
    } catch (const Error& e) {
      return e.what();
    }
  }
};

TEST_F(CudaInterop, WorksOnAnyStream) {
  for (unsigned flags : {cudaStreamDefault, cudaStreamNonBlocking}) {
    cudaStream_t stream = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream, flags), cudaSuccess);
    EXPECT_EQ(fit(Context::cuda({.stream = stream})), expected);
    ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  }
  EXPECT_EQ(fit(Context::cuda({.stream = cudaStreamLegacy})), expected);
  EXPECT_EQ(fit(Context::cuda({.stream = cudaStreamPerThread})), expected);
}

// X is made by work that the caller has enqueued before, W and H are used by work enqueued after; nobody waits.
TEST_F(CudaInterop, IsOrderedByTheCallersStream) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  float *w = nullptr, *h = nullptr, *copy = nullptr;
  ASSERT_EQ(cudaMallocAsync(&w, 61 * 5 * sizeof(float), stream), cudaSuccess);
  ASSERT_EQ(cudaMallocAsync(&h, 5 * 43 * sizeof(float), stream), cudaSuccess);
  ASSERT_EQ(cudaMallocHost(&copy, 61 * 5 * sizeof(float)), cudaSuccess);
  {
    const Context context = Context::cuda({.stream = stream});
    const Matrix<float> x(context, storage.view());
    simt::reset_calls();
    const Pending pending = factorize_async<float>(x, {w, 61, 5, 5, Layout::row_major, MemorySpace::device},
                                                   {h, 5, 43, 5, Layout::column_major, MemorySpace::device}, kOptions);
    ASSERT_EQ(cudaMemcpyAsync(copy, w, 61 * 5 * sizeof(float), cudaMemcpyDeviceToHost, stream), cudaSuccess);
    const auto calls = simt::calls();
    EXPECT_EQ(calls.count("cudaStreamSynchronize"), 0u);
    EXPECT_EQ(calls.count("cudaDeviceSynchronize"), 0u);
    EXPECT_EQ(calls.count("cudaEventSynchronize"), 0u);
    EXPECT_EQ(calls.at("cudaGraphLaunch"), 1);
    EXPECT_FALSE(pending.ready());  // the rig runs streams when somebody waits
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_TRUE(pending.ready());
    EXPECT_EQ(pending.get().iterations, 12);
  }
  const std::vector<double> entries(copy, copy + 61 * 5);
  EXPECT_EQ(entries, std::vector<double>(expected.begin(), expected.begin() + 61 * 5));
  cudaFreeHost(copy);
  cudaFreeAsync(w, stream);
  cudaFreeAsync(h, stream);
  cudaStreamDestroy(stream);
  EXPECT_EQ(simt::take_report(), "");
}

TEST_F(CudaInterop, LeavesTheCallersHandleAsItWas) {
  cublasHandle_t handle = nullptr;
  cudaStream_t stream = nullptr, other = nullptr;
  ASSERT_EQ(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaStreamCreate(&other), cudaSuccess);
  cublasSetStream(handle, other);
  cublasSetPointerMode(handle, CUBLAS_POINTER_MODE_DEVICE);
  cublasSetMathMode(handle, CUBLAS_TF32_TENSOR_OP_MATH);
  cublasSetAtomicsMode(handle, CUBLAS_ATOMICS_ALLOWED);
  EXPECT_EQ(fit(Context::cuda({.stream = stream, .cublas = handle})), expected);
  cudaStream_t stream_after = nullptr;
  cublasPointerMode_t pointers{};
  cublasMath_t math{};
  cublasAtomicsMode_t atomics{};
  cublasGetStream(handle, &stream_after);
  cublasGetPointerMode(handle, &pointers);
  cublasGetMathMode(handle, &math);
  cublasGetAtomicsMode(handle, &atomics);
  EXPECT_EQ(stream_after, other);
  EXPECT_EQ(pointers, CUBLAS_POINTER_MODE_DEVICE);
  EXPECT_EQ(math, CUBLAS_TF32_TENSOR_OP_MATH);
  EXPECT_EQ(atomics, CUBLAS_ATOMICS_ALLOWED);
  cublasDestroy(handle);
  cudaStreamDestroy(stream);
  cudaStreamDestroy(other);
}

TEST_F(CudaInterop, TakesAllMemoryFromTheCallersResource) {
  CountingMemory memory;
  {
    const Context context = Context::cuda({.memory = &memory.resource()});
    const std::int64_t of_context = memory.live();
    EXPECT_GT(of_context, 0);
    simt::reset_calls();
    EXPECT_EQ(fit(context), expected);
    const auto calls = simt::calls();
    EXPECT_EQ(calls.count("cudaMalloc"), 0u);
    EXPECT_EQ(calls.count("cudaMallocFromPoolAsync"), 0u);
    EXPECT_EQ(calls.at("cudaMallocAsync"), memory.allocations() - 2);  // the Context's two were before
  }
  EXPECT_EQ(memory.live(), 0);
}

TEST_F(CudaInterop, WorksInMemoryThatIsAlignedAsAskedOnly) {
  BarelyAligned memory;
  const CsrStorage<float> entries(sparsify(storage.oracle()));
  {
    const Context context = Context::cuda({.memory = &memory, .sparse_product = SparseProduct::cusparse});
    EXPECT_EQ(fit(context), expected);
    Factors<float> f(61, 43, 5);
    EXPECT_EQ(f.fit(Matrix<float>(context, entries.view()), kOptions).iterations, 12);
  }
  EXPECT_EQ(simt::take_report(), "");
}

// W and H in the middle of larger arrays, worked on in place: cuSPARSE makes their products only where they begin on
// vectors of 16 bytes.
TEST_F(CudaInterop, WorksOnFactorsThatBeginAnywhere) {
  const CsrStorage<float> entries(sparsify(storage.oracle()));
  constexpr float kOther = -777;
  const auto fit_at = [&](std::int64_t offset, SparseProduct product) {
    const rig_test::OnDevice<float> w(std::vector<float>(offset + 61 * 5 + 7, kOther));
    const rig_test::OnDevice<float> h(std::vector<float>(offset + 5 * 43 + 7, kOther));
    const Matrix<float> x(Context::cuda({.sparse_product = product}), entries.view());
    simt::reset_calls();
    factorize<float>(x, {w.data() + offset, 61, 5, 5, Layout::row_major, MemorySpace::device},
                     {h.data() + offset, 5, 43, 5, Layout::column_major, MemorySpace::device}, plain(kOptions));
    std::vector<float> all = w.read();
    const std::vector<float> more = h.read();
    EXPECT_EQ(std::count(all.begin(), all.end(), kOther), offset + 7);
    EXPECT_EQ(std::count(more.begin(), more.end(), kOther), offset + 7);
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const auto products = [] { return simt::calls()["work:cusparseSpMM with active buffer"]; };
  for (std::int64_t offset : {1, 2, 3, 5}) {
    const std::vector<float> asked = fit_at(offset, SparseProduct::cusparse);
    EXPECT_EQ(products(), 0) << offset;
    EXPECT_EQ(asked, fit_at(offset, SparseProduct::row_gather)) << offset;
  }
  fit_at(4, SparseProduct::cusparse);
  EXPECT_GE(products(), 2 * 12);
  EXPECT_EQ(simt::take_report(), "");
}

TEST_F(CudaInterop, TellsHowMuchOfItsOwnMemoryIsFree) {
  const Context context = Context::cuda();
  fit(context);
  cudaDeviceProp properties{};
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  std::size_t free = 0, total = 0;
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  properties.totalGlobalMem = total - free + 1000;
  simt::set_properties(properties);
  try {
    fit(context);
    ADD_FAILURE() << "there was enough";
  } catch (const OutOfMemory& e) {
    EXPECT_EQ(e.requested(), 61 * 43 * 4);
    EXPECT_EQ(e.free(), 1000);
  }
  simt::reset_machine();
  EXPECT_EQ(fit(context), expected);
}

// Sorting is what takes most, and nothing that is kept is allocated before its end.
TEST_F(CudaInterop, MakesTheTransposeOfSparseXIn24BytesAnEntry) {
  CountingMemory memory;
  const Context context = make_context(1, &memory);
  const CsrStorage<float> entries(sparsify(cases::make_dense(70, 90, cases::Content::uniform, 3)));
  Placed<float> placed(context);
  const CsrView<float> view = placed(entries.view());
  memory.rebase();
  const Matrix<float> x(context, view);
  EXPECT_LE(memory.peak(), 24 * x.nonzeros() + 4 * (70 + 90) + 8 * 91 + 1024);
  EXPECT_EQ(memory.live(), x.bytes());
}

TEST_F(CudaInterop, WorksOnADeviceThatIsNotCurrent) {
  simt::set_device_count(2);
  const CsrStorage<float> entries(sparsify(storage.oracle()));
  const auto fit_sparse = [&](const Context& context) {
    const Matrix<float> x(context, entries.view());
    Factors<float> f(61, 43, 5);
    f.fit(x, kOptions);
    return f.entries();
  };
  const auto enqueue = [&](const Context& context) {
    const Matrix<float> x(context, storage.view());
    Factors<float> f(61, 43, 5);
    Placed<float> placed(context);
    factorize_async<float>(x, placed(f.w.view()), placed(f.h.view()), kOptions).get();
    placed.fetch();
    return f.entries();
  };
  const auto expected_sparse = fit_sparse(Context::cuda({.sparse_product = SparseProduct::cusparse}));
  const simt::Live before = simt::live();
  for (cudaStream_t stream : {cudaStream_t{nullptr}, cudaStreamLegacy, cudaStreamPerThread}) {
    {
      const Context context = Context::cuda({.device = 1, .stream = stream, .sparse_product = SparseProduct::cusparse});
      EXPECT_EQ(fit(context), expected);
      EXPECT_EQ(fit_sparse(context), expected_sparse);
      EXPECT_EQ(enqueue(context), expected);
    }
    int device = -1;
    EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
    EXPECT_EQ(device, 0);
    EXPECT_EQ(simt::take_report(), "");
    EXPECT_EQ(simt::live(), before);
  }
}

// That the device before cannot be current again is no error of the caller's next call.
TEST_F(CudaInterop, LeavesNoErrorOfGoingBackToADevice) {
  simt::set_device_count(2);
  const Context context = Context::cuda({.device = 1});
  simt::reset_calls();
  simt::fail_at(4);
  context.runtime()->free_memory();
  EXPECT_EQ(simt::calls(),
            (std::map<std::string, std::int64_t>{
                {"cudaGetDevice", 1}, {"cudaSetDevice", 2}, {"cudaMemGetInfo", 1}, {"cudaGetLastError", 1}}));
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(CudaInterop, RunsOutOfMemoryWithoutHarm) {
  CountingMemory memory;
  const Context context = make_context(1, &memory);
  EXPECT_EQ(fit(context), expected);
  memory.rebase();
  fit(context);
  const std::int64_t allocations = memory.allocations();
  for (std::int64_t n = 0; n < allocations; ++n) {
    memory.reset();
    memory.fail_at(n);
    EXPECT_THROW(fit(context), OutOfMemory) << "at allocation " << n;
    EXPECT_EQ(memory.live(), 0) << "at allocation " << n;
  }
  memory.reset();
  EXPECT_EQ(fit(context), expected);
}

TEST_F(CudaInterop, ServesSeveralContextsAndThreads) {
  const Context shared = Context::cuda();
  std::vector<std::vector<double>> results(6);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < results.size(); ++i)
    threads.emplace_back([&, i] { results[i] = fit(i % 2 == 0 ? shared : Context::cuda()); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

TEST_F(CudaInterop, KnowsWhoseMemoryAPointerIs) {
  const Context context = Context::cuda();
  Placed<float> placed(context);
  DenseStorage<float> host = storage;
  const auto name_of = [&](DenseView<float> view) {
    try {
      Matrix<float>(context, view);
      return std::string("nothing");
    } catch (const InvalidArgument& e) {
      return e.name() + " " + e.value();
    }
  };
  DenseView<float> device = placed(host.view());
  EXPECT_EQ(name_of(device), "nothing");
  device.space = MemorySpace::host;
  EXPECT_EQ(name_of(device), "X.space host");
  DenseView<float> wrong = host.view();
  wrong.space = MemorySpace::device;
  EXPECT_EQ(name_of(wrong), "X.space device");
}

TEST_F(CudaInterop, RefusesRanksBeyondItsKernels) {
  const DenseStorage<float> small(planted(3, 4, 2, 0.1, 3));
  const Matrix<float> x(Context::cuda(), small.view());
  Factors<float> f(3, 4, 1025);
  try {
    f.fit(x, kOptions);
    ADD_FAILURE() << "accepted";
  } catch (const InvalidArgument& e) {
    EXPECT_EQ(e.name(), "rank");
    EXPECT_THAT(e.expected(), HasSubstr("1024"));
  }
}

TEST_F(CudaInterop, SaysWhatIsMissing) {
  EXPECT_THAT(refusal({.device = 7}), HasSubstr("device 7 does not exist; there is 1 device"));
  simt::set_device_count(0);
  EXPECT_THAT(refusal(), HasSubstr("there is no CUDA device"));
  simt::reset_machine();
  simt::set_driver_version(0);
  EXPECT_THAT(refusal(), HasSubstr("no NVIDIA driver"));
  simt::reset_machine();
  cudaDeviceProp properties{};
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  properties.major = 6;
  properties.minor = 1;
  simt::set_properties(properties);
  EXPECT_THAT(refusal(), HasSubstr("compute capability 6.1, needed is 7.5"));
  simt::reset_machine();
  EXPECT_EQ(refusal(), "");
}

TEST_F(CudaInterop, SaysWhatIsWrongWithTheMachine) {
  const std::pair<cudaError_t, const char*> errors[] = {
      {cudaErrorSystemNotReady, "Fabric Manager"},
      {cudaErrorSystemDriverMismatch, "of different versions"},
      {cudaErrorCompatNotSupportedOnDevice, "forward compatibility package"},
      {cudaErrorDevicesUnavailable, "busy or unavailable"}};
  for (const auto& [error, words] : errors) {
    simt::set_machine_error(error);
    EXPECT_THAT(refusal(), HasSubstr(words));
    simt::reset_machine();
    simt::set_device_error(error);
    EXPECT_THAT(refusal(), HasSubstr(words));
    simt::reset_machine();
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  }
  simt::set_code_for_device(false);
  EXPECT_THAT(refusal(), HasSubstr("no code for Pretended H100 of compute capability 9.0"));
  simt::reset_machine();
  EXPECT_EQ(refusal(), "");
}

TEST_F(CudaInterop, RefusesMathModesThatTheDeviceLacks) {
  cudaDeviceProp properties{};
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  properties.major = 7;
  properties.minor = 5;
  simt::set_properties(properties);
  for (const auto& [mode, name] : {std::pair(MathMode::tf32, "tf32"), {MathMode::bf16, "bf16"}}) {
    try {
      Context::cuda({.math = mode});
      ADD_FAILURE() << name << " was accepted";
    } catch (const InvalidArgument& e) {
      EXPECT_EQ(e.name(), "CudaConfig::math");
      EXPECT_EQ(e.value(), name);
      EXPECT_THAT(e.expected(), HasSubstr("compute capability 7.5, and tf32 and bf16 need 8.0 or newer"));
    }
  }
  EXPECT_EQ(refusal(), "");
  properties.major = 8;
  properties.minor = 0;
  simt::set_properties(properties);
  EXPECT_EQ(refusal({.math = MathMode::bf16}), "");
}

// A module built for 7.5 alone runs on newer devices from its PTX, which has no products of tensor cores.
TEST_F(CudaInterop, RefusesMathModesThatTheModuleLacks) {
  simt::set_code_capability(75);
  EXPECT_EQ(refusal(), "");
  EXPECT_THAT(refusal({.math = MathMode::tf32}),
              HasSubstr("expected strict, as what this build of Orthant runs there is for compute capability 7.5"));
  simt::set_code_capability(80);
  EXPECT_EQ(refusal({.math = MathMode::tf32}), "");
}

}  // namespace
}  // namespace orthant::test
