#pragma once

#include "cuda/gpu.hpp"
#include "cuda/kernels/survey.hpp"
#include "host/core/data_matrix.hpp"

namespace orthant::cuda {

/// What dense and sparse X on a device have in common: a pass over one panel that is all of X.
template <class T>
class DeviceMatrix : public core::DataMatrix<T> {
 public:
  explicit DeviceMatrix(const Gpu& gpu) : gpu_(gpu) {}

  core::MatrixStatistics statistics() const final { return statistics_; }

  void reserve(int rank, bool passes, core::Workspace& workspace) const override {
    const MatrixShape shape = this->shape();
    if (passes) {
      workspace.get<T>(core::Workspace::panels,
                       rank * (core::local_side(shape) == core::Side::w ? shape.rows : shape.columns));
    }
  }

  void pass(core::Side side, core::Factor<T> local, core::Factor<const T> fixed, core::Gram<const T> fixed_gram,
            const core::UpdateRule<T>& rule, core::Factor<T> r, core::KktSums* kkt,
            core::Workspace& workspace) const final {
    const core::Factor<T> product{workspace.get<T>(core::Workspace::panels, local.rank * local.count), local.rank,
                                  local.count, local.rank};
    this->product(core::other(side), fixed, product, workspace);
    rule.apply(local, {fixed_gram, product}, kkt);
    this->product(side, local, r, workspace);
  }

 protected:
  /// Calls look(used, survey) on memory that is set as Survey says, and returns what it found.
  template <class Look>
  Survey survey(std::int64_t lines, std::int64_t length, Look&& look) const {
    Survey found{};
    found.first_invalid = Survey::kNone;
    const core::Buffer<Survey> out(gpu_.memory(), 1);
    const core::Buffer<unsigned> used(gpu_.memory(), lines + length);
    gpu_.copy(out.data(), &found, sizeof found);
    gpu_.clear(used.data(), static_cast<std::int64_t>(used.bytes()));
    look(used.data(), out.data());
    gpu_.copy(&found, out.data(), sizeof found);
    gpu_.synchronize();
    return found;
  }

  const Gpu& gpu_;
  core::MatrixStatistics statistics_;
};

}  // namespace orthant::cuda
