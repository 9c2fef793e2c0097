#include "cuda/dense_matrix.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "cuda/data_matrix.hpp"
#include "cuda/kernels/coordinate_descent.hpp"
#include "cuda/kernels/divergence_dense.hpp"
#include "cuda/kernels/elementwise.hpp"
#include "cuda/kernels/narrow_product.hpp"
#include "cuda/kernels/residual.hpp"
#include "cuda/kernels/storage.hpp"
#include "host/core/validate.hpp"

namespace orthant::cuda {

using core::AnyDenseView;
using core::Buffer;
using core::Factor;
using core::Side;
using core::Workspace;

namespace {

// In which order entries are looked at: the first bad one in row order is named.
bool is_by_place(Layout layout) { return layout == Layout::column_major; }

template <class T>
bool is_valid(T value) {
  return value >= 0 && value <= std::numeric_limits<T>::max();
}

// Which entries count, in device memory: the weights where they are, or a copy.
template <class T>
struct DeviceObserved {
  core::Observed<T> observed;
  Buffer<T> copy;

  DeviceObserved(const Gpu& gpu, const core::Observed<T>& given, const AnyDenseView& x) : observed(given) {
    if (given.weights == nullptr || x.space == MemorySpace::device) return;
    const std::int64_t size = sizeof(T), width = x.length() * size;
    copy = Buffer<T>(gpu.memory(), x.lines() * x.length());
    gpu.upload_lines(copy.data(), width, given.weights, given.ld * size, width, x.lines());
    observed.weights = copy.data();
    observed.ld = x.length();
  }
};

// Numbers that coordinate_descent() keeps beside the fixed factor, for either side. That factor is transposed, so that
// its columns count as components.
std::int64_t descent_scratch(const Gpu& gpu, const MatrixShape& shape, int rank, int element_size) {
  constexpr std::int64_t kMost = std::numeric_limits<int>::max();
  for (const auto& [name, size] : {std::pair{"X.rows", shape.rows}, std::pair{"X.columns", shape.columns}}) {
    if (size > kMost) {
      throw InvalidArgument(name, core::text(size),
                            "at most " + core::text(kMost) + " for hals of dense X in this loss");
    }
  }
  const bool rows_are_lines = shape.layout == Layout::row_major;
  return std::max(
      dense_descent_scratch(gpu, rank, shape.rows, shape.columns, rows_are_lines, shape.complete(), element_size),
      dense_descent_scratch(gpu, rank, shape.columns, shape.rows, !rows_are_lines, shape.complete(), element_size));
}

// X whose elements are stored as S.
template <class T, class S>
class DenseMatrix final : public DeviceMatrix<T> {
 public:
  /// `own`: the memory of x, if that is not the caller's.
  DenseMatrix(const Gpu& gpu, DenseView<const S> x, Buffer<S> own, DeviceObserved<T> observed)
      : DeviceMatrix<T>(gpu),
        rows_(x.rows),
        columns_(x.columns),
        layout_(x.layout),
        data_(x.data),
        ld_(x.ld),
        copy_(std::move(own)),
        observed_(std::move(observed)) {
    if (x.space == MemorySpace::host) {
      const std::int64_t size = sizeof(S);
      copy_ = Buffer<S>(gpu.memory(), lines() * length());
      gpu.upload_lines(copy_.data(), length() * size, x.data, x.ld * size, length() * size, lines());
      data_ = copy_.data();
      ld_ = length();
    }
    measure();
  }

  MatrixShape shape() const override {
    return {rows_, columns_, -1, layout_, observed().missing, observed().weights != nullptr};
  }
  std::int64_t bytes() const override { return static_cast<std::int64_t>(copy_.bytes() + observed_.copy.bytes()); }

  void reserve(int rank, bool passes, Workspace& workspace) const override {
    DeviceMatrix<T>::reserve(rank, passes, workspace);
    if constexpr (kIsPlain) this->gpu_.prepare_gemm();
  }

