#include "host/cli/input.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "host/cli/errors.hpp"
#include "host/cli/tfidf.hpp"
#include "host/core/observed.hpp"
#include "host/core/philox.hpp"
#include "host/io/io_error.hpp"
#include "host/io/matrix_file.hpp"

namespace orthant::cli {

template <class T>
FactorData<T> read_factor(const std::string& path) {
  io::DenseData<T> file = io::read_npy<T>(path);
  FactorData<T> factor;
  factor.rows = file.rows;
  factor.columns = file.columns;
  if (file.layout == Layout::row_major) {
    factor.values = std::move(file.values);
    return factor;
  }
  factor.values.resize(file.values.size());
  const DenseView<const T> v = file.view();
  for (std::int64_t i = 0; i < v.rows; ++i) {
    for (std::int64_t j = 0; j < v.columns; ++j) {
      factor.view().data[i * v.columns + j] = v.data[i + j * v.ld];
    }
  }
  return factor;
}

namespace {

// Weights lie as the entries do; empty: 1 each.
template <class T>
struct Weighted {
  io::MatrixData<T> matrix;
  std::vector<T> weights;
};

template <class T>
Matrix<T> make_matrix(const Context& context, const io::DenseData<T>& x, const std::vector<T>& weights,
                      const MatrixOptions& options) {
  DenseView<const T> given = x.view();
  given.data = weights.data();
  return weights.empty() ? Matrix<T>(context, x.view(), options) : Matrix<T>(context, x.view(), given, options);
}
template <class T>
Matrix<T> make_matrix(const Context& context, const io::SparseData<T>& x, const std::vector<T>& weights,
                      const MatrixOptions& options) {
  return weights.empty() ? Matrix<T>(context, x.view(), options)
                         : Matrix<T>(context, x.view(), weights.data(), options);
}

// The values of a dense matrix in another's layout.
template <class T>
std::vector<T> laid_out(io::DenseData<T> matrix, Layout layout) {
  if (matrix.layout == layout) return std::move(matrix.values);
  const bool to_rows = layout == Layout::row_major;
  const std::int64_t lines = to_rows ? matrix.rows : matrix.columns, length = to_rows ? matrix.columns : matrix.rows;
  std::vector<T> values(matrix.values.size());
  for (std::int64_t i = 0; i < lines; ++i) {
    for (std::int64_t j = 0; j < length; ++j) {
      values[static_cast<std::size_t>(i * length + j)] = matrix.values[static_cast<std::size_t>(j * lines + i)];
    }
  }
  return values;
}

// Whether an entry is kept out: as random as a factor's start, and independent of it.
bool is_held_out(std::uint64_t seed, std::int64_t entry, double fraction) {
  constexpr std::uint32_t kNoComponent = 0xFFFFFFFF;
  return core::uniform<double>(core::random_bits(seed, core::Side::w, kNoComponent, entry)) < fraction;
}

// Both parts have all of X; an entry weighs 0 in the part that it does not belong to.
template <class T, class Out>
Weighted<T> split(io::DenseData<T>& x, std::vector<T>& weights, Missing missing, Out&& out) {
  if (weights.empty()) weights.assign(x.values.size(), T(1));
  Weighted<T> held{x, std::vector<T>(x.values.size(), T(0))};
  const bool rows = x.layout == Layout::row_major;
  for (std::size_t p = 0; p < weights.size(); ++p) {
    const auto at = static_cast<std::int64_t>(p), length = rows ? x.columns : x.rows;
    const std::int64_t line = at / length, place = at % length;
    if (!core::counts(missing, x.values[p], weights[p]) || !out(rows ? line : place, rows ? place : line)) continue;
    held.weights[p] = std::exchange(weights[p], T(0));
  }
  return held;
}

// Each part has its own entries.
template <class T, class Out>
Weighted<T> split(io::SparseData<T>& x, std::vector<T>& weights, Missing, Out&& out) {
  io::SparseData<T> fitted{x.rows, x.columns, {0}, {}, {}}, held = fitted;
  std::vector<T> fitted_weights, held_weights;
  for (std::int64_t i = 0; i < x.rows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    for (auto p = static_cast<std::size_t>(x.offsets[row]); p < static_cast<std::size_t>(x.offsets[row + 1]); ++p) {
      const bool kept_out = (weights.empty() || weights[p] > 0) && out(i, x.indices[p]);
      io::SparseData<T>& part = kept_out ? held : fitted;
      part.indices.push_back(x.indices[p]);
      part.values.push_back(x.values[p]);
      if (!weights.empty()) (kept_out ? held_weights : fitted_weights).push_back(weights[p]);
    }
    fitted.offsets.push_back(static_cast<std::int64_t>(fitted.values.size()));
    held.offsets.push_back(static_cast<std::int64_t>(held.values.size()));
  }
  x = std::move(fitted);
  weights = std::move(fitted_weights);
  return {std::move(held), std::move(held_weights)};
}

}  // namespace

template <class T>
struct Input<T>::Data {
  std::string path;
  Weighted<T> x, held_out;
};

template <class T>
Input<T>::Input(const std::string& path, io::HeaderLine header, bool missing_fields)
    : data_(new Data{path,
                     {io::read_matrix<T>(path, {.missing_fields = missing_fields,
                                                .missing_hint = ", or --missing nan where entries are not known",
                                                .header = header}),
                      {}},
                     {}}) {}
template <class T>
Input<T>::~Input() = default;

template <class T>
std::int64_t Input<T>::rows() const {
  return std::visit([](const auto& m) { return m.rows; }, data_->x.matrix);
}
template <class T>
std::int64_t Input<T>::columns() const {
  return std::visit([](const auto& m) { return m.columns; }, data_->x.matrix);
}

template <class T>
bool Input<T>::sparse() const {
  return std::holds_alternative<io::SparseData<T>>(data_->x.matrix);
}

template <class T>
MatrixShape Input<T>::shape(Missing missing) const {
  MatrixShape shape{.rows = rows(), .columns = columns(), .missing = missing, .weighted = !data_->x.weights.empty()};
  if (const auto* dense = std::get_if<io::DenseData<T>>(&data_->x.matrix))
    shape.layout = dense->layout;
  else
    shape.nonzeros = static_cast<std::int64_t>(std::get<io::SparseData<T>>(data_->x.matrix).values.size());
  return shape;
}

template <class T>
io::SkippedNames Input<T>::skipped() const {
  const auto* dense = std::get_if<io::DenseData<T>>(&data_->x.matrix);
  return dense == nullptr ? io::SkippedNames{} : dense->skipped;
}

template <class T>
void Input<T>::apply_tfidf() {
  if (auto* dense = std::get_if<io::DenseData<T>>(&data_->x.matrix)) {
    const DenseView<const T> v = dense->view();
    tfidf(DenseView<T>{dense->values.data(), v.rows, v.columns, v.ld, v.layout, v.space});
  } else {
    auto& sparse = std::get<io::SparseData<T>>(data_->x.matrix);
    tfidf(MutableCsr<T, std::int32_t>{sparse.rows, sparse.columns, sparse.offsets.data(), sparse.indices.data(),
                                      sparse.values.data()});
    sparse.values.resize(static_cast<std::size_t>(sparse.offsets.back()));
  }
}

template <class T>
void Input<T>::read_weights(const std::string& path, io::HeaderLine header) {
  io::MatrixData<T> given = io::read_matrix<T>(path, {.missing_fields = false, .missing_hint = {}, .header = header});
  const auto shape = [](const auto& m) { return std::to_string(m.rows) + " x " + std::to_string(m.columns); };
  const std::string expected = std::visit(shape, data_->x.matrix), actual = std::visit(shape, given);
  if (actual != expected)
    throw FileError(path + ": the weights are " + actual + ", expected the shape of X, " + expected);
  if (given.index() != data_->x.matrix.index()) {
    const bool sparse = std::holds_alternative<io::SparseData<T>>(given);
    throw FileError(path + ": the weights are " + (sparse ? "sparse" : "dense") + ", expected " +
                    (sparse ? "dense" : "sparse") + " ones, as X is");
  }
  if (auto* dense = std::get_if<io::DenseData<T>>(&given)) {
    data_->x.weights = laid_out(std::move(*dense), std::get<io::DenseData<T>>(data_->x.matrix).layout);
    return;
  }
  auto& sparse = std::get<io::SparseData<T>>(given);
  const auto& x = std::get<io::SparseData<T>>(data_->x.matrix);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    const auto entries = [&](const io::SparseData<T>& m) {
      return std::span(m.indices).subspan(static_cast<std::size_t>(m.offsets[row]),
                                          static_cast<std::size_t>(m.offsets[row + 1] - m.offsets[row]));
    };
    if (!std::ranges::equal(entries(x), entries(sparse))) {
      throw FileError(path + ": row " + std::to_string(i) + " has weights at other places than X has entries");
    }
  }
  data_->x.weights = std::move(sparse.values);
}

