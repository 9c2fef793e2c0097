#include "cuda/gpu.hpp"

#include <algorithm>
#include <type_traits>

#include "cuda/kernels/control.hpp"

namespace orthant::cuda {
namespace {

constexpr int kOldestCapability = 75;  // 10 * major + minor
constexpr int kTensorCores = 80;       // the capability whose tensor cores know tf32 and bf16

// What this thread is capturing for, and the stream that records: the Gpu's, or within a loop one for its body.
thread_local const Gpu* capturing = nullptr;
thread_local cudaStream_t recording_stream = nullptr;

// While it lives, this thread records on a stream.
class Recording {
 public:
  Recording(const Gpu* gpu, cudaStream_t stream) : gpu_(capturing), stream_(recording_stream) {
    capturing = gpu;
    recording_stream = stream;
  }
  ~Recording() {
    capturing = gpu_;
    recording_stream = stream_;
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  const Gpu* gpu_;
  cudaStream_t stream_;
};

OwnedStream make_stream(unsigned flags) {
  cudaStream_t stream = nullptr;
  ORTHANT_CUDA(cudaStreamCreateWithFlags, &stream, flags);
  return OwnedStream(stream);
}

}  // namespace

// The stream-ordered resource of a Context, as the MemoryResource of its buffers.
class Gpu::StreamMemory final : public MemoryResource {
  // As cudaMalloc aligns: the libraries expect it of their workspaces.
  static constexpr std::size_t kAlignment = 256;

 public:
  StreamMemory(const Gpu& gpu, DeviceMemoryResource* resource) : gpu_(gpu), resource_(resource) {
    if (resource_ != nullptr) return;
    const Current current(gpu_);
    cudaMemPoolProps properties{};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location.type = cudaMemLocationTypeDevice;
    properties.location.id = gpu_.index();
    ORTHANT_CUDA(cudaMemPoolCreate, &pool_, &properties);
    // What is freed stays with the pool until the Context ends, so that the next fit does not wait for the driver.
    std::uint64_t keep = UINT64_MAX;
    const cudaError_t code = cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep);
    if (code != cudaSuccess) cudaMemPoolDestroy(pool_);
    check(code, "cudaMemPoolSetAttribute");
  }
  ~StreamMemory() override {
    if (pool_ != nullptr) cudaMemPoolDestroy(pool_);
  }

  void* allocate(std::size_t bytes, std::size_t alignment) override {
    if (capturing == &gpu_) throw Error("memory was asked for inside a recorded iteration");
    const Current current(gpu_);
    if (resource_ != nullptr) return resource_->allocate(bytes, std::max(alignment, kAlignment), gpu_.stream_);
    void* pointer = nullptr;
    const cudaError_t code = cudaMallocFromPoolAsync(&pointer, bytes, pool_, gpu_.stream_);
    if (code == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      throw OutOfMemory(static_cast<std::int64_t>(bytes), gpu_.free_memory());
    }
    check(code, "cudaMallocFromPoolAsync");
    return pointer;
  }

  void deallocate(void* pointer, std::size_t bytes, std::size_t alignment) noexcept override {
    const Current current(gpu_, std::nothrow);
    if (resource_ != nullptr) {
      resource_->deallocate(pointer, bytes, std::max(alignment, kAlignment), gpu_.stream_);
    } else if (cudaFreeAsync(pointer, gpu_.stream_) != cudaSuccess) {
      cudaGetLastError();  // of a broken context; nothing is left to be done
    }
  }

