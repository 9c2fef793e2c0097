#pragma once

#include <limits>

#include "host/core/runtime.hpp"
#include "host/cpu/cpu_backend.hpp"

namespace orthant::cpu {

class CpuRuntime final : public core::Runtime {
 public:
  CpuRuntime(MemoryResource& memory, int threads)
      : memory_(&memory), threads_(threads), float_(memory, threads), double_(memory, threads) {}

  std::string name() const override { return "cpu"; }
  std::string device() const override;
  int threads() const override { return threads_; }
  int max_rank() const override { return std::numeric_limits<int>::max(); }
  MemoryResource& memory() const override { return *memory_; }
  MemorySpace memory_space() const override { return MemorySpace::host; }
  std::int64_t free_memory() const override { return core::free_memory(); }
  void check_memory(const std::string& name, const void* data, std::int64_t bytes, MemorySpace space) const override;
  const core::Backend<float>& backend(float) const override { return float_; }
  const core::Backend<double>& backend(double) const override { return double_; }

  std::shared_ptr<const core::DataMatrix<float>> make_matrix(DenseView<const float>,
                                                             const core::Observed<float>&) const override;
  std::shared_ptr<const core::DataMatrix<float>> make_matrix(const core::AnyDenseView&, Storage,
                                                             const core::Observed<float>&) const override;
  std::shared_ptr<const core::DataMatrix<float>> make_matrix(const core::AnySparseView<float>&,
                                                             const core::Observed<float>&) const override;
  std::shared_ptr<const core::DataMatrix<double>> make_matrix(DenseView<const double>,
                                                              const core::Observed<double>&) const override;
  std::shared_ptr<const core::DataMatrix<double>> make_matrix(const core::AnyDenseView&, Storage,
                                                              const core::Observed<double>&) const override;
  std::shared_ptr<const core::DataMatrix<double>> make_matrix(const core::AnySparseView<double>&,
                                                              const core::Observed<double>&) const override;

  std::int64_t matrix_bytes(const MatrixShape&, int element_size) const override;
  std::int64_t pass_bytes(const MatrixShape&, int rank, int element_size) const override;
  std::int64_t product_bytes(const MatrixShape&, bool of_w, bool of_h, int rank, int element_size) const override;
  std::int64_t divergence_pass_bytes(const MatrixShape&, const core::Divergence&, int rank,
                                     int element_size) const override;
  std::int64_t divergence_terms_bytes(const MatrixShape&, core::Side, const core::Divergence&, int rank,
                                      int element_size) const override;
  std::int64_t coordinate_descent_bytes(const MatrixShape&, const core::Divergence&, bool updates_w, bool updates_h,
                                        int rank, int element_size) const override;
  std::int64_t loss_bytes(const MatrixShape&, int) const override { return 0; }

 private:
  MemoryResource* memory_;
  int threads_;
  CpuBackend<float> float_;
  CpuBackend<double> double_;
};

}  // namespace orthant::cpu
