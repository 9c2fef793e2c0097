#include "orthant/factorize.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "host/core/alternate.hpp"
#include "host/core/border.hpp"
#include "host/core/divergence_objective.hpp"
#include "host/core/initialize.hpp"
#include "host/core/randomized_svd.hpp"
#include "host/core/range.hpp"
#include "host/core/squared_objective.hpp"
#include "host/core/update_rule.hpp"
#include "host/core/validate.hpp"

namespace orthant {
namespace {

using core::text;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A start that nothing leaves, as it is 0 or its products fall to 0 in T, would look as if it had converged.
template <class T>
void check_start(const core::Backend<T>& backend, const core::Factors<T>& factors, const Options& options) {
  const core::Buffer<double> sums(backend.memory(), 2);
  backend.dot(factors.w, factors.w, sums.data());
  backend.dot(factors.h, factors.h, sums.data() + 1);
  double squares[2];
  backend.read(sums.data(), sizeof squares, squares);
  const auto is_lost = [](double product) { return product < std::numeric_limits<T>::min(); };
  const bool no_w = is_lost(squares[0]), no_h = is_lost(squares[1]);
  // Multiplicative updates divide by products of three, for frobenius, and leave no zero.
  const bool by_ratios = options.solver == Solver::multiplicative_update;
  const double smaller = std::min(squares[0], squares[1]) * std::sqrt(std::max(squares[0], squares[1]));
  const bool lost = by_ratios ? no_w || no_h || (options.loss == Loss::frobenius() && is_lost(smaller)) : no_w && no_h;
  if (!lost) return;
  throw InvalidArgument(by_ratios && no_w != no_h ? no_w ? "W" : "H" : "W and H", "all zeros, or next to them",
                        "a start that updates can leave, or another options.initialization");
}

// `constant`: what H starts from, in place of options.initialization.
template <class T>
Result fit(const Matrix<T>& x, DenseView<T> w, DenseView<T> h, const Options& options,
           std::optional<T> constant = std::nullopt, const core::DataMatrix<T>* held_out = nullptr) {
  const auto start = std::chrono::steady_clock::now();
  const core::Runtime& runtime = *x.context().runtime();
  const core::Backend<T>& backend = runtime.backend(T{});
  core::Workspace workspace(backend.memory());
  const core::Border<T> border_w(runtime, core::transposed(w)), border_h(runtime, h);
  const core::Factors<T> factors{border_w.factor(), border_h.factor()};
  const bool given = options.initialization == Initialization::given;
  // Markers, not the host's clock, which may be ahead of the backend; the loop need not wait for them.
  const std::unique_ptr<core::Marker> begun = backend.mark();
  if (given || !options.update_w) border_w.load();
  if (constant) {
    backend.fill(factors.h, *constant);
  } else if (given || !options.update_h) {
    border_h.load();
  }
  {
    core::Workspace of_start(backend.memory());  // wider than the loop's, and not needed in it
    core::initialize(backend, *x.data(), factors, options, of_start);
  }
  if (given && options.update_w && options.update_h && x.squared_norm() > 0) check_start(backend, factors, options);
  const std::unique_ptr<core::Marker> initialized = backend.mark();
  const auto store = [&] {
    if (options.update_w) border_w.store();
    if (options.update_h) border_h.store();
  };
  core::Alternation<T> alternation(backend, *x.data(), factors, options, workspace, held_out);
  Result result;
  try {
    result = alternation.run();
  } catch (...) {
    store();  // the iterations before are kept
    throw;
  }
  store();
  result.initialization_seconds = initialized->seconds_since(*begun);
  result.seconds = seconds_since(start);
  return result;
}

template <class T>
void check_fit(const Matrix<T>& x, DenseView<T> w, DenseView<T> h, const Options& options) {
  core::check_factors<T>(x, w, h);
  core::check_options(options, x.data()->shape(), w.columns, *x.context().runtime());
  core::check_loss(options.loss, *x.data());
  core::check_range(options, *x.data());
  const bool given = options.initialization == Initialization::given;
  const core::Backend<T>& backend = x.context().runtime()->backend(T{});
  if (given || !options.update_w) core::check_factor_values<T>("W", w, backend);
  if (given || !options.update_h) core::check_factor_values<T>("H", h, backend);
}

}  // namespace

template <class T>
Result factorize(const Matrix<T>& x, DenseView<T> w, DenseView<T> h, const Options& options) {
  check_fit(x, w, h, options);
  return fit(x, w, h, options);
}

template <class T>
Result factorize(const Matrix<T>& x, const Matrix<T>& held_out, DenseView<T> w, DenseView<T> h,
                 const Options& options) {
  check_fit(x, w, h, options);
  const MatrixShape shape = held_out.data()->shape();
  if (shape.rows != x.rows() || shape.columns != x.columns()) {
    throw InvalidArgument("held_out", text(shape.rows) + " x " + text(shape.columns),
                          "the shape of X, " + text(x.rows()) + " x " + text(x.columns()));
  }
  if (shape.complete()) throw InvalidArgument("held_out", "without missing entries", "those of X that are not fitted");
  if (held_out.context().runtime() != x.context().runtime()) {
    throw InvalidArgument("held_out", "on another Context", "the Context of X");
  }
  core::check_loss(options.loss, *held_out.data());
  return fit<T>(x, w, h, options, std::nullopt, held_out.data().get());
}

template <class T>
Result transform(const Matrix<T>& x, DenseView<const T> w, DenseView<T> h, const Options& options) {
  core::check_factors<T>(x, w, h);
  Options fixed_w = options;
  fixed_w.initialization = Initialization::given;
  fixed_w.update_w = false;
  fixed_w.update_h = true;
  core::check_options(fixed_w, x.data()->shape(), w.columns, *x.context().runtime());
  core::check_loss(options.loss, *x.data());
  core::check_range(options, *x.data());
  core::check_factor_values<T>("W", w, x.context().runtime()->backend(T{}));
  // Zero suits HALS and ANLS, the problem being convex; a multiplicative update could not leave it.
  const double mean = x.data()->statistics().mean();
  const T start = options.solver == Solver::multiplicative_update
                      ? static_cast<T>(std::sqrt(mean / static_cast<double>(w.columns)))
                      : T(0);
  return fit<T>(x, {const_cast<T*>(w.data), w.rows, w.columns, w.ld, w.layout, w.space}, h, fixed_w, start);
}

template <class T>
double loss(const Matrix<T>& x, DenseView<const T> w, DenseView<const T> h, Loss loss) {
  core::check_factors<T>(x, w, h);
  core::check_loss(loss, *x.data());
  const core::Runtime& runtime = *x.context().runtime();
  const core::Backend<T>& backend = runtime.backend(T{});
  core::Workspace workspace(backend.memory());
  const auto border = [&](DenseView<const T> v) {
    core::Border<T> b(runtime, {const_cast<T*>(v.data), v.rows, v.columns, v.ld, v.layout, v.space});
    b.load();
    return b;
  };
  const core::Border<T> border_w = border(core::transposed(w)), border_h = border(h);
  core::Buffer<double> out(backend.memory(), 1);
  if (core::is_squared(loss, x.data()->shape())) {
    x.data()->loss(border_w.factor(), border_h.factor(), out.data(), workspace);
  } else {
    x.data()->divergence(border_w.factor(), border_h.factor(), core::make_divergence(loss, *x.data()), out.data(),
                         workspace);
  }
  double value = 0;
  backend.read(out.data(), sizeof value, &value);
  return value;
}

// Bytes are counted in 63 bits: some 32 for an entry of X, 32 for one of the factors or of a Gram, by up to
// CpuConfig::kMostThreads threads.
void check_countable(const MatrixShape& shape, std::int64_t rank) {
  const auto m = static_cast<double>(shape.rows), n = static_cast<double>(shape.columns), k = static_cast<double>(rank);
  const bool sparse = shape.nonzeros >= 0;
  const std::string size = text(shape.rows) + " x " + text(shape.columns);
  if (!sparse && m * n > 0x1p57) throw InvalidArgument("shape", size, "at most 2^57 entries");
  if (static_cast<double>(shape.nonzeros) > 0x1p57) {
    throw InvalidArgument("shape.nonzeros", text(shape.nonzeros), "at most 2^57");
  }
  if (std::max(m, n) > std::numeric_limits<std::int32_t>::max() && sparse) {
    throw InvalidArgument("shape", size, "sides of at most 2147483647 for sparse X");
  }
  if ((m + n + k) * k > 0x1p47) {
    throw InvalidArgument("rank", text(rank), "at most 2^47 entries of W, H and a Gram together for X of " + size);
  }
}

template <class T>
MemoryPlan plan(const Context& context, const MatrixShape& shape, std::int64_t rank, const Options& options) {
  if (shape.rows < 1) throw InvalidArgument("shape.rows", text(shape.rows), "at least 1");
  if (shape.columns < 1) throw InvalidArgument("shape.columns", text(shape.columns), "at least 1");
  if (shape.nonzeros < -1) throw InvalidArgument("shape.nonzeros", text(shape.nonzeros), "-1 (dense), 0 or more");
  core::check_options(options, shape, rank, *context.runtime());
  core::check_matrix_options({.missing = shape.missing}, shape.nonzeros >= 0, shape.weighted);
  check_countable(shape, rank);
  const core::Runtime& runtime = *context.runtime();
  const int k = static_cast<int>(rank), size = sizeof(T);
  MemoryPlan plan;
  plan.matrix = runtime.matrix_bytes(shape, size);
  const bool one_sided = !options.update_w || !options.update_h;
  const core::Side fixed = options.update_w ? core::Side::h : core::Side::w;
  const bool squared = core::is_squared(options.loss, shape);
  const core::Divergence divergence{options.loss.beta, 0, shape.complete()};
  const std::int64_t loop =
      core::alternate_bytes(shape, k, size, options) +
      core::update_scratch(runtime.backend(T{}), options, shape, k) * static_cast<std::int64_t>(sizeof(double)) +
      (squared ? runtime.loss_bytes(shape, k) +
                     (one_sided ? runtime.product_bytes(shape, fixed == core::Side::w, fixed == core::Side::h, k, size)
                      : core::visits_by_products(options, shape) ? runtime.product_bytes(shape, true, true, k, size)
                                                                 : runtime.pass_bytes(shape, k, size))
       : options.solver == Solver::hals
           ? runtime.coordinate_descent_bytes(shape, divergence, options.update_w, options.update_h, k, size)
       : one_sided ? runtime.divergence_terms_bytes(shape, other(fixed), divergence, k, size)
                   : runtime.divergence_pass_bytes(shape, divergence, k, size));
  std::int64_t start = core::initialize_bytes(shape, k, size, options);
  if (start > 0) start += runtime.product_bytes(shape, true, true, core::sketch_rank(shape, k), size);
  plan.workspace = std::max(start, loop);
  return plan;
}

#define ORTHANT_INSTANTIATE(T)                                                                               \
  template Result factorize(const Matrix<T>&, const Matrix<T>&, DenseView<T>, DenseView<T>, const Options&); \
  template Result factorize(const Matrix<T>&, DenseView<T>, DenseView<T>, const Options&);                   \
  template Result transform(const Matrix<T>&, DenseView<const T>, DenseView<T>, const Options&);             \
  template double loss(const Matrix<T>&, DenseView<const T>, DenseView<const T>, Loss);                      \
  template MemoryPlan plan<T>(const Context&, const MatrixShape&, std::int64_t, const Options&);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant
