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
void check_view(const std::string& name, DenseView<const T> view, const Runtime& runtime) {
  if (view.rows < 1) throw InvalidArgument(name + ".rows", text(view.rows), "at least 1");
  if (view.columns < 1) throw InvalidArgument(name + ".columns", text(view.columns), "at least 1");
  if (view.data == nullptr) throw InvalidArgument(name + ".data", "null", "memory of the matrix");
  const std::int64_t least = view.layout == Layout::row_major ? view.columns : view.rows;
  if (view.ld < least) throw InvalidArgument(name + ".ld", text(view.ld), "at least " + text(least));
  const std::int64_t lines = view.layout == Layout::row_major ? view.rows : view.columns;
  const auto size = static_cast<std::int64_t>(sizeof(T));
  runtime.check_memory(name, view.data, ((lines - 1) * view.ld + least) * size, view.space);
}

template <class T>
std::optional<BadEntry> find_invalid_on_host(DenseView<const T> view) {
  const bool rows = view.layout == Layout::row_major;
  const std::int64_t outer = rows ? view.rows : view.columns, inner = rows ? view.columns : view.rows;
  for (std::int64_t a = 0; a < outer; ++a) {
    for (std::int64_t b = 0; b < inner; ++b) {
      const T v = view.data[a * view.ld + b];
      if (!(v >= 0 && v <= std::numeric_limits<T>::max())) {
        return BadEntry{rows ? a : b, rows ? b : a, static_cast<double>(v)};
      }
    }
  }
  return {};
}

template <class T>
void check_factor_values(const std::string& name, DenseView<const T> view, const Backend<T>& backend) {
  if (const auto bad = backend.find_invalid(view)) {
    throw InvalidArgument(name + "(" + text(bad->row) + ", " + text(bad->column) + ")", text(bad->value),
                          "a finite number that is not negative");
  }
}

namespace {

// Its space, and that there is memory unless nothing is in it; `expected`: what should be.
template <class U>
void check_array(const std::string& name, const U* data, std::int64_t size, const char* expected, MemorySpace space,
                 const Runtime& runtime) {
  if (size == 0) return;
  if (data == nullptr) throw InvalidArgument(name, "null", expected);
  runtime.check_memory(name, data, size * static_cast<std::int64_t>(sizeof(U)), space);
}

template <class T, class Index>
void check_rows(const CsrView<T, Index>& x, const Runtime& runtime) {
  check_array("X.row_offsets", x.row_offsets, x.rows + 1, "rows + 1 offsets", x.space, runtime);
}

template <class T, class Index>
void check_rows(const CooView<T, Index>& x, const Runtime& runtime) {
  check_array("X.row_indices", x.row_indices, x.nonzeros, "the indices", x.space, runtime);
}

}  // namespace

template <class T>
void check_sparse(const AnySparseView<T>& any, const Runtime& runtime) {
  std::visit(
      [&](const auto& x) {
        const std::int64_t most = std::numeric_limits<std::int32_t>::max();
        if (x.rows < 1) throw InvalidArgument("X.rows", text(x.rows), "at least 1");
        if (x.columns < 1) throw InvalidArgument("X.columns", text(x.columns), "at least 1");
        if (x.rows > most) throw InvalidArgument("X.rows", text(x.rows), "at most " + text(most) + " for sparse X");
        if (x.columns > most) {
          throw InvalidArgument("X.columns", text(x.columns), "at most " + text(most) + " for sparse X");
        }
        if (x.nonzeros < 0) throw InvalidArgument("X.nonzeros", text(x.nonzeros), "0 or more");
        check_rows(x, runtime);
        check_array("X.column_indices", x.column_indices, x.nonzeros, "the indices", x.space, runtime);
        check_array("X.values", x.values, x.nonzeros, "the values", x.space, runtime);
      },
      any);
}

void refuse_offset(std::int64_t i, std::int64_t offset, std::int64_t before, std::int64_t nonzeros) {
  const std::string name = "X.row_offsets[" + text(i) + "]";
  if (i == 0) throw InvalidArgument(name, text(offset), "0");
  if (offset < before) throw InvalidArgument(name, text(offset), "at least the one before, " + text(before));
  throw InvalidArgument(name, text(offset), "the number of nonzeros, " + text(nonzeros));
}

