#include "host/core/update_rule.hpp"

namespace orthant::core {
namespace {

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
  MultiplicativeUpdate(const Backend<T>& backend, ScaledPenalty penalty) : backend_(backend), penalty_(penalty) {}
  void apply(Factor<T> f, const Terms<T>& terms, KktSums* kkt) const override {
    backend_.multiplicative(f, terms, penalty_, kkt);
  }

 private:
  const Backend<T>& backend_;
  ScaledPenalty penalty_;
};

template <class T>
class Anls final : public UpdateRule<T> {
 public:
  Anls(const Backend<T>& backend, ScaledPenalty penalty) : backend_(backend), penalty_(penalty) {}
  void apply(Factor<T> f, const Terms<T>& terms, KktSums* kkt) const override {
    backend_.nnls(f, terms, penalty_, kkt, nullptr);
  }

 private:
  const Backend<T>& backend_;
  ScaledPenalty penalty_;
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
  RatioUpdate(const Backend<T>& backend, ScaledPenalty penalty, double exponent)
      : backend_(backend), penalty_(penalty), exponent_(exponent) {}
  void apply(Factor<T> f, const Terms<T>& terms, KktSums* kkt) const override {
    backend_.scale_by_ratio(f, terms, penalty_, exponent_, kkt);
  }

 private:
  const Backend<T>& backend_;
  ScaledPenalty penalty_;
  double exponent_;
};

}  // namespace

template <class T>
std::unique_ptr<UpdateRule<T>> make_update_rule(const Backend<T>& backend, const Options& options,
                                                ScaledPenalty penalty) {
  if (options.solver == Solver::hals) return std::make_unique<Hals<T>>(backend, penalty, options.sweeps);
  if (options.solver == Solver::anls) return std::make_unique<Anls<T>>(backend, penalty);
  return std::make_unique<MultiplicativeUpdate<T>>(backend, penalty);
}

template <class T>
std::unique_ptr<UpdateRule<T>> make_kkt_probe(const Backend<T>& backend, ScaledPenalty penalty) {
  return std::make_unique<KktProbe<T>>(backend, penalty);
}

template <class T>
std::unique_ptr<UpdateRule<T>> make_ratio_update(const Backend<T>& backend, ScaledPenalty penalty, double exponent) {
  return std::make_unique<RatioUpdate<T>>(backend, penalty, exponent);
}

template std::unique_ptr<UpdateRule<float>> make_update_rule(const Backend<float>&, const Options&, ScaledPenalty);
template std::unique_ptr<UpdateRule<double>> make_update_rule(const Backend<double>&, const Options&, ScaledPenalty);
template std::unique_ptr<UpdateRule<float>> make_kkt_probe(const Backend<float>&, ScaledPenalty);
template std::unique_ptr<UpdateRule<double>> make_kkt_probe(const Backend<double>&, ScaledPenalty);
template std::unique_ptr<UpdateRule<float>> make_ratio_update(const Backend<float>&, ScaledPenalty, double);
template std::unique_ptr<UpdateRule<double>> make_ratio_update(const Backend<double>&, ScaledPenalty, double);

}  // namespace orthant::core
