#include "cuda/cuda_runtime.hpp"

#include "cuda/csr_matrix.hpp"
#include "cuda/dense_matrix.hpp"
#include "cuda/kernels/factor_update.hpp"
#include "host/core/validate.hpp"

namespace orthant::cuda {

int CudaRuntime::max_rank() const { return kMaxRank; }

namespace {

std::string cuda_version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

// Of a library, whose call `get` is named `call`.
template <class Get>
std::string library_version(Get&& get, const char* call) {
  std::string version;
  for (const libraryPropertyType part : {MAJOR_VERSION, MINOR_VERSION, PATCH_LEVEL}) {
    int number = 0;
    check(get(part, &number), call);
    version += (version.empty() ? "" : ".") + std::to_string(number);
  }
  return version;
}

// The terms of the factor that a pass updates before it makes those of the other.
std::int64_t local_bytes(const MatrixShape& shape, int rank, int element_size) {
  return rank * element_size * (core::local_side(shape) == core::Side::w ? shape.rows : shape.columns);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> CudaRuntime::versions() const {
  int driver = 0, runtime = 0;
  ORTHANT_CUDA(cudaDriverGetVersion, &driver);
  ORTHANT_CUDA(cudaRuntimeGetVersion, &runtime);
  return {{"cuda_driver", cuda_version(driver)},
          {"cuda_runtime", cuda_version(runtime)},
          {"cublas", library_version(cublasGetProperty, "cublasGetProperty")},
          {"cusparse", library_version(cusparseGetProperty, "cusparseGetProperty")}};
}

void CudaRuntime::check_memory(const std::string& name, const void* data, std::int64_t, MemorySpace space) const {
  const Gpu::Current current(gpu_);
  cudaPointerAttributes attributes{};
  ORTHANT_CUDA(cudaPointerGetAttributes, &attributes, data);
  const bool managed = attributes.type == cudaMemoryTypeManaged;
  const bool on_device = attributes.type == cudaMemoryTypeDevice;
  if (space == MemorySpace::host) {
    if (on_device) throw InvalidArgument(name + ".space", "host", "device, where this memory is");
    return;
  }
  if (!on_device && !managed) {
    throw InvalidArgument(name + ".space", "device", "host, where this memory is");
  }
  if (on_device && attributes.device != gpu_.index()) {
    throw InvalidArgument(name, "in the memory of device " + std::to_string(attributes.device),
                          "memory of device " + std::to_string(gpu_.index()) + ", that of the Context");
  }
}

#define ORTHANT_MAKE(T)                                                                                             \
  std::shared_ptr<const core::DataMatrix<T>> CudaRuntime::make_matrix(DenseView<const T> x,                         \
                                                                      const core::Observed<T>& observed) const {    \
    return make_dense_matrix(gpu_, x, observed);                                                                    \
  }                                                                                                                 \
  std::shared_ptr<const core::DataMatrix<T>> CudaRuntime::make_matrix(const core::AnyDenseView& x, Storage storage, \
                                                                      const core::Observed<T>& observed) const {    \
    return make_dense_matrix(gpu_, x, storage, observed);                                                           \
  }                                                                                                                 \
  std::shared_ptr<const core::DataMatrix<T>> CudaRuntime::make_matrix(const core::AnySparseView<T>& x,              \
                                                                      const core::Observed<T>& observed) const {    \
    core::check_sparse(x, *this);                                                                                   \
    return make_csr_matrix(gpu_, x, observed);                                                                      \
  }
ORTHANT_MAKE(float)
ORTHANT_MAKE(double)
#undef ORTHANT_MAKE

std::int64_t CudaRuntime::matrix_bytes(const MatrixShape& shape, int element_size) const {
  return shape.nonzeros < 0 ? 0 : csr_matrix_bytes(gpu_, shape, element_size);
}

std::int64_t CudaRuntime::product_bytes(const MatrixShape& shape, bool, bool, int rank, int element_size) const {
  return shape.nonzeros < 0 ? 0 : csr_partial_sums(shape, rank) * element_size;
}

std::int64_t CudaRuntime::pass_bytes(const MatrixShape& shape, int rank, int element_size) const {
  return local_bytes(shape, rank, element_size) + product_bytes(shape, true, true, rank, element_size);
}

std::int64_t CudaRuntime::divergence_pass_bytes(const MatrixShape& shape, const core::Divergence& divergence, int rank,
                                                int element_size) const {
  const int local_terms = divergence.has_closed_denominator() ? 1 : 2;
  return local_terms * local_bytes(shape, rank, element_size) +
         divergence_terms_bytes(shape, core::Side::w, divergence, rank, element_size);
}

std::int64_t CudaRuntime::divergence_terms_bytes(const MatrixShape& shape, core::Side,
                                                 const core::Divergence& divergence, int rank, int element_size) const {
  if (shape.nonzeros < 0) return dense_divergence_bytes(gpu_, shape, divergence, rank, element_size);
  const int sums = divergence.has_closed_denominator() ? rank : 2 * rank;
  return csr_divergence_bytes(rank) + csr_partial_sums(shape, sums) * element_size;
}

std::int64_t CudaRuntime::coordinate_descent_bytes(const MatrixShape& shape, const core::Divergence& divergence, bool,
                                                   bool, int rank, int element_size) const {
  return (shape.nonzeros < 0 ? dense_descent_bytes(gpu_, shape, rank, element_size) : shape.nonzeros * element_size) +
         divergence_terms_bytes(shape, core::Side::w, divergence, rank, element_size);
}

std::int64_t CudaRuntime::loss_bytes(const MatrixShape& shape, int rank) const {
  return shape.nonzeros < 0 ? 0 : csr_loss_bytes(rank);
}

}  // namespace orthant::cuda
