// The handle of cuSPARSE, and its status in words.

#include "tests/simt/blas/cusparse.hpp"
#include "tests/simt/streams.hpp"

namespace simt {

Registry<cusparseContext>& cusparse_handles() {
  static auto* const all = new Registry<cusparseContext>;
  return *all;
}

}  // namespace simt

using simt::cusparse;

cusparseStatus_t cusparseCreate(cusparseHandle_t* handle) {
  const cudaError_t refusal = simt::refuse("cusparseCreate", cudaErrorMemoryAllocation);
  if (refusal == cudaErrorMemoryAllocation) return CUSPARSE_STATUS_ALLOC_FAILED;
  if (refusal != cudaSuccess) return CUSPARSE_STATUS_NOT_INITIALIZED;
  if (handle == nullptr) return CUSPARSE_STATUS_INVALID_VALUE;
  const std::lock_guard lock(simt::api_mutex());
  if (simt::check_unsafe() != cudaSuccess) {
    simt::report("cusparseCreate allocates, which the capture of a stream forbids");
    return CUSPARSE_STATUS_ALLOC_FAILED;
  }
  *handle = simt::cusparse_handles().add(new cusparseContext);
  (*handle)->device = simt::current_device();
  return CUSPARSE_STATUS_SUCCESS;
}

cusparseStatus_t cusparseDestroy(cusparseHandle_t handle) {
  const cudaError_t refusal = simt::refuse("cusparseDestroy", cudaErrorUnknown);
  if (handle != nullptr) {
    if (!simt::cusparse_handles().contains(handle)) return CUSPARSE_STATUS_INVALID_VALUE;
    if (simt::current_device() != handle->device) {
      simt::report("cusparseDestroy: the current device is not that of the handle");
    }
    { const simt::Use use("cusparseDestroy", *handle); }
    simt::cusparse_handles().destroy(handle);
  }
  return refusal == cudaSuccess ? CUSPARSE_STATUS_SUCCESS : CUSPARSE_STATUS_EXECUTION_FAILED;
}

cusparseStatus_t cusparseGetVersion(cusparseHandle_t handle, int* version) {
  return cusparse("cusparseGetVersion", handle, [=] {
    if (version == nullptr) return CUSPARSE_STATUS_INVALID_VALUE;
    *version = CUSPARSE_VERSION;
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseGetProperty(libraryPropertyType type, int* value) {
  if (simt::enter("cusparseGetProperty")) return CUSPARSE_STATUS_EXECUTION_FAILED;
  constexpr int kVersion[] = {CUSPARSE_VER_MAJOR, CUSPARSE_VER_MINOR, CUSPARSE_VER_PATCH};
  if (value == nullptr || type < MAJOR_VERSION || type > PATCH_LEVEL) return CUSPARSE_STATUS_INVALID_VALUE;
  *value = kVersion[type];
  return CUSPARSE_STATUS_SUCCESS;
}

cusparseStatus_t cusparseSetStream(cusparseHandle_t handle, cudaStream_t stream) {
  return cusparse("cusparseSetStream", handle, [=] {
    handle->stream = stream;
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseGetStream(cusparseHandle_t handle, cudaStream_t* stream) {
  return cusparse("cusparseGetStream", handle, [=] {
    if (stream == nullptr) return CUSPARSE_STATUS_INVALID_VALUE;
    *stream = handle->stream;
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseGetPointerMode(cusparseHandle_t handle, cusparsePointerMode_t* mode) {
  return cusparse("cusparseGetPointerMode", handle, [=] {
    if (mode == nullptr) return CUSPARSE_STATUS_INVALID_VALUE;
    *mode = handle->pointers;
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseSetPointerMode(cusparseHandle_t handle, cusparsePointerMode_t mode) {
  return cusparse("cusparseSetPointerMode", handle, [=] {
    if (mode != CUSPARSE_POINTER_MODE_HOST && mode != CUSPARSE_POINTER_MODE_DEVICE) {
      return CUSPARSE_STATUS_INVALID_VALUE;
    }
    handle->pointers = mode;
    return CUSPARSE_STATUS_SUCCESS;
  });
}

const char* cusparseGetErrorName(cusparseStatus_t status) {
  switch (status) {
    case CUSPARSE_STATUS_SUCCESS:
      return "CUSPARSE_STATUS_SUCCESS";
    case CUSPARSE_STATUS_NOT_INITIALIZED:
      return "CUSPARSE_STATUS_NOT_INITIALIZED";
    case CUSPARSE_STATUS_ALLOC_FAILED:
      return "CUSPARSE_STATUS_ALLOC_FAILED";
    case CUSPARSE_STATUS_INVALID_VALUE:
      return "CUSPARSE_STATUS_INVALID_VALUE";
    case CUSPARSE_STATUS_ARCH_MISMATCH:
      return "CUSPARSE_STATUS_ARCH_MISMATCH";
    case CUSPARSE_STATUS_MAPPING_ERROR:
      return "CUSPARSE_STATUS_MAPPING_ERROR";
    case CUSPARSE_STATUS_EXECUTION_FAILED:
      return "CUSPARSE_STATUS_EXECUTION_FAILED";
    case CUSPARSE_STATUS_INTERNAL_ERROR:
      return "CUSPARSE_STATUS_INTERNAL_ERROR";
    case CUSPARSE_STATUS_MATRIX_TYPE_NOT_SUPPORTED:
      return "CUSPARSE_STATUS_MATRIX_TYPE_NOT_SUPPORTED";
    case CUSPARSE_STATUS_ZERO_PIVOT:
      return "CUSPARSE_STATUS_ZERO_PIVOT";
    case CUSPARSE_STATUS_NOT_SUPPORTED:
      return "CUSPARSE_STATUS_NOT_SUPPORTED";
    case CUSPARSE_STATUS_INSUFFICIENT_RESOURCES:
      return "CUSPARSE_STATUS_INSUFFICIENT_RESOURCES";
  }
  return "unrecognized error code";
}

const char* cusparseGetErrorString(cusparseStatus_t status) {
  switch (status) {
    case CUSPARSE_STATUS_SUCCESS:
      return "success";
    case CUSPARSE_STATUS_NOT_INITIALIZED:
      return "initialization error";
    case CUSPARSE_STATUS_ALLOC_FAILED:
      return "out of memory";
    case CUSPARSE_STATUS_INVALID_VALUE:
      return "invalid value";
    case CUSPARSE_STATUS_ARCH_MISMATCH:
      return "architecture mismatch";
    case CUSPARSE_STATUS_MAPPING_ERROR:
      return "texture memory mapping error";
    case CUSPARSE_STATUS_EXECUTION_FAILED:
      return "kernel launch failure";
    case CUSPARSE_STATUS_INTERNAL_ERROR:
      return "internal error";
    case CUSPARSE_STATUS_MATRIX_TYPE_NOT_SUPPORTED:
      return "matrix type not supported";
    case CUSPARSE_STATUS_ZERO_PIVOT:
      return "zero pivot";
    case CUSPARSE_STATUS_NOT_SUPPORTED:
      return "operation not supported";
    case CUSPARSE_STATUS_INSUFFICIENT_RESOURCES:
      return "insufficient resources";
  }
  return "unrecognized error code";
}
