#include "cuda/dense_matrix.hpp"

#include <algorithm>

#include "cuda/data_matrix.hpp"
#include "cuda/kernels/divergence_dense.hpp"
#include "cuda/kernels/residual.hpp"
#include "host/core/validate.hpp"

namespace orthant::cuda {

using core::Factor;
using core::Side;
using core::Workspace;

namespace {

template <class T>
class DenseMatrix final : public DeviceMatrix<T> {
 public:
  DenseMatrix(const Gpu& gpu, DenseView<const T> x)
      : DeviceMatrix<T>(gpu), rows_(x.rows), columns_(x.columns), layout_(x.layout), data_(x.data), ld_(x.ld) {
    if (x.space == MemorySpace::host) {
      const std::int64_t size = sizeof(T);
      copy_ = core::Buffer<T>(gpu.memory(), lines() * length());
      gpu.copy_lines(copy_.data(), length() * size, x.data, x.ld * size, length() * size, lines());
      data_ = copy_.data();
      ld_ = length();
    }
    measure();
  }

  MatrixShape shape() const override { return {rows_, columns_, -1, layout_}; }
  std::int64_t bytes() const override { return static_cast<std::int64_t>(copy_.bytes()); }

  void reserve(int rank, bool passes, Workspace& workspace) const override {
    DeviceMatrix<T>::reserve(rank, passes, workspace);
    this->gpu_.prepare_gemm();
  }

  void product(Side side, Factor<const T> f, Factor<T> r, Workspace&) const override {
    // As cuBLAS sees it, memory is a column-major matrix of `length` x `lines`. The factor of the lines needs it
    // transposed to give terms for the places, and the other way round.
    const bool of_lines = (side == Side::w) == (layout_ == Layout::row_major);
    this->gpu_.gemm(CUBLAS_OP_N, of_lines ? CUBLAS_OP_T : CUBLAS_OP_N, f.rank, r.count, f.count, f.data, f.ld, data_,
                    ld_, r.data, r.ld);
  }

  void loss(Factor<const T> w, Factor<const T> h, double* out, Workspace&) const override {
    const bool rows = layout_ == Layout::row_major;
    dense_squared_loss(this->gpu_, data_, ld_, rows ? w : h, rows ? h : w, out);
  }

  void reserve_divergence(int rank, const core::Divergence& divergence, bool passes,
                          Workspace& workspace) const override {
    DeviceMatrix<T>::reserve_divergence(rank, divergence, passes, workspace);
    partial_sums(rank, divergence, workspace);
  }

  std::optional<core::BadEntry> find_zero() const override {
    const Survey found = this->survey(1, 0, [&](unsigned*, Survey* out) {
      find_zero_entry(this->gpu_, data_, lines(), length(), ld_, layout_ == Layout::column_major, out);
    });
    if (found.first_invalid == Survey::kNone) return {};
    const auto key = static_cast<std::int64_t>(found.first_invalid);
    return core::BadEntry{key / columns_, key % columns_, 0};
  }

  void divergence_terms(Side side, Factor<const T> w, Factor<const T> h, const core::Divergence& divergence,
                        Factor<T> numerator, Factor<T> denominator, Workspace& workspace) const override {
    const bool of_lines = (side == Side::w) == (layout_ == Layout::row_major);
    dense_divergence_terms(this->gpu_, data_, ld_, of_lines, side == Side::w ? w : h, side == Side::w ? h : w,
                           divergence, numerator, denominator, partial_sums(w.rank, divergence, workspace));
  }

  void divergence(Factor<const T> w, Factor<const T> h, const core::Divergence& divergence, double* out,
                  Workspace&) const override {
    const bool rows = layout_ == Layout::row_major;
    dense_divergence(this->gpu_, data_, ld_, rows ? w : h, rows ? h : w, divergence, out);
  }

 private:
  T* partial_sums(int rank, const core::Divergence& divergence, Workspace& workspace) const {
    const std::int64_t bytes = dense_divergence_bytes(this->gpu_, shape(), divergence, rank, sizeof(T));
    return bytes > 0 ? reinterpret_cast<T*>(workspace.get<std::byte>(Workspace::partial_sums, bytes)) : nullptr;
  }

  std::int64_t lines() const { return layout_ == Layout::row_major ? rows_ : columns_; }
  std::int64_t length() const { return layout_ == Layout::row_major ? columns_ : rows_; }

  void measure() {
    const bool by_rows = layout_ == Layout::row_major;
    const Survey found = this->survey(lines(), length(), [&](unsigned* used, Survey* out) {
      survey_dense(this->gpu_, data_, lines(), length(), ld_, !by_rows, used, out);
    });
    if (found.first_invalid != Survey::kNone) {
      const auto key = static_cast<std::int64_t>(found.first_invalid);
      const std::int64_t i = key / columns_, j = key % columns_;
      T value = 0;
      this->gpu_.copy(&value, data_ + (by_rows ? i * ld_ + j : j * ld_ + i), sizeof value);
      this->gpu_.synchronize();
      throw InvalidArgument("X(" + core::text(i) + ", " + core::text(j) + ")", core::text(static_cast<double>(value)),
                            "a finite number that is not negative");
    }
    const auto unused_lines = static_cast<std::int64_t>(found.unused_lines);
    const auto unused_places = static_cast<std::int64_t>(found.unused_places);
    this->statistics_ = {found.sum, found.squared_norm, by_rows ? unused_lines : unused_places,
                         by_rows ? unused_places : unused_lines};
  }

  std::int64_t rows_, columns_;
  Layout layout_;
  const T* data_;
  std::int64_t ld_;
  core::Buffer<T> copy_;
};

}  // namespace

std::int64_t dense_divergence_bytes(const Gpu& gpu, const MatrixShape& shape, const core::Divergence& divergence,
                                    int rank, int element_size) {
  const auto sums = [&](std::int64_t own, std::int64_t other) {
    return dense_partial_sums(gpu, own, other, rank, divergence, element_size);
  };
  return std::max(sums(shape.rows, shape.columns), sums(shape.columns, shape.rows)) * element_size;
}

template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_dense_matrix(const Gpu& gpu, DenseView<const T> x) {
  return std::make_shared<DenseMatrix<T>>(gpu, x);
}

template std::shared_ptr<const core::DataMatrix<float>> make_dense_matrix(const Gpu&, DenseView<const float>);
template std::shared_ptr<const core::DataMatrix<double>> make_dense_matrix(const Gpu&, DenseView<const double>);

}  // namespace orthant::cuda
