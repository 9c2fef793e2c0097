// The handle of cuBLAS, and its status in words.

#include "tests/simt/blas/cublas.hpp"
#include "tests/simt/cudart/properties.hpp"
#include "tests/simt/poison.hpp"
#include "tests/simt/streams.hpp"

namespace simt {
namespace {

constexpr std::size_t kWorkspaceAlignment = 256;

/// The modes, and the flag that may be added to them.
bool is_math_mode(cublasMath_t mode) {
  switch (static_cast<int>(mode) & ~CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION) {
    case CUBLAS_DEFAULT_MATH:
    case CUBLAS_TENSOR_OP_MATH:
    case CUBLAS_PEDANTIC_MATH:
    case CUBLAS_TF32_TENSOR_OP_MATH:
    case CUBLAS_FP32_EMULATED_BF16X9_MATH:
    case CUBLAS_FP64_EMULATED_FIXEDPOINT_MATH:
      return true;
    default:
      return false;
  }
}

cublasStatus_t set_workspace(cublasContext& handle, void* workspace, std::size_t bytes) {
  if (workspace != nullptr && !is_aligned_on_device(workspace, kWorkspaceAlignment)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (bytes != 0 && !on_device(workspace, bytes)) {
    report("cublasSetWorkspace: " + std::to_string(bytes) + " bytes that are not device memory");
  }
  handle.has_workspace = true;
  handle.workspace = workspace;
  handle.workspace_bytes = bytes;
  return CUBLAS_STATUS_SUCCESS;
}

/// Whether the memory of all operands is there, and no input is overwritten. A fault if not.
bool check_operands(const Work& work) {
  for (const Dense& input : work.inputs) {
    if (!check_memory(input)) return false;
  }
  for (const Dense& output : work.outputs) {
    if (!check_memory(output)) return false;
    for (const Dense& input : work.inputs) {
      if (!(work.in_place && input.data == output.data) && !check_apart(output, input)) return false;
    }
  }
  return true;
}

/// Nobody else may use the workspace while work of the handle's runs: what it held is gone.
bool use_workspace(void* workspace, std::size_t bytes) {
  if (bytes == 0) return true;
  if (!check_memory("the workspace", workspace, static_cast<std::int64_t>(bytes), 1)) return false;
  constexpr std::size_t kScratch = 4096;
  poison(workspace, bytes < kScratch ? bytes : kScratch);
  return true;
}

template <class Value>
cublasStatus_t get(const char* name, cublasHandle_t handle, Value* out, Value cublasContext::*member) {
  return cublas(name, handle, [=] {
    if (out == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    *out = handle->*member;
    return CUBLAS_STATUS_SUCCESS;
  });
}

template <class Value>
cublasStatus_t set(const char* name, cublasHandle_t handle, Value value, bool valid, Value cublasContext::*member) {
  return cublas(name, handle, [=] {
    if (!valid) return CUBLAS_STATUS_INVALID_VALUE;
    handle->*member = value;
    return CUBLAS_STATUS_SUCCESS;
  });
}

}  // namespace

Registry<cublasContext>& cublas_handles() {
  static auto* const all = new Registry<cublasContext>;
  return *all;
}

std::vector<Scalar> scalars(const cublasContext& handle, const std::string& call, const void* alpha, const void* beta,
                            cudaDataType type) {
  const bool on_device = handle.pointers == CUBLAS_POINTER_MODE_DEVICE;
  return {{call + ": alpha", alpha, type, on_device, 0}, {call + ": beta", beta, type, on_device, 0}};
}

cublasStatus_t submit(const cublasContext& handle, Work work) {
  if (current_device() != handle.device) {
    report(std::string(work.name) + ": the current device is not that of the handle");
    return CUBLAS_STATUS_EXECUTION_FAILED;
  }
  for (Scalar& scalar : work.scalars) {
    if (!scalar.read_on_host()) return CUBLAS_STATUS_INVALID_VALUE;
  }
  // With the default pool, cuBLAS may add nodes that allocate, which child graphs and bodies of loops cannot have.
  if (is_capturing(handle.stream) && !handle.has_workspace) {
    report(std::string(work.name) + ": capturing with the default workspace");
  }
  enqueue(handle.stream, work.name, [=, workspace = handle.workspace, bytes = handle.workspace_bytes]() mutable {
    if (!use_workspace(workspace, bytes)) return;
    for (Scalar& scalar : work.scalars) {
      if (!scalar.read_on_device()) return;
    }
    if (check_operands(work)) work.run(work);
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace simt

using simt::cublas;

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  const cudaError_t refusal = simt::refuse("cublasCreate", cudaErrorMemoryAllocation);
  if (refusal == cudaErrorMemoryAllocation) return CUBLAS_STATUS_ALLOC_FAILED;
  if (refusal != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (handle == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  const std::lock_guard lock(simt::api_mutex());
  if (simt::check_unsafe() != cudaSuccess) {
    simt::report("cublasCreate allocates, which the capture of a stream forbids");
    return CUBLAS_STATUS_ALLOC_FAILED;
  }
  *handle = simt::cublas_handles().add(new cublasContext);
  (*handle)->device = simt::current_device();
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  const cudaError_t refusal = simt::refuse("cublasDestroy", cudaErrorUnknown);
  if (!simt::cublas_handles().contains(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  const int device = handle->device;
  if (simt::current_device() != device) simt::report("cublasDestroy: the current device is not that of the handle");
  { const simt::Use use("cublasDestroy", *handle); }
  simt::cublas_handles().destroy(handle);
  const std::lock_guard lock(simt::api_mutex());
  if (simt::check_unsafe() != cudaSuccess) {
    simt::report("cublasDestroy waits for the device, which the capture of a stream forbids");
  } else {
    simt::run_device(device);
  }
  return refusal == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

cublasStatus_t cublasGetVersion(cublasHandle_t, int* version) {
  if (simt::enter("cublasGetVersion")) return CUBLAS_STATUS_EXECUTION_FAILED;
  if (version == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *version = CUBLAS_VERSION;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetProperty(libraryPropertyType type, int* value) {
  if (simt::enter("cublasGetProperty")) return CUBLAS_STATUS_EXECUTION_FAILED;
  constexpr int kVersion[] = {CUBLAS_VER_MAJOR, CUBLAS_VER_MINOR, CUBLAS_VER_PATCH};
  if (value == nullptr || type < MAJOR_VERSION || type > PATCH_LEVEL) return CUBLAS_STATUS_INVALID_VALUE;
  *value = kVersion[type];
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  return cublas("cublasSetStream", handle, [=] {
    handle->stream = stream;
    handle->has_workspace = false;  // "unconditionally resets" it, says the documentation
    handle->workspace = nullptr;
    handle->workspace_bytes = 0;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasGetStream(cublasHandle_t handle, cudaStream_t* stream) {
  return cublas("cublasGetStream", handle, [=] {
    if (stream == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    *stream = handle->stream;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void* workspace, std::size_t bytes) {
  return cublas("cublasSetWorkspace", handle, [=] { return simt::set_workspace(*handle, workspace, bytes); });
}

cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* mode) {
  return simt::get("cublasGetMathMode", handle, mode, &cublasContext::math);
}
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  return simt::set("cublasSetMathMode", handle, mode, simt::is_math_mode(mode), &cublasContext::math);
}

cublasStatus_t cublasGetPointerMode(cublasHandle_t handle, cublasPointerMode_t* mode) {
  return simt::get("cublasGetPointerMode", handle, mode, &cublasContext::pointers);
}
cublasStatus_t cublasSetPointerMode(cublasHandle_t handle, cublasPointerMode_t mode) {
  const bool valid = mode == CUBLAS_POINTER_MODE_HOST || mode == CUBLAS_POINTER_MODE_DEVICE;
  return simt::set("cublasSetPointerMode", handle, mode, valid, &cublasContext::pointers);
}

cublasStatus_t cublasGetAtomicsMode(cublasHandle_t handle, cublasAtomicsMode_t* mode) {
  return simt::get("cublasGetAtomicsMode", handle, mode, &cublasContext::atomics);
}
cublasStatus_t cublasSetAtomicsMode(cublasHandle_t handle, cublasAtomicsMode_t mode) {
  const bool valid = mode == CUBLAS_ATOMICS_NOT_ALLOWED || mode == CUBLAS_ATOMICS_ALLOWED;
  return simt::set("cublasSetAtomicsMode", handle, mode, valid, &cublasContext::atomics);
}

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return "CUBLAS_STATUS_ARCH_MISMATCH";
    case CUBLAS_STATUS_MAPPING_ERROR:
      return "CUBLAS_STATUS_MAPPING_ERROR";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    case CUBLAS_STATUS_LICENSE_ERROR:
      return "CUBLAS_STATUS_LICENSE_ERROR";
  }
  return "unrecognized status";
}

const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "success";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "the library was not initialized";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "the resource allocation failed";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "an unsupported value or parameter was passed to the function";
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return "the function requires an architectural feature absent from the device";
    case CUBLAS_STATUS_MAPPING_ERROR:
      return "an access to GPU memory space failed";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "the function failed to launch on the GPU";
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return "an internal operation failed";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "the requested functionality is not supported";
    case CUBLAS_STATUS_LICENSE_ERROR:
      return "the license check failed";
  }
  return "unrecognized status";
}