 private:
  const Gpu& gpu_;
  DeviceMemoryResource* resource_;
  cudaMemPool_t pool_ = nullptr;
};

std::size_t Gpu::shared_memory(int blocks) const {
  const std::size_t share = properties_.sharedMemPerMultiprocessor / static_cast<std::size_t>(blocks);
  return std::min(properties_.sharedMemPerBlockOptin, share - properties_.reservedSharedMemPerBlock);
}

std::int64_t Gpu::free_memory() const {
  const Current current(*this);
  std::size_t free = 0, total = 0;
  return cudaMemGetInfo(&free, &total) == cudaSuccess ? static_cast<std::int64_t>(free) : -1;
}

Gpu::Current::Current(const Gpu& gpu) {
  int device = 0;
  ORTHANT_CUDA(cudaGetDevice, &device);
  if (device == gpu.index_) return;
  ORTHANT_CUDA(cudaSetDevice, gpu.index_);
  before_ = device;
}
Gpu::Current::Current(const Gpu& gpu, std::nothrow_t) noexcept {
  int device = gpu.index_;
  if (cudaGetDevice(&device) == cudaSuccess && device == gpu.index_) return;
  if (device != gpu.index_ && cudaSetDevice(gpu.index_) == cudaSuccess) {
    before_ = device;
  } else {
    cudaGetLastError();
  }
}
Gpu::Current::~Current() {
  if (before_ >= 0 && cudaSetDevice(before_) != cudaSuccess) cudaGetLastError();  // not the caller's next call's error
}

namespace {

BackendUnavailable unavailable(const std::string& reason) {
  return BackendUnavailable("cuda", reason + "; use Context::cpu()");
}

// What is wrong with a machine on which the first calls to CUDA return this. Null: with the call, rather.
const char* obstacle(cudaError_t code) {
  switch (code) {
    case cudaErrorNoDevice:
      return "there is no CUDA device";
    case cudaErrorDevicesUnavailable:
      return "the device is busy or unavailable: another process has it to itself, or it has to be reset";
    case cudaErrorSystemNotReady:
      return "the system is not ready for CUDA: a service that its devices need is not running, such as NVIDIA Fabric "
             "Manager";
    case cudaErrorSystemDriverMismatch:
      return "the NVIDIA driver's library and its kernel module are of different versions, as after an update before "
             "the reboot";
    case cudaErrorCompatNotSupportedOnDevice:
      return "this device does not support the forward compatibility package of CUDA that is installed";
    default:
      return nullptr;
  }
}

void check_machine(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  if (const char* what = obstacle(code)) {
    cudaGetLastError();
    throw unavailable(what);
  }
  check(code, call);
}

}  // namespace

void Gpu::check_device(int device) {
  int driver = 0, count = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    cudaGetLastError();
    throw unavailable("no NVIDIA driver is installed");
  }
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code == cudaErrorInsufficientDriver) {
    cudaGetLastError();
    throw unavailable("the NVIDIA driver is older than this build of Orthant needs (it supports CUDA " +
                      std::to_string(driver / 1000) + "." + std::to_string(driver % 1000 / 10) + ", needed is " +
                      std::to_string(CUDART_VERSION / 1000) + ")");
  }
  check_machine(code == cudaSuccess && count == 0 ? cudaErrorNoDevice : code, "cudaGetDeviceCount");
  if (device < 0 || device >= count) {
    throw unavailable("device " + std::to_string(device) + " does not exist; there " +
                      (count == 1 ? "is 1 device" : "are " + std::to_string(count) + " devices") + ", counted from 0");
  }
  ORTHANT_CUDA(cudaGetDeviceProperties, &properties_, device);
  if (10 * properties_.major + properties_.minor < kOldestCapability) {
    throw unavailable(std::string(properties_.name) + " has compute capability " + std::to_string(properties_.major) +
                      "." + std::to_string(properties_.minor) + ", needed is 7.5 or newer");
  }
  check_machine(cudaInitDevice(device, 0, 0), "cudaInitDevice");
  index_ = device;
}