  void product(Side side, Factor<const T> f, Factor<T> r, Workspace&) const override {
    // The factor of the lines gives terms for the places, and the other way round.
    const bool from_lines = (side == Side::w) == (layout_ == Layout::row_major);
    if constexpr (kIsPlain) {
      // As cuBLAS sees it, memory is a column-major matrix of `length` x `lines`.
      this->gpu_.gemm(CUBLAS_OP_N, from_lines ? CUBLAS_OP_T : CUBLAS_OP_N, f.rank, r.count, f.count, f.data, f.ld,
                      data_, ld_, r.data, r.ld);
    } else {
      narrow_product(this->gpu_, from_lines, data_, ld_, f, r);
    }
  }

  void loss(Factor<const T> w, Factor<const T> h, double* out, Workspace&) const override {
    const bool rows = layout_ == Layout::row_major;
    dense_squared_loss(this->gpu_, data_, ld_, rows ? w : h, rows ? h : w, out);
  }

  void reserve_divergence(int rank, const core::Divergence& divergence, bool passes,
                          Workspace& workspace) const override {
    DeviceMatrix<T>::reserve_divergence(rank, divergence, passes, workspace);
    partial_sums(rank, divergence, workspace);
  }

  std::optional<core::BadEntry> find_zero() const override {
    const Survey found = this->survey(1, 0, [&](unsigned*, Survey* out) {
      find_zero_entry(this->gpu_, data_, ld_, observed(), lines(), length(), is_by_place(layout_), out);
    });
    if (found.first_invalid == Survey::kNone) return {};
    const auto key = static_cast<std::int64_t>(found.first_invalid);
    return core::BadEntry{key / columns_, key % columns_, 0};
  }

  void divergence_terms(Side side, Factor<const T> w, Factor<const T> h, const core::Divergence& divergence,
                        Factor<T> numerator, Factor<T> denominator, Workspace& workspace) const override {
    const bool of_lines = (side == Side::w) == (layout_ == Layout::row_major);
    dense_divergence_terms(this->gpu_, data_, ld_, observed(), of_lines, side == Side::w ? w : h,
                           side == Side::w ? h : w, divergence, numerator, denominator,
                           partial_sums(w.rank, divergence, workspace));
  }

  void reserve_coordinate_descent(int rank, Workspace& workspace) const override {
    const std::int64_t longest = std::max(rows_, columns_);
    workspace.get<T>(Workspace::packed, rank * longest);
    own_scratch(rank, workspace);
  }

  void coordinate_descent(Side side, Factor<T> f, Factor<const T> fixed, const core::Divergence& divergence,
                          const T* fixed_sums, core::ScaledPenalty penalty, int sweeps,
                          Workspace& workspace) const override {
    reserve_coordinate_descent(f.rank, workspace);
    const Factor<T> by_component{workspace.get<T>(Workspace::packed, f.rank * fixed.count),
                                 static_cast<int>(fixed.count), f.rank, fixed.count};
    transpose<T>(this->gpu_, fixed, by_component);
    descend_dense<S, T>(this->gpu_, data_, ld_, observed(), (side == Side::w) == (layout_ == Layout::row_major), f,
                        by_component, {fixed_sums, penalty, sweeps, divergence}, own_scratch(f.rank, workspace));
  }

  void divergence(Factor<const T> w, Factor<const T> h, const core::Divergence& divergence, double* out,
                  Workspace&) const override {
    const bool rows = layout_ == Layout::row_major;
    dense_divergence(this->gpu_, data_, ld_, observed(), rows ? w : h, rows ? h : w, divergence, out);
  }

 private:
  static constexpr bool kIsPlain = std::is_same_v<T, S>;

  const core::Observed<T>& observed() const { return observed_.observed; }

  T* own_scratch(int rank, Workspace& workspace) const {
    const std::int64_t size = descent_scratch(this->gpu_, shape(), rank, sizeof(T));
    return size > 0 ? workspace.get<T>(Workspace::panels, size) : nullptr;
  }

  T* partial_sums(int rank, const core::Divergence& divergence, Workspace& workspace) const {
    const std::int64_t bytes = dense_divergence_bytes(this->gpu_, shape(), divergence, rank, sizeof(T));
    return bytes > 0 ? reinterpret_cast<T*>(workspace.get<std::byte>(Workspace::partial_sums, bytes)) : nullptr;
  }

  std::int64_t lines() const { return layout_ == Layout::row_major ? rows_ : columns_; }
  std::int64_t length() const { return layout_ == Layout::row_major ? columns_ : rows_; }

