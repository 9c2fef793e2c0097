#include "host/core/alternate.hpp"
#include "host/core/border.hpp"
#include "host/core/initialize.hpp"
#include "host/core/range.hpp"
#include "orthant/factorize.hpp"

namespace orthant {

namespace core {

class PendingFit {
 public:
  virtual ~PendingFit() = default;
  virtual bool ready() const = 0;
  virtual Result get() const = 0;
};

namespace {

// All that a fit uses, kept until its end.
template <class T>
class Fit final : public PendingFit {
 public:
  Fit(const Matrix<T>& x, DenseView<T> w, DenseView<T> h, const Options& options)
      : x_(x),
        backend_(x.context().runtime()->backend(T{})),
        workspace_(backend_.memory()),
        w_(*x.context().runtime(), transposed(w)),
        h_(*x.context().runtime(), h),
        loop_(backend_, *x.data(), {w_.factor(), h_.factor()}, options, workspace_) {
    const bool given = options.initialization == Initialization::given;
    if (given || !options.update_w) w_.load();
    if (given || !options.update_h) h_.load();
    initialize(backend_, *x.data(), {w_.factor(), h_.factor()}, options, workspace_);
    loop_.enqueue();
    if (options.update_w) w_.store();
    if (options.update_h) h_.store();
    end_ = backend_.mark();
  }
  ~Fit() override { end_->wait(); }

  bool ready() const override { return end_->reached(); }
  Result get() const override { return loop_.collect(*end_); }

 private:
  Matrix<T> x_;
  const Backend<T>& backend_;
  Workspace workspace_;
  Border<T> w_, h_;
  Alternation<T> loop_;
  std::unique_ptr<Marker> end_;
};

}  // namespace
}  // namespace core

Pending::Pending(std::unique_ptr<core::PendingFit> fit) noexcept : fit_(std::move(fit)) {}
Pending::Pending(Pending&&) noexcept = default;
Pending& Pending::operator=(Pending&&) noexcept = default;
Pending::~Pending() = default;
bool Pending::ready() const { return fit_->ready(); }
Result Pending::get() const { return fit_->get(); }

template <class T>
Pending factorize_async(const Matrix<T>& x, DenseView<T> w, DenseView<T> h, const Options& options) {
  const core::Runtime& runtime = *x.context().runtime();
  core::check_factors<T>(x, w, h);
  core::check_options(options, x.data()->shape(), w.columns, runtime);
  core::check_loss(options.loss, *x.data());
  core::check_range(options, *x.data());
  const auto check_space = [&](const char* name, MemorySpace space) {
    if (space != runtime.memory_space()) {
      throw InvalidArgument(name, "host", "device: what is enqueued cannot wait for memory of the host");
    }
  };
  check_space("W.space", w.space);
  check_space("H.space", h.space);
  if (options.initialization != Initialization::given && options.initialization != Initialization::random) {
    throw InvalidArgument("options.initialization", "an nndsvd start",
                          "given or random for factorize_async(): the host takes part in an nndsvd start");
  }
  if (options.on_check) {
    throw InvalidArgument("options.on_check", "set", "none for factorize_async(), whose checks the host does not see");
  }
  return Pending(std::make_unique<core::Fit<T>>(x, w, h, options));
}

template Pending factorize_async(const Matrix<float>&, DenseView<float>, DenseView<float>, const Options&);
template Pending factorize_async(const Matrix<double>&, DenseView<double>, DenseView<double>, const Options&);

}  // namespace orthant