void Gpu::check_code() const {
  int compiled_for = 0;
  const cudaError_t code = find_code(compiled_for);
  switch (code) {
    case cudaSuccess:
      return check_math(compiled_for);
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorInvalidDeviceFunction:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorJitCompilerNotFound:
    case cudaErrorJitCompilationDisabled:
      cudaGetLastError();
      throw unavailable("this build of Orthant has no code for " + name() + " of compute capability " +
                        std::to_string(properties_.major) + "." + std::to_string(properties_.minor) +
                        ", only for those in ORTHANT_CUDA_ARCHITECTURES when it was built");
    default:
      check(code, "cudaFuncGetAttributes");
  }
}

void Gpu::check_math(int compiled_for) const {
  const int capability = 10 * properties_.major + properties_.minor;
  if (math_ == MathMode::strict || std::min(capability, compiled_for) >= kTensorCores) return;
  const bool old_device = capability < kTensorCores;
  const int lacking = old_device ? capability : compiled_for;
  throw InvalidArgument("CudaConfig::math", math_ == MathMode::tf32 ? "tf32" : "bf16",
                        "strict, as " +
                            (old_device ? name() + " has" : "what this build of Orthant runs there is for") +
                            " compute capability " + std::to_string(lacking / 10) + "." + std::to_string(lacking % 10) +
                            ", and tf32 and bf16 need 8.0 or newer");
}

Gpu::Gpu(const CudaConfig& config)
    : math_(config.math), sparse_product_(config.sparse_product), cublas_(config.cublas), cusparse_(config.cusparse) {
  check_device(config.device);
  const Current current(*this);
  check_code();
  if (config.stream == nullptr) owned_stream_ = make_stream(cudaStreamDefault);
  stream_ = config.stream == nullptr ? owned_stream_.get() : config.stream;
  capture_stream_ = make_stream(cudaStreamNonBlocking);
  side_stream_ = make_stream(cudaStreamNonBlocking);
  memory_ = std::make_unique<StreamMemory>(*this, config.memory);
  scratch_values_ = core::Buffer<double>(*memory_, kScratchValues);
  counters_ = core::Buffer<unsigned>(*memory_, kScratchCounters);
  clear(counters_.data(), static_cast<std::int64_t>(counters_.bytes()));
}

Gpu::~Gpu() {
  const Current current(*this, std::nothrow);
  // Work that the caller has enqueued may still use what is released here.
  if (cudaStreamSynchronize(stream_) != cudaSuccess) cudaGetLastError();
  // Handles end while their device is current.
  owned_cusparse_.reset();
  owned_cublas_.reset();
}

cudaStream_t Gpu::stream() const { return capturing == this ? recording_stream : stream_; }

void Gpu::copy(void* target, const void* source, std::int64_t bytes) const {
  if (bytes == 0) return;
  const Current current(*this);
  ORTHANT_CUDA(cudaMemcpyAsync, target, source, static_cast<std::size_t>(bytes), cudaMemcpyDefault, stream());
}

void Gpu::copy_lines(void* target, std::int64_t target_pitch, const void* source, std::int64_t source_pitch,
                     std::int64_t width, std::int64_t lines) const {
  if (target_pitch == width && source_pitch == width) return copy(target, source, width * lines);
  if (std::max(target_pitch, source_pitch) > static_cast<std::int64_t>(properties_.memPitch)) {
    auto* to = static_cast<std::byte*>(target);
    const auto* from = static_cast<const std::byte*>(source);
    for (std::int64_t i = 0; i < lines; ++i) copy(to + i * target_pitch, from + i * source_pitch, width);
    return;
  }
  const Current current(*this);
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  ORTHANT_CUDA(cudaMemcpy2DAsync, target, size(target_pitch), source, size(source_pitch), size(width), size(lines),
               cudaMemcpyDefault, stream());
}

void Gpu::upload(void* target, const void* host, std::int64_t bytes) const {
  upload_lines(target, bytes, host, bytes, bytes, 1);
}

