#include "host/core/update_rule.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace orthant::core {
namespace {

// More took longer to a loss, in the mean of the data tried (bench/NOTES.md, "How many sweeps"): they solve exactly for
// a partner that is still far off. Multiplicative updates do less each.
constexpr double kMostSweeps = 8, kMostUpdates = 32;

template <class T>
class Hals final : public UpdateRule<T> {
 public:
  Hals(const Backend<T>& backend, ScaledPenalty penalty, int sweeps)
      : backend_(backend), penalty_(penalty), sweeps_(sweeps) {}
  void apply(Factor<T> f, const Terms<T>& terms, KktSums* kkt) const override {
    backend_.hals(f, terms, penalty_, sweeps_, kkt);
  }

 private:
  const Backend<T>& backend_;
  ScaledPenalty penalty_;
  int sweeps_;
};

template <class T>
class MultiplicativeUpdate final : public UpdateRule<T> {
 public:
  MultiplicativeUpdate(const Backend<T>& backend, ScaledPenalty penalty, int updates)
      : backend_(backend), penalty_(penalty), updates_(updates) {}
  void apply(Factor<T> f, const Terms<T>& terms, KktSums* kkt) const override {
    for (int i = 0; i < updates_; ++i) backend_.multiplicative(f, terms, penalty_, i == 0 ? kkt : nullptr);
  }

 private:
  const Backend<T>& backend_;
  ScaledPenalty penalty_;
  int updates_;
};

template <class T>
class Anls final : public UpdateRule<T> {
 public:
  Anls(const Backend<T>& backend, ScaledPenalty penalty, double* scratch)
      : backend_(backend), penalty_(penalty), scratch_(scratch) {}
  void apply(Factor<T> f, const Terms<T>& terms, KktSums* kkt) const override {
    backend_.nnls(f, terms, penalty_, kkt, nullptr, scratch_);
  }

 private:
  const Backend<T>& backend_;
  ScaledPenalty penalty_;
  double* scratch_;
};

template <class T>
class KktProbe final : public UpdateRule<T> {
 public:
  KktProbe(const Backend<T>& backend, ScaledPenalty penalty) : backend_(backend), penalty_(penalty) {}
  void apply(Factor<T> f, const Terms<T>& terms, KktSums* kkt) const override { backend_.kkt(f, terms, penalty_, kkt); }

 private:
  const Backend<T>& backend_;
  ScaledPenalty penalty_;
};

template <class T>
class RatioUpdate final : public UpdateRule<T> {
 public:
  RatioUpdate(const Backend<T>& backend, ScaledPenalty penalty, RatioForm form)
      : backend_(backend), penalty_(penalty), form_(form) {}
  void apply(Factor<T> f, const Terms<T>& terms, KktSums* kkt) const override {
    backend_.scale_by_ratio(f, terms, penalty_, form_, kkt);
  }

 private:
  const Backend<T>& backend_;
  ScaledPenalty penalty_;
  RatioForm form_;
};

}  // namespace

int sweeps_of(Side side, const Options& options, const MatrixShape& shape, int rank) {
  if (options.sweeps > 0) return options.sweeps;
  if (options.loss != Loss::frobenius() || !shape.complete() || options.solver == Solver::anls) return 1;
  const auto m = static_cast<double>(shape.rows), n = static_cast<double>(shape.columns);
  const double entries = shape.nonzeros < 0 ? m * n : static_cast<double>(shape.nonzeros);
  const double own = side == Side::w ? m : n, fixed = side == Side::w ? n : m;
  const double visit = entries + rank * fixed, update = rank * (own + 1);
  const auto [share, most] =
      options.solver == Solver::hals ? std::pair(0.5, kMostSweeps) : std::pair(2.0, kMostUpdates);
  return static_cast<int>(std::min(most, std::floor(1 + share * visit / update)));
}

template <class T>
std::int64_t update_scratch(const Backend<T>& backend, const Options& options, const MatrixShape& shape, int rank) {
  if (options.solver != Solver::anls) return 0;
  return std::max(options.update_w ? backend.nnls_scratch(rank, shape.rows) : 0,
                  options.update_h ? backend.nnls_scratch(rank, shape.columns) : 0);
}

template <class T>
std::unique_ptr<UpdateRule<T>> make_update_rule(const Backend<T>& backend, const Options& options,
                                                ScaledPenalty penalty, double* scratch) {
  if (options.solver == Solver::hals) return std::make_unique<Hals<T>>(backend, penalty, options.sweeps);
  if (options.solver == Solver::anls) return std::make_unique<Anls<T>>(backend, penalty, scratch);
  return std::make_unique<MultiplicativeUpdate<T>>(backend, penalty, options.sweeps);
}

template <class T>
std::unique_ptr<UpdateRule<T>> make_kkt_probe(const Backend<T>& backend, ScaledPenalty penalty) {
  return std::make_unique<KktProbe<T>>(backend, penalty);
}

template <class T>
std::unique_ptr<UpdateRule<T>> make_ratio_update(const Backend<T>& backend, ScaledPenalty penalty, RatioForm form) {
  return std::make_unique<RatioUpdate<T>>(backend, penalty, form);
}

template std::int64_t update_scratch(const Backend<float>&, const Options&, const MatrixShape&, int);
template std::int64_t update_scratch(const Backend<double>&, const Options&, const MatrixShape&, int);
template std::unique_ptr<UpdateRule<float>> make_update_rule(const Backend<float>&, const Options&, ScaledPenalty,
                                                             double*);
template std::unique_ptr<UpdateRule<double>> make_update_rule(const Backend<double>&, const Options&, ScaledPenalty,
                                                              double*);
template std::unique_ptr<UpdateRule<float>> make_kkt_probe(const Backend<float>&, ScaledPenalty);
template std::unique_ptr<UpdateRule<double>> make_kkt_probe(const Backend<double>&, ScaledPenalty);
template std::unique_ptr<UpdateRule<float>> make_ratio_update(const Backend<float>&, ScaledPenalty, RatioForm);
template std::unique_ptr<UpdateRule<double>> make_ratio_update(const Backend<double>&, ScaledPenalty, RatioForm);

}  // namespace orthant::core
