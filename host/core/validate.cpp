#include "host/core/validate.hpp"

#include <cmath>
#include <cstdio>
#include <limits>

namespace orthant::core {

std::string text(double value) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.9g", value);
  return buffer;
}
std::string text(std::int64_t value) { return std::to_string(value); }

template <class T>
void check_view(const std::string& name, DenseView<const T> view, MemorySpace space) {
  if (view.space != space) {
    throw InvalidArgument(name + ".space", view.space == MemorySpace::host ? "host" : "device",
                          space == MemorySpace::host ? "host memory for a CPU Context" : "device memory");
  }
  if (view.rows < 1) throw InvalidArgument(name + ".rows", text(view.rows), "at least 1");
  if (view.columns < 1) throw InvalidArgument(name + ".columns", text(view.columns), "at least 1");
  if (view.data == nullptr) throw InvalidArgument(name + ".data", "null", "memory of the matrix");
  const std::int64_t least = view.layout == Layout::row_major ? view.columns : view.rows;
  if (view.ld < least) throw InvalidArgument(name + ".ld", text(view.ld), "at least " + text(least));
}

template <class T>
void check_factor_values(const std::string& name, DenseView<const T> view) {
  const bool rows = view.layout == Layout::row_major;
  const std::int64_t outer = rows ? view.rows : view.columns, inner = rows ? view.columns : view.rows;
  for (std::int64_t a = 0; a < outer; ++a) {
    for (std::int64_t b = 0; b < inner; ++b) {
      const T v = view.data[a * view.ld + b];
      if (!(v >= 0 && v <= std::numeric_limits<T>::max())) {
        throw InvalidArgument(name + "(" + text(rows ? a : b) + ", " + text(rows ? b : a) + ")",
                              text(static_cast<double>(v)), "a finite number that is not negative");
      }
    }
  }
}

namespace {

void check_weight(const std::string& name, double value) {
  if (!(value >= 0) || !std::isfinite(value)) {
    throw InvalidArgument("options." + name, text(value), "a finite number that is not negative");
  }
}

void check_at_least(const std::string& name, int value, int least) {
  if (value < least)
    throw InvalidArgument("options." + name, std::to_string(value), "at least " + std::to_string(least));
}

}  // namespace

void check_options(const Options& options, const MatrixShape& shape, std::int64_t rank) {
  if (rank < 1 || rank > std::numeric_limits<int>::max()) {
    throw InvalidArgument("rank", text(rank), "1 to 2147483647");
  }
  check_weight("w_penalty.l1", options.w_penalty.l1);
  check_weight("w_penalty.l2", options.w_penalty.l2);
  check_weight("h_penalty.l1", options.h_penalty.l1);
  check_weight("h_penalty.l2", options.h_penalty.l2);
  check_weight("tolerance", options.tolerance);
  check_at_least("sweeps", options.sweeps, 1);
  check_at_least("max_iterations", options.max_iterations, 0);
  check_at_least("check_every", options.check_every, 1);
  const Initialization start = options.initialization;
  if (start == Initialization::given || start == Initialization::random) return;
  if (rank > std::min(shape.rows, shape.columns)) {
    throw InvalidArgument("rank", text(rank),
                          "at most " + text(std::min(shape.rows, shape.columns)) +
                              " (the smaller side of X) for an nndsvd start; Initialization::random takes any rank");
  }
  if (start == Initialization::nndsvd && options.solver == Solver::multiplicative_update) {
    throw InvalidArgument("options.initialization", "nndsvd",
                          "nndsvda, nndsvdar or random with multiplicative_update, which can never leave the exact "
                          "zeros of an nndsvd start");
  }
}

#define ORTHANT_CHECK_VIEW(T) template void check_view(const std::string&, DenseView<const T>, MemorySpace);
ORTHANT_CHECK_VIEW(float)
ORTHANT_CHECK_VIEW(double)
ORTHANT_CHECK_VIEW(std::int8_t)
ORTHANT_CHECK_VIEW(std::int16_t)
ORTHANT_CHECK_VIEW(std::int32_t)
ORTHANT_CHECK_VIEW(std::int64_t)
ORTHANT_CHECK_VIEW(std::uint8_t)
ORTHANT_CHECK_VIEW(std::uint16_t)
ORTHANT_CHECK_VIEW(std::uint32_t)
ORTHANT_CHECK_VIEW(std::uint64_t)
template void check_factor_values(const std::string&, DenseView<const float>);
template void check_factor_values(const std::string&, DenseView<const double>);

}  // namespace orthant::core
