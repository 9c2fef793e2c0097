#pragma once

#include <vector>

#include "host/core/backend.hpp"
#include "host/core/data_matrix.hpp"
#include "host/core/update_rule.hpp"

/// A backend whose memory is a device's, for tests whose numbers are in host memory: what a call takes is copied there
/// with all that lies between the columns, and what it leaves is copied back.
namespace orthant::test {

/// Bytes of the host, on the device while this lives.
template <class T>
class Staging {
 public:
  explicit Staging(const core::Backend<T>& backend) : backend_(backend) {}

  /// A copy of `size` values; written back at the end if T is not const.
  template <class U>
  U* stage(U* host, std::int64_t size) {
    using Value = std::remove_const_t<U>;
    static_assert(sizeof(Value) % sizeof(T) == 0);
    if (host == nullptr) return nullptr;
    const std::int64_t values = size * static_cast<std::int64_t>(sizeof(Value) / sizeof(T));
    core::Buffer<T> copy(backend_.memory(), values);
    auto* source = reinterpret_cast<T*>(const_cast<Value*>(host));
    backend_.copy_in({source, values, 1, values, Layout::column_major, MemorySpace::host},
                     {copy.data(), static_cast<int>(values), 1, values});
    if constexpr (!std::is_const_v<U>) targets_.push_back({copies_.size(), source});
    copies_.push_back(std::move(copy));
    return reinterpret_cast<U*>(copies_.back().data());
  }
  template <class U>
  core::Factor<U> stage(core::Factor<U> f) {
    return {stage(f.data, (f.count - 1) * f.ld + f.rank), f.rank, f.count, f.ld};
  }
  template <class U>
  core::Gram<U> stage(core::Gram<U> g) {
    return {stage(g.data, static_cast<std::int64_t>(g.rank) * g.rank), g.rank};
  }
  core::Terms<T> stage(const core::Terms<T>& terms) {
    return {stage(terms.gram), stage(terms.numerator), stage(terms.denominator)};
  }

  void write_back() {
    for (const auto& [copy, target] : targets_) {
      backend_.read(copies_[copy].data(), static_cast<std::int64_t>(copies_[copy].bytes()), target);
    }
  }

 private:
  struct Target {
    std::size_t copy;
    T* host;
  };
  const core::Backend<T>& backend_;
  std::vector<core::Buffer<T>> copies_;
  std::vector<Target> targets_;
};

template <class T>
class StagedBackend final : public core::Backend<T> {
 public:
  explicit StagedBackend(const core::Backend<T>& backend) : backend_(backend) {}

  MemoryResource& memory() const override { return backend_.memory(); }
  void copy_in(DenseView<const T> view, core::Factor<T> f) const override {
    call([&](auto& s) { backend_.copy_in(view, s.stage(f)); });
  }
  void copy_out(core::Factor<const T> f, DenseView<T> view) const override {
    call([&](auto& s) { backend_.copy_out(s.stage(f), view); });
  }
  void fill(core::Factor<T> f, T value) const override {
    call([&](auto& s) { backend_.fill(s.stage(f), value); });
  }
  void clear(void* data, std::int64_t bytes) const override {
    call([&](auto& s) { backend_.clear(s.stage(static_cast<T*>(data), bytes / sizeof(T)), bytes); });
  }
  std::optional<core::BadEntry> find_invalid(DenseView<const T> view) const override {
    return backend_.find_invalid(view);
  }
  void fill_uniform(core::Factor<T> f, std::uint64_t seed, core::Side side, T scale) const override {
    call([&](auto& s) { backend_.fill_uniform(s.stage(f), seed, side, scale); });
  }
  void gram(core::Factor<const T> f, core::Gram<T> g) const override {
    call([&](auto& s) { backend_.gram(s.stage(f), s.stage(g)); });
  }
  void dot(core::Factor<const T> a, core::Factor<const T> b, double* out) const override {
    call([&](auto& s) { backend_.dot(s.stage(a), s.stage(b), s.stage(out, 1)); });
  }
  void component_sums(core::Factor<const T> f, double* sums, double* squares) const override {
    call([&](auto& s) { backend_.component_sums(s.stage(f), s.stage(sums, f.rank), s.stage(squares, f.rank)); });
  }
  void hals(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, int sweeps,
            core::KktSums* kkt) const override {
    call([&](auto& s) { backend_.hals(s.stage(f), s.stage(terms), penalty, sweeps, s.stage(kkt, 1)); });
  }
  void multiplicative(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,
                      core::KktSums* kkt) const override {
    call([&](auto& s) { backend_.multiplicative(s.stage(f), s.stage(terms), penalty, s.stage(kkt, 1)); });
  }
  void nnls(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, core::KktSums* kkt,
            NnlsResult* result, double*) const override {
    const core::Buffer<double> scratch(backend_.memory(), backend_.nnls_scratch(f.rank, f.count));
    call([&](auto& s) {
      backend_.nnls(s.stage(f), s.stage(terms), penalty, s.stage(kkt, 1), s.stage(result, 1), scratch.data());
    });
  }
  void kkt(core::Factor<const T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,
           core::KktSums* kkt) const override {
    call([&](auto& s) { backend_.kkt(s.stage(f), s.stage(terms), penalty, s.stage(kkt, 1)); });
  }
  void scale_by_ratio(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, core::RatioForm form,
                      core::KktSums* kkt) const override {
    call([&](auto& s) { backend_.scale_by_ratio(s.stage(f), s.stage(terms), penalty, form, s.stage(kkt, 1)); });
  }
  void sum_columns(core::Factor<const T> f, T* sums) const override {
    call([&](auto& s) { backend_.sum_columns(s.stage(f), s.stage(sums, f.rank)); });
  }
  void multiply_small(const double* m, core::Factor<T> f) const override {
    call([&](auto& s) { backend_.multiply_small(m, s.stage(f)); });
  }
  void part_norms(core::Factor<const T> f, double* positive, double* negative) const override {
    call([&](auto& s) { backend_.part_norms(s.stage(f), positive, negative); });
  }
  void take_parts(core::Factor<const T> f, const double* scale, T threshold, T fill, bool random_fill,
                  std::uint64_t seed, core::Side side, core::Factor<T> out) const override {
    call([&](auto& s) {
      backend_.take_parts(s.stage(f), scale, threshold, fill, random_fill, seed, side, s.stage(out));
    });
  }
  void penalty(core::Factor<const T> f, core::ScaledPenalty penalty, double* out) const override {
    call([&](auto& s) { backend_.penalty(s.stage(f), penalty, s.stage(out, 1)); });
  }
  void advance(const core::StoppingRule& rule, core::CheckStep step, const core::Measured* measured, int iterations,
               core::LoopState* state) const override {
    Staging<T> s(backend_);
    backend_.advance(rule, step, s.stage(measured, 1), iterations, s.stage(state, 1));
    s.write_back();
  }
  void advance(const core::MomentumRule& rule, core::MomentumStep step, core::Measured* measured,
               core::Momentum* state) const override {
    call([&](auto& s) { backend_.advance(rule, step, s.stage(measured, 1), s.stage(state, 1)); });
  }
  void extrapolate(core::Factor<T> point, core::Factor<T> iterate, const core::Momentum* momentum) const override {
    call([&](auto& s) { backend_.extrapolate(s.stage(point), s.stage(iterate), s.stage(momentum, 1)); });
  }
  void read(const void* source, std::int64_t bytes, void* host) const override { backend_.read(source, bytes, host); }
  std::unique_ptr<core::Marker> mark() const override { return backend_.mark(); }