void Gpu::upload_lines(void* target, std::int64_t target_pitch, const void* host, std::int64_t host_pitch,
                       std::int64_t width, std::int64_t lines) const {
  try {
    copy_lines(target, target_pitch, host, host_pitch, width, lines);
    synchronize();
  } catch (...) {
    const Current current(*this, std::nothrow);
    if (cudaStreamSynchronize(stream()) != cudaSuccess) cudaGetLastError();
    throw;
  }
}

void Gpu::set(void* target, int value, std::int64_t bytes) const {
  if (bytes == 0) return;
  const Current current(*this);
  ORTHANT_CUDA(cudaMemsetAsync, target, value, static_cast<std::size_t>(bytes), stream());
}

void Gpu::synchronize() const {
  const Current current(*this);
  ORTHANT_CUDA(cudaStreamSynchronize, stream());
}

RecordedGraph Gpu::capture(const std::function<void()>& calls) const {
  const Current current(*this);
  const std::scoped_lock lock(capture_mutex_);  // one stream records
  const cudaStream_t stream = capture_stream_.get();
  // A stream apart, since the caller's may be the legacy one, which cannot be captured. Relaxed: kernels that are
  // launched for the first time are loaded by calls that the stricter modes forbid.
  ORTHANT_CUDA(cudaStreamBeginCapture, stream, cudaStreamCaptureModeRelaxed);
  cudaGraph_t graph = nullptr;
  try {
    const Recording recording(this, stream);
    calls();
  } catch (...) {
    cudaStreamEndCapture(stream, &graph);
    const OwnedGraph owner(graph);
    cudaGetLastError();
    throw;
  }
  const cudaError_t ended = cudaStreamEndCapture(stream, &graph);
  OwnedGraph owner(graph);
  check(ended, "cudaStreamEndCapture");
  cudaGraphExec_t executable = nullptr;
  ORTHANT_CUDA(cudaGraphInstantiate, &executable, graph, 0);
  return {std::move(owner), OwnedExecutable(executable)};
}

void Gpu::capture_while(const std::function<void(cudaGraphConditionalHandle)>& set_condition,
                        const std::function<void()>& calls) const {
  const cudaStream_t outer = stream();
  cudaGraph_t graph = nullptr;
  const cudaGraphNode_t* before = nullptr;
  std::size_t count = 0;
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  ORTHANT_CUDA(cudaStreamGetCaptureInfo, outer, &status, nullptr, &graph, nullptr, nullptr, nullptr);
  cudaGraphConditionalHandle condition = 0;
  ORTHANT_CUDA(cudaGraphConditionalHandleCreate, &condition, graph, 0, 0);
  set_condition(condition);
  // The node follows what has been recorded so far, and what comes follows the node.
  ORTHANT_CUDA(cudaStreamGetCaptureInfo, outer, &status, nullptr, &graph, &before, nullptr, &count);
  cudaGraphNodeParams parameters{};
  parameters.type = cudaGraphNodeTypeConditional;
  parameters.conditional.handle = condition;
  parameters.conditional.type = cudaGraphCondTypeWhile;
  parameters.conditional.size = 1;
  cudaGraphNode_t node = nullptr;
  ORTHANT_CUDA(cudaGraphAddNode, &node, graph, before, nullptr, count, &parameters);
  ORTHANT_CUDA(cudaStreamUpdateCaptureDependencies, outer, &node, nullptr, 1, cudaStreamSetCaptureDependencies);
  const OwnedStream inner = make_stream(cudaStreamNonBlocking);
  cudaGraph_t body = parameters.conditional.phGraph_out[0];
  ORTHANT_CUDA(cudaStreamBeginCaptureToGraph, inner.get(), body, nullptr, nullptr, 0, cudaStreamCaptureModeRelaxed);
  try {
    const Recording recording(this, inner.get());
    calls();
    set_condition(condition);
  } catch (...) {
    cudaStreamEndCapture(inner.get(), &body);
    cudaGetLastError();
    throw;
  }
  ORTHANT_CUDA(cudaStreamEndCapture, inner.get(), &body);
}

