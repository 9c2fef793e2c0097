#include "cuda/cuda_backend.hpp"

#include "cuda/kernels/control.hpp"
#include "cuda/kernels/elementwise.hpp"
#include "cuda/kernels/factor_update.hpp"
#include "cuda/kernels/gram.hpp"
#include "cuda/kernels/nnls.hpp"
#include "cuda/kernels/ratio_update.hpp"
#include "cuda/kernels/small_product.hpp"
#include "cuda/kernels/sums.hpp"
#include "cuda/kernels/survey.hpp"
#include "host/core/validate.hpp"

namespace orthant::cuda {

using core::Buffer;
using core::Factor;
using core::KktSums;
using core::RatioForm;
using core::ScaledPenalty;
using core::Terms;

namespace {

class Graph final : public core::Recording {
 public:
  explicit Graph(RecordedGraph graph) : graph_(std::move(graph)) {}
  cudaGraphExec_t get() const { return graph_.executable.get(); }

 private:
  RecordedGraph graph_;
};

class EventMarker final : public core::Marker {
 public:
  explicit EventMarker(const Gpu& gpu) : gpu_(gpu), event_(gpu.record_event()) {}
  bool reached() const override { return gpu_.is_reached(event_.get()); }
  void wait() const noexcept override {
    if (cudaEventSynchronize(event_.get()) != cudaSuccess) cudaGetLastError();
  }
  void read(const void* source, std::int64_t bytes, void* host) const override {
    gpu_.copy_after(event_.get(), host, source, bytes);
  }
  double seconds_since(const core::Marker& earlier) const override {
    return gpu_.seconds_between(static_cast<const EventMarker&>(earlier).event_.get(), event_.get());
  }