 private:
  template <class Call>
  void call(Call&& make) const {
    Staging<T> staging(backend_);
    make(staging);
    staging.write_back();
  }

  const core::Backend<T>& backend_;
};

/// The same for X on a device. Update rules that pass() is given are made on the device's backend.
template <class T>
class StagedMatrix final : public core::DataMatrix<T> {
 public:
  StagedMatrix(const core::Backend<T>& backend, const core::DataMatrix<T>& x) : backend_(backend), x_(x) {}

  MatrixShape shape() const override { return x_.shape(); }
  core::MatrixStatistics statistics() const override { return x_.statistics(); }
  std::int64_t bytes() const override { return x_.bytes(); }
  void product(core::Side side, core::Factor<const T> f, core::Factor<T> r, core::Workspace& workspace) const override {
    Staging<T> s(backend_);
    x_.product(side, s.stage(f), s.stage(r), workspace);
    s.write_back();
  }
  void loss(core::Factor<const T> w, core::Factor<const T> h, double* out, core::Workspace& workspace) const override {
    Staging<T> s(backend_);
    x_.loss(s.stage(w), s.stage(h), s.stage(out, 1), workspace);
    s.write_back();
  }
  void pass(core::Side side, core::Factor<T> local, core::Factor<const T> fixed, core::Gram<const T> fixed_gram,
            const core::UpdateRule<T>& rule, core::Factor<T> r, core::KktSums* kkt,
            core::Workspace& workspace) const override {
    Staging<T> s(backend_);
    x_.pass(side, s.stage(local), s.stage(fixed), s.stage(fixed_gram), rule, s.stage(r), s.stage(kkt, 1), workspace);
    s.write_back();
  }
  std::optional<core::BadEntry> find_zero() const override { return x_.find_zero(); }
  void divergence_terms(core::Side side, core::Factor<const T> w, core::Factor<const T> h,
                        const core::Divergence& divergence, core::Factor<T> numerator, core::Factor<T> denominator,
                        core::Workspace& workspace) const override {
    Staging<T> s(backend_);
    x_.divergence_terms(side, s.stage(w), s.stage(h), divergence, s.stage(numerator), s.stage(denominator), workspace);
    s.write_back();
  }
  void divergence_pass(core::Side side, core::Factor<T> local, core::Factor<const T> fixed,
                       const core::Divergence& divergence, core::Factor<const T> known_denominator,
                       const core::UpdateRule<T>& rule, core::Factor<T> numerator, core::Factor<T> denominator,
                       core::KktSums* kkt, core::Workspace& workspace) const override {
    Staging<T> s(backend_);
    x_.divergence_pass(side, s.stage(local), s.stage(fixed), divergence, s.stage(known_denominator), rule,
                       s.stage(numerator), s.stage(denominator), s.stage(kkt, 1), workspace);
    s.write_back();
  }
  void coordinate_descent(core::Side side, core::Factor<T> f, core::Factor<const T> fixed,
                          const core::Divergence& divergence, const T* fixed_sums, core::ScaledPenalty penalty,
                          int sweeps, core::Workspace& workspace) const override {
    Staging<T> s(backend_);
    x_.coordinate_descent(side, s.stage(f), s.stage(fixed), divergence, s.stage(fixed_sums, f.rank), penalty, sweeps,
                          workspace);
    s.write_back();
  }
  void divergence(core::Factor<const T> w, core::Factor<const T> h, const core::Divergence& divergence, double* out,
                  core::Workspace& workspace) const override {
    Staging<T> s(backend_);
    x_.divergence(s.stage(w), s.stage(h), divergence, s.stage(out, 1), workspace);
    s.write_back();
  }

 private:
  const core::Backend<T>& backend_;
  const core::DataMatrix<T>& x_;
};

}  // namespace orthant::test