bool Gpu::is_capturing() const { return capturing == this; }

OwnedEvent Gpu::record_event() const {
  const Current current(*this);
  cudaEvent_t event = nullptr;
  ORTHANT_CUDA(cudaEventCreateWithFlags, &event, cudaEventDefault);
  OwnedEvent owner(event);
  ORTHANT_CUDA(cudaEventRecord, event, stream());
  return owner;
}

bool Gpu::is_reached(cudaEvent_t event) const {
  const Current current(*this);
  const cudaError_t code = cudaEventQuery(event);
  if (code != cudaErrorNotReady) check(code, "cudaEventQuery");
  return code == cudaSuccess;
}

double Gpu::seconds_between(cudaEvent_t start, cudaEvent_t end) const {
  const Current current(*this);
  ORTHANT_CUDA(cudaEventSynchronize, end);
  float milliseconds = 0;
  ORTHANT_CUDA(cudaEventElapsedTime, &milliseconds, start, end);
  return 1e-3 * milliseconds;
}

void Gpu::copy_after(cudaEvent_t event, void* host, const void* source, std::int64_t bytes) const {
  const Current current(*this);
  ORTHANT_CUDA(cudaEventSynchronize, event);
  ORTHANT_CUDA(cudaMemcpyAsync, host, source, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToHost,
               side_stream_.get());
  ORTHANT_CUDA(cudaStreamSynchronize, side_stream_.get());
}

void Gpu::launch(cudaGraphExec_t graph) const {
  const Current current(*this);
  ORTHANT_CUDA(cudaGraphLaunch, graph, stream());
}

void Gpu::prepare_gemm() const {
  const Current current(*this);
  const std::scoped_lock lock(cublas_mutex_);
  if (cublas_ == nullptr) {
    ORTHANT_CUDA(cublasCreate, &cublas_);
    owned_cublas_.reset(cublas_);
  }
  // A workspace of ours, of the size that NVIDIA recommends: without it, cuBLAS would allocate inside a capture.
  const std::int64_t bytes = properties_.major >= 9 ? 32 << 20 : 8 << 20;
  if (cublas_workspace_.size() == 0) cublas_workspace_ = core::Buffer<std::byte>(*memory_, bytes);
}

namespace {

// A handle as our calls need it, and afterwards as it was.
class HandleModes {
 public:
  HandleModes(cublasHandle_t handle, bool restore, cudaStream_t stream, void* workspace, std::size_t workspace_bytes)
      : handle_(handle), restore_(restore) {
    if (restore_) {
      ORTHANT_CUDA(cublasGetStream, handle_, &stream_);
      ORTHANT_CUDA(cublasGetMathMode, handle_, &math_);
      ORTHANT_CUDA(cublasGetPointerMode, handle_, &pointers_);
      ORTHANT_CUDA(cublasGetAtomicsMode, handle_, &atomics_);
    }
    ORTHANT_CUDA(cublasSetStream, handle_, stream);
    ORTHANT_CUDA(cublasSetWorkspace, handle_, workspace, workspace_bytes);  // setting the stream has reset it
    ORTHANT_CUDA(cublasSetMathMode, handle_, CUBLAS_DEFAULT_MATH);
    ORTHANT_CUDA(cublasSetPointerMode, handle_, CUBLAS_POINTER_MODE_HOST);
    ORTHANT_CUDA(cublasSetAtomicsMode, handle_, CUBLAS_ATOMICS_NOT_ALLOWED);
  }
  ~HandleModes() {
    if (!restore_) return;
    cublasSetStream(handle_, stream_);
    cublasSetMathMode(handle_, math_);
    cublasSetPointerMode(handle_, pointers_);
    cublasSetAtomicsMode(handle_, atomics_);
  }
  HandleModes(const HandleModes&) = delete;
  HandleModes& operator=(const HandleModes&) = delete;

