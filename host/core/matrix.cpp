#include "orthant/matrix.hpp"

#include <cmath>
#include <limits>

#include "host/core/data_matrix.hpp"
#include "host/core/runtime.hpp"
#include "host/core/validate.hpp"

namespace orthant {
namespace {

// A converted copy and the DataMatrix that borrows it live and die together.
template <class T>
struct Converted {
  core::Buffer<T> values;
  std::shared_ptr<const core::DataMatrix<T>> data;
};

// The entry at a place of a line is finite, but not as T.
template <class T, class U>
[[noreturn]] void refuse_overflow(DenseView<const U> x, std::int64_t line, std::int64_t place) {
  const bool rows = x.layout == Layout::row_major;
  throw InvalidArgument("X(" + core::text(rows ? line : place) + ", " + core::text(rows ? place : line) + ")",
                        core::text(static_cast<double>(x.data[line * x.ld + place])),
                        "at most " + core::text(static_cast<double>(std::numeric_limits<T>::max())) +
                            ", the largest number of the precision");
}

template <class T, class U>
std::shared_ptr<const core::DataMatrix<T>> convert(const core::Runtime& runtime, DenseView<const U> x,
                                                   const MatrixOptions& options, std::int64_t& copied_bytes) {
  core::check_view<U>("X", x, runtime);
  core::check_matrix_options(options, false, false);
  if (std::is_integral_v<U> && options.missing == Missing::nan) {
    throw InvalidArgument("MatrixOptions::missing", "nan", "none or zeros for X of integers, none of which is NaN");
  }
  if (options.storage != Storage::element_type || runtime.memory_space() != MemorySpace::host) {
    return runtime.make_matrix(core::AnyDenseView(x), options.storage, core::Observed<T>{options.missing});
  }
  const bool rows = x.layout == Layout::row_major;
  const std::int64_t outer = rows ? x.rows : x.columns, inner = rows ? x.columns : x.rows;
  auto owner = std::make_shared<Converted<T>>();
  owner->values = core::Buffer<T>(runtime.memory(), outer * inner);
  T* const values = owner->values.data();
  for (std::int64_t a = 0; a < outer; ++a) {
    for (std::int64_t b = 0; b < inner; ++b) {
      const U given = x.data[a * x.ld + b];
      values[a * inner + b] = static_cast<T>(given);
      if constexpr (std::numeric_limits<U>::max_exponent > std::numeric_limits<T>::max_exponent) {
        if (std::isinf(values[a * inner + b]) && !std::isinf(given)) refuse_overflow<T>(x, a, b);
      }
    }
  }
  owner->data = runtime.make_matrix(DenseView<const T>{values, x.rows, x.columns, inner, x.layout, x.space},
                                    core::Observed<T>{options.missing});
  copied_bytes = static_cast<std::int64_t>(owner->values.bytes());
  return {owner, owner->data.get()};
}

template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_dense(const core::Runtime& runtime, DenseView<const T> x,
                                                      const core::Observed<T>& observed, const MatrixOptions& options) {
  core::check_view<T>("X", x, runtime);
  core::check_matrix_options(options, false, observed.weights != nullptr);
  return options.storage == Storage::element_type
             ? runtime.make_matrix(x, observed)
             : runtime.make_matrix(core::AnyDenseView(x), options.storage, observed);
}

template <class T, class View>
std::shared_ptr<const core::DataMatrix<T>> make_sparse(const core::Runtime& runtime, const View& x,
                                                       const MatrixOptions& options) {
  core::check_matrix_options(options, true, false);
  return runtime.make_matrix(core::AnySparseView<T>(x), {options.missing});
}

template <class T, class View>
std::shared_ptr<const core::DataMatrix<T>> make_sparse(const core::Runtime& runtime, const View& x, const T* weights,
                                                       const MatrixOptions& options) {
  if (weights == nullptr && x.nonzeros > 0) throw InvalidArgument("weights", "null", "one for each stored entry");
  core::check_matrix_options(options, true, true);
  if (x.nonzeros > 0) {
    runtime.check_memory("weights", weights, x.nonzeros * static_cast<std::int64_t>(sizeof(T)), x.space);
  }
  return runtime.make_matrix(core::AnySparseView<T>(x), {options.missing, weights});
}

}  // namespace

template <class T>
Matrix<T>::Matrix(const Context& context, DenseView<const T> x, const MatrixOptions& options)
    : context_(context), data_(make_dense<T>(*context.runtime(), x, {options.missing}, options)) {}

template <class T>
Matrix<T>::Matrix(const Context& context, DenseView<const T> x, DenseView<const T> weights,
                  const MatrixOptions& options)
    : context_(context) {
  core::check_view<T>("X", x, *context.runtime());
  core::check_weights<T>(x, weights, *context.runtime());
  data_ = make_dense<T>(*context.runtime(), x, {options.missing, weights.data, weights.ld}, options);
}

template <class T>
template <class U>
  requires(!std::is_same_v<std::remove_const_t<U>, T>)
Matrix<T>::Matrix(const Context& context, DenseView<U> x, const MatrixOptions& options)
    : context_(context),
      data_(convert<T, std::remove_const_t<U>>(*context.runtime(), {x.data, x.rows, x.columns, x.ld, x.layout, x.space},
                                               options, copied_bytes_)) {}

template <class T>
template <class Index>
Matrix<T>::Matrix(const Context& context, const CsrView<T, Index>& x, const MatrixOptions& options)
    : context_(context), data_(make_sparse<T>(*context.runtime(), x, options)) {}

template <class T>
template <class Index>
Matrix<T>::Matrix(const Context& context, const CsrView<T, Index>& x, const T* weights, const MatrixOptions& options)
    : context_(context), data_(make_sparse<T>(*context.runtime(), x, weights, options)) {}

template <class T>
template <class Index>
Matrix<T>::Matrix(const Context& context, const CooView<T, Index>& x, const MatrixOptions& options)
    : context_(context), data_(make_sparse<T>(*context.runtime(), x, options)) {}

template <class T>
template <class Index>
Matrix<T>::Matrix(const Context& context, const CooView<T, Index>& x, const T* weights, const MatrixOptions& options)
    : context_(context), data_(make_sparse<T>(*context.runtime(), x, weights, options)) {}

template <class T>
std::int64_t Matrix<T>::rows() const noexcept {
  return data_->shape().rows;
}
template <class T>
std::int64_t Matrix<T>::columns() const noexcept {
  return data_->shape().columns;
}
template <class T>
std::int64_t Matrix<T>::nonzeros() const noexcept {
  const MatrixShape shape = data_->shape();
  return shape.nonzeros < 0 ? shape.rows * shape.columns : shape.nonzeros;
}
template <class T>
bool Matrix<T>::sparse() const noexcept {
  return data_->shape().nonzeros >= 0;
}
template <class T>
double Matrix<T>::sum() const noexcept {
  return data_->statistics().sum;
}
template <class T>
double Matrix<T>::squared_norm() const noexcept {
  return data_->statistics().squared_norm;
}
template <class T>
double Matrix<T>::weight() const noexcept {
  return data_->statistics().weight;
}
template <class T>
std::int64_t Matrix<T>::empty_rows() const noexcept {
  return data_->statistics().empty_rows;
}
template <class T>
std::int64_t Matrix<T>::empty_columns() const noexcept {
  return data_->statistics().empty_columns;
}
template <class T>
std::int64_t Matrix<T>::bytes() const noexcept {
  return copied_bytes_ + data_->bytes();
}
template <class T>
const Context& Matrix<T>::context() const noexcept {
  return context_;
}

template class Matrix<float>;
template class Matrix<double>;
#define ORTHANT_CONVERT(T, U)                                                     \
  template Matrix<T>::Matrix(const Context&, DenseView<U>, const MatrixOptions&); \
  template Matrix<T>::Matrix(const Context&, DenseView<const U>, const MatrixOptions&);
ORTHANT_CONVERT(float, double)
ORTHANT_CONVERT(double, float)
#define ORTHANT_CONVERT_BOTH(U) ORTHANT_CONVERT(float, U) ORTHANT_CONVERT(double, U)
ORTHANT_CONVERT_BOTH(std::int8_t)
ORTHANT_CONVERT_BOTH(std::int16_t)
ORTHANT_CONVERT_BOTH(std::int32_t)
ORTHANT_CONVERT_BOTH(std::int64_t)
ORTHANT_CONVERT_BOTH(std::uint8_t)
ORTHANT_CONVERT_BOTH(std::uint16_t)
ORTHANT_CONVERT_BOTH(std::uint32_t)
ORTHANT_CONVERT_BOTH(std::uint64_t)
#define ORTHANT_SPARSE(View, T, Index)                                                     \
  template Matrix<T>::Matrix(const Context&, const View<T, Index>&, const MatrixOptions&); \
  template Matrix<T>::Matrix(const Context&, const View<T, Index>&, const T*, const MatrixOptions&);
#define ORTHANT_SPARSE_BOTH(T, Index) ORTHANT_SPARSE(CsrView, T, Index) ORTHANT_SPARSE(CooView, T, Index)
ORTHANT_SPARSE_BOTH(float, std::int32_t)
ORTHANT_SPARSE_BOTH(float, std::int64_t)
ORTHANT_SPARSE_BOTH(double, std::int32_t)
ORTHANT_SPARSE_BOTH(double, std::int64_t)

}  // namespace orthant
