#pragma once

#include "cuda/gpu.hpp"
#include "host/core/backend.hpp"

namespace orthant::cuda {

template <class T>
class CudaBackend final : public core::Backend<T> {
 public:
  explicit CudaBackend(const Gpu& gpu) : gpu_(gpu) {}

  MemoryResource& memory() const override { return gpu_.memory(); }
  void copy_in(DenseView<const T> view, core::Factor<T> f) const override;
  void copy_out(core::Factor<const T> f, DenseView<T> view) const override;
  void fill(core::Factor<T> f, T value) const override;
  void clear(void* data, std::int64_t bytes) const override;
  std::optional<core::BadEntry> find_invalid(DenseView<const T> view) const override;
  void fill_uniform(core::Factor<T> f, std::uint64_t seed, core::Side side, T scale) const override;
  void gram(core::Factor<const T> f, core::Gram<T> g) const override;
  void dot(core::Factor<const T> a, core::Factor<const T> b, double* out) const override;
  void component_sums(core::Factor<const T> f, double* sums, double* squares) const override;
  void hals(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, int sweeps,
            core::KktSums* kkt) const override;
  void multiplicative(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,
                      core::KktSums* kkt) const override;
  void nnls(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, core::KktSums* kkt,
            NnlsResult* result, double* scratch) const override;
  std::int64_t nnls_scratch(int rank, std::int64_t count) const override;
  void kkt(core::Factor<const T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,
           core::KktSums* kkt) const override;
  void scale_by_ratio(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, core::RatioForm form,
                      core::KktSums* kkt) const override;
  void sum_columns(core::Factor<const T> f, T* sums) const override;
  void multiply_small(const double* m, core::Factor<T> f) const override;
  void part_norms(core::Factor<const T> f, double* positive, double* negative) const override;
  void take_parts(core::Factor<const T> f, const double* scale, T threshold, T fill, bool random_fill,
                  std::uint64_t seed, core::Side side, core::Factor<T> out) const override;
  void read(const void* source, std::int64_t bytes, void* host) const override;
  void penalty(core::Factor<const T> f, core::ScaledPenalty penalty, double* out) const override;
  void advance(const core::StoppingRule& rule, core::CheckStep step, const core::Measured* measured, int iterations,
               core::LoopState* state) const override;
  void advance(const core::MomentumRule& rule, core::MomentumStep step, core::Measured* measured,
               core::Momentum* state) const override;
  void extrapolate(core::Factor<T> point, core::Factor<T> iterate, const core::Momentum* momentum) const override;
  std::unique_ptr<core::Marker> mark() const override;
  void repeat(std::unique_ptr<core::Recording>& recording, const std::function<void()>& calls) const override;
  void repeat_while(const int* go_on, const std::function<void()>& calls) const override;

 private:
  const Gpu& gpu_;
};

}  // namespace orthant::cuda