 private:
  cublasHandle_t handle_;
  bool restore_;
  cudaStream_t stream_ = nullptr;
  cublasMath_t math_ = CUBLAS_DEFAULT_MATH;
  cublasPointerMode_t pointers_ = CUBLAS_POINTER_MODE_HOST;
  cublasAtomicsMode_t atomics_ = CUBLAS_ATOMICS_NOT_ALLOWED;
};

class SparseHandleModes {
 public:
  SparseHandleModes(cusparseHandle_t handle, bool restore, cudaStream_t stream) : handle_(handle), restore_(restore) {
    if (restore_) {
      ORTHANT_CUDA(cusparseGetStream, handle_, &stream_);
      ORTHANT_CUDA(cusparseGetPointerMode, handle_, &pointers_);
    }
    ORTHANT_CUDA(cusparseSetStream, handle_, stream);
    ORTHANT_CUDA(cusparseSetPointerMode, handle_, CUSPARSE_POINTER_MODE_HOST);
  }
  ~SparseHandleModes() {
    if (!restore_) return;
    cusparseSetStream(handle_, stream_);
    cusparseSetPointerMode(handle_, pointers_);
  }
  SparseHandleModes(const SparseHandleModes&) = delete;
  SparseHandleModes& operator=(const SparseHandleModes&) = delete;

 private:
  cusparseHandle_t handle_;
  bool restore_;
  cudaStream_t stream_ = nullptr;
  cusparsePointerMode_t pointers_ = CUSPARSE_POINTER_MODE_HOST;
};

}  // namespace

void Gpu::with_cusparse(const std::function<void(cusparseHandle_t)>& use) const {
  const Current current(*this);
  const std::scoped_lock lock(cusparse_mutex_);
  if (cusparse_ == nullptr) {
    ORTHANT_CUDA(cusparseCreate, &cusparse_);
    owned_cusparse_.reset(cusparse_);
  }
  const SparseHandleModes modes(cusparse_, owned_cusparse_ == nullptr, stream());
  use(cusparse_);
}

template <class T>
void Gpu::gemm(cublasOperation_t op_a, cublasOperation_t op_b, std::int64_t m, std::int64_t n, std::int64_t k,
               const T* a, std::int64_t lda, const T* b, std::int64_t ldb, T* c, std::int64_t ldc) const {
  prepare_gemm();
  const Current current(*this);
  const std::scoped_lock lock(cublas_mutex_);
  const HandleModes modes(cublas_, owned_cublas_ == nullptr, stream(), cublas_workspace_.data(),
                          cublas_workspace_.bytes());
  constexpr bool single = std::is_same_v<T, float>;
  constexpr cudaDataType_t type = single ? CUDA_R_32F : CUDA_R_64F;
  const cublasComputeType_t compute = !single                     ? CUBLAS_COMPUTE_64F
                                      : math_ == MathMode::strict ? CUBLAS_COMPUTE_32F
                                      : math_ == MathMode::tf32   ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                                  : CUBLAS_COMPUTE_32F_FAST_16BF;
  const T one = 1, zero = 0;
  ORTHANT_CUDA(cublasGemmEx_64, cublas_, op_a, op_b, m, n, k, &one, a, type, lda, b, type, ldb, &zero, c, type, ldc,
               compute, CUBLAS_GEMM_DEFAULT);
}

template void Gpu::gemm(cublasOperation_t, cublasOperation_t, std::int64_t, std::int64_t, std::int64_t, const float*,
                        std::int64_t, const float*, std::int64_t, float*, std::int64_t) const;
template void Gpu::gemm(cublasOperation_t, cublasOperation_t, std::int64_t, std::int64_t, std::int64_t, const double*,
                        std::int64_t, const double*, std::int64_t, double*, std::int64_t) const;

}  // namespace orthant::cuda