void refuse_entry(std::int64_t columns, std::int64_t row, std::int64_t p, std::int64_t column, double value) {
  if (column < 0 || column >= columns) {
    throw InvalidArgument("X.column_indices[" + text(p) + "] (row " + text(row) + ")", text(column),
                          "0 to " + text(columns - 1));
  }
  throw InvalidArgument("X(" + text(row) + ", " + text(column) + ")", text(value),
                        "a finite number that is not negative");
}

void refuse_entry_at(std::int64_t rows, std::int64_t columns, std::int64_t p, std::int64_t row, std::int64_t column,
                     double value, double weight) {
  if (row < 0 || row >= rows) {
    throw InvalidArgument("X.row_indices[" + text(p) + "]", text(row), "0 to " + text(rows - 1));
  }
  if (column >= 0 && column < columns && !(weight >= 0 && std::isfinite(weight))) refuse_weight(row, column, weight);
  refuse_entry(columns, row, p, column, value);
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

// Of an enumeration that begins with 0.
template <class Enumeration>
void check_known(const std::string& name, Enumeration value, Enumeration last) {
  const int number = static_cast<int>(value);
  if (number < 0 || number > static_cast<int>(last)) {
    throw InvalidArgument("options." + name, std::to_string(number), "one of its enumerators");
  }
}

void check_loss(Loss loss, const MatrixShape& shape) {
  if (!std::isfinite(loss.beta)) throw InvalidArgument("options.loss.beta", text(loss.beta), "a finite number");
  for (double limit : {0.0, 1.0}) {
    constexpr double kNear = 1e-6;
    if (loss.beta == limit || std::abs(loss.beta - limit) >= kNear) continue;
    char given[40];
    std::snprintf(given, sizeof given, "%.17g", loss.beta);
    throw InvalidArgument("options.loss.beta", given,
                          text(limit) + " itself, or " + text(kNear) +
                              " or more from it: between them the loss, a quotient by beta (beta - 1), is rounding");
  }
  if (shape.nonzeros >= 0 && shape.complete() && loss.beta != 2 && loss.beta != 1) {
    throw InvalidArgument(
        "options.loss.beta", text(loss.beta),
        "2 (frobenius) or 1 (kullback_leibler) for sparse X: other sums over the entries that are not stored have no "
        "closed form; dense X, and sparse X whose other entries are missing, take any beta");
  }
}

}  // namespace

template <class T>
void check_loss(Loss loss, const DataMatrix<T>& x) {
  check_loss(loss, x.shape());
  if (loss.beta > 0) return;
  if (const std::optional<BadEntry> zero = x.find_zero()) {
    throw InvalidArgument("X(" + text(zero->row) + ", " + text(zero->column) + ")", "0",
                          "positive entries only for beta = " + text(loss.beta) +
                              ", whose loss is infinite at a zero; with beta > 0 zeros are allowed");
  }
}

void refuse_storage(Storage storage, const std::string& context) {
  constexpr const char* kNames[] = {"element_type", "uint8", "fp16", "bf16"};
  throw InvalidArgument("MatrixOptions::storage", kNames[static_cast<int>(storage)], "element_type for " + context);
}

void check_matrix_options(const MatrixOptions& options, bool sparse, bool weighted) {
  if (sparse && options.storage != Storage::element_type) refuse_storage(options.storage, "sparse X");
  if (sparse && options.missing == Missing::nan) {
    throw InvalidArgument("MatrixOptions::missing", "nan", "none or zeros for sparse X");
  }
  if (sparse && weighted && options.missing != Missing::zeros) {
    throw InvalidArgument("MatrixOptions::missing", "none",
                          "zeros for sparse X with weights, which only stored entries have");
  }
  if (options.missing == Missing::nan && options.storage != Storage::element_type) {
    refuse_storage(options.storage, "X with NaN for missing entries");
  }
}

template <class T>
void check_weights(DenseView<const T> x, DenseView<const T> weights, const Runtime& runtime) {
  check_view("weights", weights, runtime);
  if (weights.rows != x.rows) {
    throw InvalidArgument("weights.rows", text(weights.rows), "those of X, " + text(x.rows));
  }
  if (weights.columns != x.columns) {
    throw InvalidArgument("weights.columns", text(weights.columns), "those of X, " + text(x.columns));
  }
  if (weights.layout != x.layout) throw InvalidArgument("weights.layout", "another", "the layout of X");
  if (weights.space != x.space) throw InvalidArgument("weights.space", "another", "the memory space of X");
}

