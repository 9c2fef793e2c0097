#include "host/cpu/cpu_runtime.hpp"

#include <new>

#include "host/core/validate.hpp"
#include "host/cpu/csr_matrix.hpp"
#include "host/cpu/dense_divergence.hpp"
#include "host/cpu/dense_matrix.hpp"
#include "host/cpu/parallel.hpp"
#include "host/cpu/simd.hpp"
#include "host/cpu/sparse_coordinate_descent.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/cpu_runtime.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
// The instruction set that the kernels of this process run on.
const char* target_name() { return hwy::TargetName(HWY_TARGET); }
}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {
namespace {

HWY_EXPORT(target_name);

class AlignedNew final : public MemoryResource {
 public:
  void* allocate(std::size_t bytes, std::size_t alignment) override {
    void* const pointer = ::operator new (bytes, std::align_val_t{alignment}, std::nothrow);
    if (pointer == nullptr) throw OutOfMemory(static_cast<std::int64_t>(bytes), core::free_memory());
    return pointer;
  }
  void deallocate(void* pointer, std::size_t, std::size_t alignment) noexcept override {
    ::operator delete (pointer, std::align_val_t{alignment});
  }
};

}  // namespace

std::string CpuRuntime::device() const { return HWY_DYNAMIC_DISPATCH(target_name)(); }

void CpuRuntime::check_memory(const std::string& name, const void*, std::int64_t, MemorySpace space) const {
  if (space != MemorySpace::host) throw InvalidArgument(name + ".space", "device", "host memory for a CPU Context");
}

#define ORTHANT_MAKE(T)                                                                                          \
  std::shared_ptr<const core::DataMatrix<T>> CpuRuntime::make_matrix(DenseView<const T> x,                       \
                                                                     const core::Observed<T>& observed) const {  \
    return make_dense_matrix(*this, x, observed);                                                                \
  }                                                                                                              \
  std::shared_ptr<const core::DataMatrix<T>> CpuRuntime::make_matrix(const core::AnyDenseView&, Storage storage, \
                                                                     const core::Observed<T>&) const {           \
    core::refuse_storage(storage, "a CPU Context");                                                              \
  }                                                                                                              \
  std::shared_ptr<const core::DataMatrix<T>> CpuRuntime::make_matrix(const core::AnySparseView<T>& x,            \
                                                                     const core::Observed<T>& observed) const {  \
    core::check_sparse(x, *this);                                                                                \
    return make_csr_matrix(*this, x, observed);                                                                  \
  }
ORTHANT_MAKE(float)
ORTHANT_MAKE(double)
#undef ORTHANT_MAKE

std::int64_t CpuRuntime::matrix_bytes(const MatrixShape& shape, int element_size) const {
  return shape.nonzeros < 0 ? 0 : csr_matrix_bytes(shape, element_size);
}

std::int64_t CpuRuntime::pass_bytes(const MatrixShape& shape, int rank, int element_size) const {
  return shape.nonzeros < 0 ? dense_pass_bytes(shape, rank, element_size, threads_)
                            : csr_pass_bytes(shape, rank, element_size, threads_);
}

std::int64_t CpuRuntime::product_bytes(const MatrixShape& shape, bool of_w, bool of_h, int rank,
                                       int element_size) const {
  const auto of = [&](core::Side side) {
    return shape.nonzeros < 0 ? dense_product_bytes(shape, side, rank, element_size, threads_) : 0;
  };
  return (of_w ? of(core::Side::w) : 0) + (of_h ? of(core::Side::h) : 0);
}

std::int64_t CpuRuntime::divergence_pass_bytes(const MatrixShape& shape, const core::Divergence& divergence, int rank,
                                               int element_size) const {
  return shape.nonzeros < 0 ? dense_divergence_pass_bytes(shape, divergence, rank, element_size, threads_)
                            : csr_divergence_pass_bytes(divergence, rank, element_size, threads_);
}

std::int64_t CpuRuntime::divergence_terms_bytes(const MatrixShape& shape, core::Side side,
                                                const core::Divergence& divergence, int rank, int element_size) const {
  return shape.nonzeros < 0 ? dense_divergence_terms_bytes(shape, side, divergence, rank, element_size, threads_) : 0;
}

std::int64_t CpuRuntime::coordinate_descent_bytes(const MatrixShape& shape, const core::Divergence& divergence,
                                                  bool updates_w, bool updates_h, int rank, int element_size) const {
  return shape.nonzeros < 0
             ? dense_coordinate_descent_bytes(shape, divergence, updates_w, updates_h, rank, element_size, threads_)
             : sparse_coordinate_descent_bytes(shape, rank, element_size, threads_);
}

}  // namespace orthant::cpu

namespace orthant::core {

std::shared_ptr<Runtime> make_cpu_runtime(const CpuConfig& config) {
  static cpu::AlignedNew aligned_new;
  MemoryResource& memory = config.memory != nullptr ? *config.memory : aligned_new;
  const int threads = config.threads > 0 ? config.threads : std::max(1, omp_get_max_threads());
  return std::make_shared<cpu::CpuRuntime>(memory, threads);
}

}  // namespace orthant::core
#endif