 private:
  const Gpu& gpu_;
  OwnedEvent event_;
};

template <class T>
constexpr std::int64_t bytes_of(std::int64_t count) {
  return count * static_cast<std::int64_t>(sizeof(T));
}

// A row-major view: a line for each component.
template <class T>
Lines<T> lines_of(DenseView<T> view) {
  return {view.data, view.columns, view.rows, view.ld};
}

}  // namespace

template <class T>
void CudaBackend<T>::copy_in(DenseView<const T> view, Factor<T> f) const {
  const bool on_device = view.space == MemorySpace::device;
  if (view.layout == Layout::column_major) {
    const auto copy = [&](auto... lines) { on_device ? gpu_.copy_lines(lines...) : gpu_.upload_lines(lines...); };
    copy(f.data, bytes_of<T>(f.ld), view.data, bytes_of<T>(view.ld), bytes_of<T>(f.rank), f.count);
  } else if (on_device) {
    transpose<T>(gpu_, lines_of(view), f);
  } else {
    const Buffer<T> lines(gpu_.memory(), f.rank * f.count);
    gpu_.upload_lines(lines.data(), bytes_of<T>(f.count), view.data, bytes_of<T>(view.ld), bytes_of<T>(f.count),
                      f.rank);
    transpose<T>(gpu_, {lines.data(), f.count, f.rank, f.count}, f);
  }
}

template <class T>
void CudaBackend<T>::copy_out(Factor<const T> f, DenseView<T> view) const {
  if (view.layout == Layout::column_major) {
    gpu_.copy_lines(view.data, bytes_of<T>(view.ld), f.data, bytes_of<T>(f.ld), bytes_of<T>(f.rank), f.count);
  } else if (view.space == MemorySpace::device) {
    transpose<T>(gpu_, f, lines_of(view));
  } else {
    const Buffer<T> lines(gpu_.memory(), f.rank * f.count);
    transpose<T>(gpu_, f, {lines.data(), f.count, f.rank, f.count});
    gpu_.copy_lines(view.data, bytes_of<T>(view.ld), lines.data(), bytes_of<T>(f.count), bytes_of<T>(f.count), f.rank);
  }
  if (view.space == MemorySpace::host) gpu_.synchronize();
}

template <class T>
void CudaBackend<T>::fill(Factor<T> f, T value) const {
  fill_constant(gpu_, f, value);
}

template <class T>
void CudaBackend<T>::clear(void* data, std::int64_t bytes) const {
  gpu_.clear(data, bytes);
}

template <class T>
std::optional<core::BadEntry> CudaBackend<T>::find_invalid(DenseView<const T> view) const {
  if (view.space == MemorySpace::host) return core::find_invalid_on_host(view);
  const bool rows = view.layout == Layout::row_major;
  const std::int64_t lines = rows ? view.rows : view.columns, length = rows ? view.columns : view.rows;
  const Buffer<Survey> survey(gpu_.memory(), 1);
  prepare(gpu_, survey.data());
  find_invalid_entry(gpu_, view.data, lines, length, view.ld, survey.data());
  Survey found{};
  read(survey.data(), sizeof found, &found);
  if (found.first_invalid == Survey::kNone) return {};
  const auto key = static_cast<std::int64_t>(found.first_invalid);
  const std::int64_t line = key / length, place = key % length;
  T value = 0;
  read(view.data + line * view.ld + place, sizeof value, &value);
  return core::BadEntry{rows ? line : place, rows ? place : line, static_cast<double>(value)};
}

template <class T>
void CudaBackend<T>::fill_uniform(Factor<T> f, std::uint64_t seed, core::Side side, T scale) const {
  fill_random(gpu_, f, seed, side, scale);
}

template <class T>
void CudaBackend<T>::gram(Factor<const T> f, core::Gram<T> g) const {
  gram_matrix<T>(gpu_, f, g);
}

template <class T>
void CudaBackend<T>::dot(Factor<const T> a, Factor<const T> b, double* out) const {
  dot_product(gpu_, a, b, out);
}

template <class T>
void CudaBackend<T>::component_sums(Factor<const T> f, double* sums, double* squares) const {
  component_pairs(gpu_, Pairs::sum_and_squares, f, sums, squares);
}

template <class T>
void CudaBackend<T>::hals(Factor<T> f, const Terms<T>& terms, ScaledPenalty penalty, int sweeps, KktSums* kkt) const {
  update_hals(gpu_, f, terms, penalty, sweeps, kkt);
}

template <class T>
void CudaBackend<T>::multiplicative(Factor<T> f, const Terms<T>& terms, ScaledPenalty penalty, KktSums* kkt) const {
  update_multiplicative(gpu_, f, terms, penalty, kkt);
}

template <class T>
void CudaBackend<T>::nnls(Factor<T> f, const Terms<T>& terms, ScaledPenalty penalty, KktSums* kkt, NnlsResult* result,
                          double* scratch) const {
  if (kkt != nullptr) probe_kkt<T>(gpu_, f, terms, penalty, kkt);
  solve_nnls(gpu_, f, terms, penalty, result, scratch);
}

template <class T>
std::int64_t CudaBackend<T>::nnls_scratch(int rank, std::int64_t count) const {
  return cuda::nnls_scratch(gpu_, rank, count);
}

template <class T>
void CudaBackend<T>::kkt(Factor<const T> f, const Terms<T>& terms, ScaledPenalty penalty, KktSums* kkt) const {
  probe_kkt(gpu_, f, terms, penalty, kkt);
}

template <class T>
void CudaBackend<T>::scale_by_ratio(Factor<T> f, const Terms<T>& terms, ScaledPenalty penalty, RatioForm form,
                                    KktSums* kkt) const {
  update_by_ratio(gpu_, f, terms, penalty, form, kkt);
}

template <class T>
void CudaBackend<T>::sum_columns(Factor<const T> f, T* sums) const {
  component_pairs<T, T>(gpu_, Pairs::sum_and_squares, f, sums, nullptr);
}

template <class T>
void CudaBackend<T>::multiply_small(const double* m, Factor<T> f) const {
  const Buffer<double> matrix(gpu_.memory(), static_cast<std::int64_t>(f.rank) * f.rank);
  gpu_.upload(matrix.data(), m, bytes_of<double>(matrix.size()));
  multiply_in_place(gpu_, matrix.data(), f);
}

template <class T>
void CudaBackend<T>::part_norms(Factor<const T> f, double* positive, double* negative) const {
  const Buffer<double> norms(gpu_.memory(), 2 * static_cast<std::int64_t>(f.rank));
  component_pairs(gpu_, Pairs::squares_by_sign, f, norms.data(), norms.data() + f.rank);
  gpu_.copy(positive, norms.data(), bytes_of<double>(f.rank));
  read(norms.data() + f.rank, bytes_of<double>(f.rank), negative);
}

template <class T>
void CudaBackend<T>::take_parts(Factor<const T> f, const double* scale, T threshold, T fill, bool random_fill,
                                std::uint64_t seed, core::Side side, Factor<T> out) const {
  const Buffer<double> scales(gpu_.memory(), f.rank);
  gpu_.upload(scales.data(), scale, bytes_of<double>(f.rank));
  take_nonnegative_parts(gpu_, f, scales.data(), threshold, fill, random_fill, seed, side, out);
}

template <class T>
void CudaBackend<T>::read(const void* source, std::int64_t bytes, void* host) const {
  gpu_.copy(host, source, bytes);
  gpu_.synchronize();
}

template <class T>
void CudaBackend<T>::repeat(std::unique_ptr<core::Recording>& recording, const std::function<void()>& calls) const {
  if (recording == nullptr) recording = std::make_unique<Graph>(gpu_.capture(calls));
  gpu_.launch(static_cast<const Graph&>(*recording).get());
}

template <class T>
void CudaBackend<T>::repeat_while(const int* go_on, const std::function<void()>& calls) const {
  if (!gpu_.is_capturing()) return core::Backend<T>::repeat_while(go_on, calls);
  gpu_.capture_while([&](cudaGraphConditionalHandle condition) { set_condition(gpu_, condition, go_on); }, calls);
}

template <class T>
void CudaBackend<T>::penalty(Factor<const T> f, ScaledPenalty penalty, double* out) const {
  penalty_sum(gpu_, f, penalty, out);
}

template <class T>
void CudaBackend<T>::advance(const core::StoppingRule& rule, core::CheckStep step, const core::Measured* measured,
                             int iterations, core::LoopState* state) const {
  advance_loop(gpu_, rule, step, measured, iterations, state);
}

template <class T>
void CudaBackend<T>::advance(const core::MomentumRule& rule, core::MomentumStep step, core::Measured* measured,
                             core::Momentum* state) const {
  advance_momentum(gpu_, rule, step, measured, state);
}

template <class T>
void CudaBackend<T>::extrapolate(Factor<T> point, Factor<T> iterate, const core::Momentum* momentum) const {
  extrapolate_factor(gpu_, point, iterate, momentum);
}

template <class T>
std::unique_ptr<core::Marker> CudaBackend<T>::mark() const {
  return std::make_unique<EventMarker>(gpu_);
}

template class CudaBackend<float>;
template class CudaBackend<double>;

}  // namespace orthant::cuda
