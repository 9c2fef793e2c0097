#pragma once

#include "cuda/gpu.hpp"
#include "cuda/kernels/survey.hpp"
#include "host/core/data_matrix.hpp"

namespace orthant::cuda {

/// One value of device memory.
template <class U>
U read_one(const Gpu& gpu, const U* source) {
  U value{};
  gpu.copy(&value, source, sizeof value);
  gpu.synchronize();
  return value;
}

/// What dense and sparse X on a device have in common: a pass over one panel that is all of X.
template <class T>
class DeviceMatrix : public core::DataMatrix<T> {
 public:
  explicit DeviceMatrix(const Gpu& gpu) : gpu_(gpu) {}

  core::MatrixStatistics statistics() const final { return statistics_; }

  void reserve(int rank, bool passes, core::Workspace& workspace) const override {
    const MatrixShape shape = this->shape();
    if (passes) {
      workspace.get<T>(core::Workspace::panels, rank * local_count(shape));
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

  void reserve_divergence(int rank, const core::Divergence& divergence, bool passes,
                          core::Workspace& workspace) const override {
    const MatrixShape shape = this->shape();
    if (passes) local_terms(rank, local_count(shape), divergence, workspace);
  }

  void divergence_pass(core::Side side, core::Factor<T> local, core::Factor<const T> fixed,
                       const core::Divergence& divergence, core::Factor<const T> known_denominator,
                       const core::UpdateRule<T>& rule, core::Factor<T> numerator, core::Factor<T> denominator,
                       core::KktSums* kkt, core::Workspace& workspace) const final {
    const core::Factor<const T> w = side == core::Side::w ? local : fixed, h = side == core::Side::w ? fixed : local;
    const auto [own_numerator, own_denominator] = local_terms(local.rank, local.count, divergence, workspace);
    this->divergence_terms(side, w, h, divergence, own_numerator, own_denominator, workspace);
    const bool known = known_denominator.data != nullptr;
    rule.apply(local, {{}, own_numerator, known ? known_denominator : own_denominator}, kkt);
    this->divergence_terms(core::other(side), w, h, divergence, numerator, denominator, workspace);
  }

 protected:
  static std::int64_t local_count(const MatrixShape& shape) {
    return core::local_side(shape) == core::Side::w ? shape.rows : shape.columns;
  }

  /// Calls look(used, survey) on memory that is prepared for it, and returns what it found.
  template <class Look>
  Survey survey(std::int64_t lines, std::int64_t length, Look&& look) const {
    const core::Buffer<Survey> out(gpu_.memory(), 1);
    const core::Buffer<unsigned> used(gpu_.memory(), lines + length);
    prepare(gpu_, out.data());
    gpu_.clear(used.data(), static_cast<std::int64_t>(used.bytes()));
    look(used.data(), out.data());
    return read_one(gpu_, out.data());
  }

  const Gpu& gpu_;
  core::MatrixStatistics statistics_;

 private:
  struct LocalTerms {
    core::Factor<T> numerator, denominator;  // the latter without memory if it is known
  };
  static LocalTerms local_terms(int rank, std::int64_t count, const core::Divergence& divergence,
                                core::Workspace& workspace) {
    const std::int64_t size = rank * count;
    const bool known = divergence.has_closed_denominator();
    T* const memory = workspace.get<T>(core::Workspace::panels, known ? size : 2 * size);
    const core::Factor<T> numerator{memory, rank, count, rank};
    return {numerator, known ? core::Factor<T>{} : core::Factor<T>{memory + size, rank, count, rank}};
  }
};

}  // namespace orthant::cuda
