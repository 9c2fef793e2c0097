#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/core/any_view.hpp"
#include "host/core/backend.hpp"
#include "host/core/data_matrix.hpp"
#include "host/core/observed.hpp"

namespace orthant::core {

/// A backend as a whole: what a Context points to.
class Runtime {
 public:
  virtual ~Runtime() = default;

  virtual std::string name() const = 0;    ///< "cpu", "cuda"
  virtual std::string device() const = 0;  ///< instruction set or device name
  virtual int threads() const = 0;
  /// Names and versions of the driver and the libraries that a device is used through.
  virtual std::vector<std::pair<std::string, std::string>> versions() const { return {}; }
  virtual int max_rank() const = 0;
  virtual MemoryResource& memory() const = 0;
  /// Where memory() is. Views in host memory are accepted by every backend; those of the device only by its own.
  virtual MemorySpace memory_space() const = 0;
  /// Bytes of that memory that are free now, or -1 where that is not known.
  virtual std::int64_t free_memory() const = 0;
  /// @throws InvalidArgument unless [data, data + bytes) can be memory of that space, for this backend
  virtual void check_memory(const std::string& name, const void* data, std::int64_t bytes, MemorySpace) const = 0;

  virtual const Backend<float>& backend(float) const = 0;
  virtual const Backend<double>& backend(double) const = 0;

  // X made ready. Views and weights are checked for shape already; values are checked here. Weights are in the memory
  // space of X.
  virtual std::shared_ptr<const DataMatrix<float>> make_matrix(DenseView<const float>,
                                                               const Observed<float>&) const = 0;
  virtual std::shared_ptr<const DataMatrix<double>> make_matrix(DenseView<const double>,
                                                                const Observed<double>&) const = 0;
  /// Of elements in the backend's memory that are not of the Matrix's type, or to be stored in another.
  /// @throws InvalidArgument for a storage that the backend does not have
  virtual std::shared_ptr<const DataMatrix<float>> make_matrix(const AnyDenseView&, Storage,
                                                               const Observed<float>&) const = 0;
  virtual std::shared_ptr<const DataMatrix<double>> make_matrix(const AnyDenseView&, Storage,
                                                                const Observed<double>&) const = 0;
  virtual std::shared_ptr<const DataMatrix<float>> make_matrix(const AnySparseView<float>&,
                                                               const Observed<float>&) const = 0;
  virtual std::shared_ptr<const DataMatrix<double>> make_matrix(const AnySparseView<double>&,
                                                                const Observed<double>&) const = 0;

  /// Bytes that make_matrix keeps for X, and that pass and product take from the workspace, in elements of
  /// `element_size` bytes. Weights are counted as memory that is borrowed where X is.
  virtual std::int64_t matrix_bytes(const MatrixShape&, int element_size) const = 0;
  virtual std::int64_t pass_bytes(const MatrixShape&, int rank, int element_size) const = 0;
  /// The same of product(), of one side or of both.
  virtual std::int64_t product_bytes(const MatrixShape&, bool of_w, bool of_h, int rank, int element_size) const = 0;
  /// Bytes that divergence_pass takes from the workspace, and divergence_terms of one side.
  virtual std::int64_t divergence_pass_bytes(const MatrixShape&, const Divergence&, int rank,
                                             int element_size) const = 0;
  virtual std::int64_t divergence_terms_bytes(const MatrixShape&, Side, const Divergence&, int rank,
                                              int element_size) const = 0;
  /// Bytes that coordinate_descent and divergence_terms together take from the workspace, of the sides that are
  /// updated.
  virtual std::int64_t coordinate_descent_bytes(const MatrixShape&, const Divergence&, bool updates_w, bool updates_h,
                                                int rank, int element_size) const = 0;
  /// Bytes that reserve() takes for loss().
  virtual std::int64_t loss_bytes(const MatrixShape&, int rank) const = 0;
};

std::shared_ptr<Runtime> make_cpu_runtime(const CpuConfig&);
std::shared_ptr<Runtime> make_cuda_runtime(const CudaConfig&);

}  // namespace orthant::core