void refuse_value(std::int64_t row, std::int64_t column, double value) {
  throw InvalidArgument("X(" + text(row) + ", " + text(column) + ")", text(value),
                        std::isnan(value) ? "a finite number that is not negative, or MatrixOptions::missing = nan"
                                          : "a finite number that is not negative");
}

void refuse_weight(std::int64_t row, std::int64_t column, double value) {
  throw InvalidArgument("weights(" + text(row) + ", " + text(column) + ")", text(value),
                        "a finite number that is not negative");
}

void refuse_repeated(std::int64_t row, std::int64_t column) {
  throw InvalidArgument("X(" + text(row) + ", " + text(column) + ")", "stored twice",
                        "entries stored once where they have weights");
}

void check_rank(std::int64_t rank, const Runtime& runtime) {
  if (rank < 1 || rank > runtime.max_rank()) {
    throw InvalidArgument("rank", text(rank), "1 to " + std::to_string(runtime.max_rank()));
  }
}

void check_options(const Options& options, const MatrixShape& shape, std::int64_t rank, const Runtime& runtime) {
  check_rank(rank, runtime);
  check_known("solver", options.solver, Solver::anls);
  check_known("initialization", options.initialization, Initialization::nndsvdar);
  check_known("acceleration", options.acceleration, Acceleration::extrapolation);
  check_known("stopping", options.stopping, Stopping::projected_gradient);
  check_known("penalty_scaling", options.penalty_scaling, PenaltyScaling::sklearn);
  check_weight("w_penalty.l1", options.w_penalty.l1);
  check_weight("w_penalty.l2", options.w_penalty.l2);
  check_weight("h_penalty.l1", options.h_penalty.l1);
  check_weight("h_penalty.l2", options.h_penalty.l2);
  check_weight("tolerance", options.tolerance);
  check_at_least("sweeps", options.sweeps, 0);
  check_at_least("max_iterations", options.max_iterations, 0);
  check_at_least("check_every", options.check_every, 1);
  check_loss(options.loss, shape);
  const bool squared = options.loss == Loss::frobenius();
  if (!squared && options.solver == Solver::anls) {
    throw InvalidArgument("options.solver", "anls", "hals or multiplicative_update: least squares is for frobenius");
  }
  if (!squared && options.loss != Loss::kullback_leibler() && options.solver == Solver::hals) {
    throw InvalidArgument(
        "options.solver", "hals",
        "multiplicative_update for beta = " + text(options.loss.beta) + ": hals is for frobenius and kullback_leibler");
  }
  if (!shape.complete() && options.solver == Solver::anls) {
    throw InvalidArgument("options.solver", "anls",
                          "hals or multiplicative_update for X with missing or weighted entries");
  }
  const bool by_products = squared && shape.complete();
  if (options.sweeps > 1 && (options.solver == Solver::anls || (!by_products && options.solver != Solver::hals))) {
    throw InvalidArgument("options.sweeps", std::to_string(options.sweeps),
                          "1, or 0 (chosen): more are for hals, and for multiplicative_update with frobenius and no "
                          "missing or weighted entries");
  }
  if (!by_products && options.acceleration == Acceleration::extrapolation) {
    throw InvalidArgument("options.acceleration", "extrapolation",
                          "automatic or none: extrapolation is for frobenius, without missing or weighted entries");
  }
  const Initialization start = options.initialization;
  if (start == Initialization::given || start == Initialization::random) return;
  if (!shape.complete()) {
    throw InvalidArgument("options.initialization", "an nndsvd start",
                          "random or given for X with missing or weighted entries, which has no singular vectors");
  }
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

#define ORTHANT_CHECK_VIEW(T) template void check_view(const std::string&, DenseView<const T>, const Runtime&);
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
#define ORTHANT_CHECK_VALUES(T)                                              \
  template std::optional<BadEntry> find_invalid_on_host(DenseView<const T>); \
  template void check_factor_values(const std::string&, DenseView<const T>, const Backend<T>&);
ORTHANT_CHECK_VALUES(float)
ORTHANT_CHECK_VALUES(double)

template void check_loss(Loss, const DataMatrix<float>&);
template void check_loss(Loss, const DataMatrix<double>&);
template void check_weights(DenseView<const float>, DenseView<const float>, const Runtime&);
template void check_weights(DenseView<const double>, DenseView<const double>, const Runtime&);

template void check_sparse(const AnySparseView<float>&, const Runtime&);
template void check_sparse(const AnySparseView<double>&, const Runtime&);

}  // namespace orthant::core