  void measure() {
    const bool by_place = is_by_place(layout_);
    const Survey found = this->survey(lines(), length(), [&](unsigned* used, Survey* out) {
      survey_dense(this->gpu_, data_, ld_, observed(), lines(), length(), by_place, used, out);
    });
    if (found.first_invalid != Survey::kNone) {
      const auto key = static_cast<std::int64_t>(found.first_invalid);
      const std::int64_t i = key / columns_, j = key % columns_;
      const std::int64_t line = by_place ? j : i, place = by_place ? i : j;
      if (observed().weights != nullptr) {
        const T weight = read_one(this->gpu_, observed().at(line, place).weights);
        if (!is_valid(weight)) core::refuse_weight(i, j, static_cast<double>(weight));
      }
      core::refuse_value(i, j, number<double>(read_one(this->gpu_, data_ + line * ld_ + place)));
    }
    const auto unused_lines = static_cast<std::int64_t>(found.unused_lines);
    const auto unused_places = static_cast<std::int64_t>(found.unused_places);
    const double weight =
        observed().complete() ? static_cast<double>(rows_) * static_cast<double>(columns_) : found.weight;
    this->statistics_ = {found.sum, found.squared_norm, weight, by_place ? unused_places : unused_lines,
                         by_place ? unused_lines : unused_places};
  }

  std::int64_t rows_, columns_;
  Layout layout_;
  const S* data_;
  std::int64_t ld_;
  Buffer<S> copy_;
  DeviceObserved<T> observed_;
};

// Some lines of a view in device memory: where they are, or a copy.
struct Panel {
  Buffer<std::byte> copy;
  const void* data;
  std::int64_t ld;

  Panel(const Gpu& gpu, const AnyDenseView& x, std::int64_t first, std::int64_t count)
      : data(static_cast<const std::byte*>(x.data) + first * x.ld * size_of(x.type)), ld(x.ld) {
    if (x.space == MemorySpace::device) return;
    const std::int64_t width = x.length() * size_of(x.type);
    copy = Buffer<std::byte>(gpu.memory(), count * width);
    gpu.upload_lines(copy.data(), width, data, x.ld * size_of(x.type), width, count);
    data = copy.data();
    ld = x.length();
  }
};

// The same as T.
template <class T>
struct LinesOf {
  Panel lines;
  Buffer<T> converted;
  const T* data;
  std::int64_t ld;

