#pragma once

#include "cuda/cuda_backend.hpp"
#include "cuda/gpu.hpp"
#include "host/core/runtime.hpp"

namespace orthant::cuda {

class CudaRuntime final : public core::Runtime {
 public:
  explicit CudaRuntime(const CudaConfig& config) : gpu_(config), float_(gpu_), double_(gpu_) {}

  std::string name() const override { return "cuda"; }
  std::string device() const override { return gpu_.name(); }
  int threads() const override { return 0; }
  std::vector<std::pair<std::string, std::string>> versions() const override;
  int max_rank() const override;
  MemoryResource& memory() const override { return gpu_.memory(); }
  MemorySpace memory_space() const override { return MemorySpace::device; }
  std::int64_t free_memory() const override { return gpu_.free_memory(); }
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
  std::int64_t loss_bytes(const MatrixShape&, int rank) const override;

 private:
  Gpu gpu_;
  CudaBackend<float> float_;
  CudaBackend<double> double_;
};

}  // namespace orthant::cuda