template <class T>
std::int64_t Input<T>::hold_out(double fraction, std::uint64_t seed, Missing missing) {
  if (sparse() && missing != Missing::zeros) {
    throw UsageError(
        "--holdout of sparse X needs --missing zeros: otherwise entries that are not stored would have to be kept out "
        "too");
  }
  const std::int64_t width = columns();
  std::int64_t all = 0, held = 0;
  const auto out = [&](std::int64_t i, std::int64_t j) {
    ++all;
    const bool is_held = is_held_out(seed, i * width + j, fraction);
    held += is_held;
    return is_held;
  };
  data_->held_out = std::visit([&](auto& m) { return split(m, data_->x.weights, missing, out); }, data_->x.matrix);
  if (held == 0 || held == all) {
    throw FileError(data_->path + ": --holdout keeps " + std::to_string(held) + " of the " + std::to_string(all) +
                    " entries that count out of the fit, expected some, and some left");
  }
  return held;
}

template <class T>
Matrix<T> Input<T>::on(const Context& context, const MatrixOptions& options) const {
  return std::visit([&](const auto& m) { return make_matrix(context, m, data_->x.weights, options); }, data_->x.matrix);
}

template <class T>
Matrix<T> Input<T>::held_out_on(const Context& context, const MatrixOptions& options) const {
  return std::visit([&](const auto& m) { return make_matrix(context, m, data_->held_out.weights, options); },
                    data_->held_out.matrix);
}

template FactorData<float> read_factor(const std::string&);
template FactorData<double> read_factor(const std::string&);
template class Input<float>;
template class Input<double>;

}  // namespace orthant::cli