  LinesOf(const Gpu& gpu, const AnyDenseView& x, std::int64_t first, std::int64_t count)
      : lines(gpu, x, first, count), data(static_cast<const T*>(lines.data)), ld(lines.ld) {
    if (x.type == core::element_type<T>()) return;
    converted = Buffer<T>(gpu.memory(), count * x.length());
    convert_lines(gpu, x.type, lines.data, count, x.length(), lines.ld, converted.data());
    data = converted.data();
    ld = x.length();
  }
};

// Calls use(first, count) for some lines at a time, so that beside a copy of X there is little of what it is made from:
// no more than the cache holds of the widest type.
template <class Use>
void for_each_panel(const Gpu& gpu, const AnyDenseView& x, Use&& use) {
  const std::int64_t panel = std::max<std::int64_t>(gpu.cache_bytes() / (x.length() * 8), 1);
  for (std::int64_t first = 0; first < x.lines(); first += panel) use(first, std::min(panel, x.lines() - first));
}

template <class T, class S>
std::shared_ptr<const core::DataMatrix<T>> take(const Gpu& gpu, const AnyDenseView& x, Buffer<S> copy,
                                                DeviceObserved<T> observed) {
  const DenseView<const S> view{copy.data(), x.rows, x.columns, x.length(), x.layout, MemorySpace::device};
  return std::make_shared<DenseMatrix<T, S>>(gpu, view, std::move(copy), std::move(observed));
}

template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_plain(const Gpu& gpu, const AnyDenseView& x,
                                                      DeviceObserved<T> observed) {
  Buffer<T> copy(gpu.memory(), x.lines() * x.length());
  for_each_panel(gpu, x, [&](std::int64_t first, std::int64_t count) {
    const Panel some(gpu, x, first, count);
    convert_lines(gpu, x.type, some.data, count, x.length(), some.ld, copy.data() + first * x.length());
  });
  return take<T>(gpu, x, std::move(copy), std::move(observed));
}

template <class T, class S>
std::shared_ptr<const core::DataMatrix<T>> make_narrow(const Gpu& gpu, const AnyDenseView& x,
                                                       DeviceObserved<T> observed, const char* expected) {
  const bool by_place = is_by_place(x.layout);
  Buffer<S> copy(gpu.memory(), x.lines() * x.length());
  const Buffer<unsigned long long> found(gpu.memory(), 1);
  prepare(gpu, found.data());
  for_each_panel(gpu, x, [&](std::int64_t first, std::int64_t count) {
    const LinesOf<T> some(gpu, x, first, count);
    narrow_lines(gpu, some.data, some.ld, observed.observed.at(first, 0), count, x.length(), first, x.lines(), by_place,
                 copy.data() + first * x.length(), found.data());
  });
  const unsigned long long first_invalid = read_one(gpu, found.data());
  if (first_invalid != Survey::kNone) {
    const auto key = static_cast<std::int64_t>(first_invalid);
    const std::int64_t i = key / x.columns, j = key % x.columns;
    const LinesOf<T> line(gpu, x, by_place ? j : i, 1);
    const T value = read_one(gpu, line.data + (by_place ? i : j));
    if (!is_valid(value)) core::refuse_value(i, j, static_cast<double>(value));
    throw InvalidArgument("X(" + core::text(i) + ", " + core::text(j) + ")", core::text(static_cast<double>(value)),
                          expected);
  }
  return take<T>(gpu, x, std::move(copy), std::move(observed));
}

}  // namespace

std::int64_t dense_descent_bytes(const Gpu& gpu, const MatrixShape& shape, int rank, int element_size) {
  return (rank * std::max(shape.rows, shape.columns) + descent_scratch(gpu, shape, rank, element_size)) * element_size;
}

std::int64_t dense_divergence_bytes(const Gpu& gpu, const MatrixShape& shape, const core::Divergence& divergence,
                                    int rank, int element_size) {
  const auto sums = [&](std::int64_t own, std::int64_t other) {
    return dense_partial_sums(gpu, own, other, rank, divergence, element_size);
  };
  return std::max(sums(shape.rows, shape.columns), sums(shape.columns, shape.rows)) * element_size;
}

template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_dense_matrix(const Gpu& gpu, DenseView<const T> x,
                                                             const core::Observed<T>& observed) {
  return std::make_shared<DenseMatrix<T, T>>(gpu, x, Buffer<T>(), DeviceObserved<T>(gpu, observed, x));
}

template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_dense_matrix(const Gpu& gpu, const AnyDenseView& x, Storage storage,
                                                             const core::Observed<T>& observed) {
  DeviceObserved<T> on_device(gpu, observed, x);
  switch (storage) {
    case Storage::element_type:
      break;
    case Storage::uint8:
      if (x.type == core::ElementType::uint8) {
        return std::make_shared<DenseMatrix<T, std::uint8_t>>(gpu, x.as<std::uint8_t>(), Buffer<std::uint8_t>(),
                                                              std::move(on_device));
      }
      return make_narrow<T, std::uint8_t>(gpu, x, std::move(on_device),
                                          "an integer from 0 to 255, to be stored as uint8");
    case Storage::fp16:
      return make_narrow<T, Fp16>(gpu, x, std::move(on_device), "less than 65520, to be stored as fp16");
    case Storage::bf16:
      return make_narrow<T, Bf16>(gpu, x, std::move(on_device), "less than 3.3961775e38, to be stored as bf16");
  }
  return make_plain<T>(gpu, x, std::move(on_device));
}

#define ORTHANT_INSTANTIATE(T)                                                                                    \
  template std::shared_ptr<const core::DataMatrix<T>> make_dense_matrix(const Gpu&, DenseView<const T>,           \
                                                                        const core::Observed<T>&);                \
  template std::shared_ptr<const core::DataMatrix<T>> make_dense_matrix(const Gpu&, const AnyDenseView&, Storage, \
                                                                        const core::Observed<T>&);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
