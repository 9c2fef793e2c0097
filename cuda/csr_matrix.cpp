#include "cuda/csr_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "cuda/algorithms.hpp"
#include "cuda/cusparse_product.hpp"
#include "cuda/data_matrix.hpp"
#include "cuda/kernels/convert.hpp"
#include "cuda/kernels/coordinate_descent.hpp"
#include "cuda/kernels/divergence_sparse.hpp"
#include "cuda/kernels/factor_update.hpp"
#include "cuda/kernels/gram.hpp"
#include "cuda/kernels/residual.hpp"
#include "cuda/kernels/sparse_product.hpp"
#include "cuda/kernels/sums.hpp"
#include "host/core/validate.hpp"

namespace orthant::cuda {

using core::Buffer;
using core::Factor;
using core::Side;
using core::Workspace;

namespace {

// Device memory of a view: its own, or a copy of the host's.
template <class U>
class Array {
 public:
  Array() = default;
  Array(const Gpu& gpu, const U* data, std::int64_t size, MemorySpace space) : data_(data) {
    if (space == MemorySpace::device) return;
    own_ = Buffer<U>(gpu.memory(), size);
    gpu.upload(own_.data(), data, size * static_cast<std::int64_t>(sizeof(U)));
    data_ = own_.data();
  }
  Array(Buffer<U> own) : own_(std::move(own)), data_(own_.data()) {}

  const U* data() const { return data_; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(own_.bytes()); }

 private:
  Buffer<U> own_;
  const U* data_ = nullptr;
};

// One orientation of X, the parts of its long segments, and cuSPARSE's form of it where its products are made by that.
template <class T>
struct Orientation {
  std::int64_t count = 0, nonzeros = 0;
  Array<std::int64_t> offsets;
  Array<std::int32_t> indices;
  Array<T> values, weights;
  std::unique_ptr<CusparseProduct<T>> by_cusparse;
  std::int64_t parts = 0;
  Buffer<std::int32_t> part_segment, part_first;
  Buffer<unsigned> part_arrived;

  Compressed<T> compressed() const {
    return {count, nonzeros, offsets.data(), indices.data(), values.data(), weights.data()};
  }
  LongSegments long_segments() const {
    return {parts, part_length(nonzeros), part_segment.data(), part_first.data(), part_arrived.data()};
  }
  /// Segments have no more entries than this.
  std::int64_t longest() const { return parts == 0 ? std::min(nonzeros, part_length(nonzeros)) : nonzeros; }
  std::int64_t bytes() const {
    return offsets.bytes() + indices.bytes() + values.bytes() + weights.bytes() +
           (by_cusparse != nullptr ? by_cusparse->bytes() : 0) +
           static_cast<std::int64_t>(part_segment.bytes() + part_first.bytes() + part_arrived.bytes());
  }
};

// `sorted`: keys of the segments of X, in order; `positions`: where their entries are in the arrays of `x`.
template <class T>
void compress(const Gpu& gpu, Orientation<T>& out, std::int64_t count, const std::int32_t* sorted) {
  out.count = count;
  Buffer<std::int64_t> offsets(gpu.memory(), count + 1);
  find_offsets(gpu, count, out.nonzeros, sorted, offsets.data());
  out.offsets = std::move(offsets);
}

template <class T>
void split_long_segments(const Gpu& gpu, Orientation<T>& x) {
  Buffer<std::int64_t> first_parts(gpu.memory(), x.count + 1);
  count_parts(gpu, x.count, x.offsets.data(), part_length(x.nonzeros), first_parts.data());
  exclusive_sum(gpu, x.count + 1, first_parts.data());
  x.parts = read_one(gpu, first_parts.data() + x.count);
  if (x.parts == 0) return;
  x.part_segment = Buffer<std::int32_t>(gpu.memory(), x.parts);
  x.part_first = Buffer<std::int32_t>(gpu.memory(), x.parts);
  x.part_arrived = Buffer<unsigned>(gpu.memory(), x.parts);
  list_parts(gpu, x.count, first_parts.data(), x.part_segment.data(), x.part_first.data());
  gpu.clear(x.part_arrived.data(), static_cast<std::int64_t>(x.part_arrived.bytes()));
}

// `length`: what its indices are below. Products are made of complete X only.
template <class T>
void prepare_products(const Gpu& gpu, Orientation<T>& x, std::int64_t length, bool complete) {
  if (complete && uses_cusparse(gpu.sparse_product(), x.count, length, x.nonzeros)) {
    x.by_cusparse = std::make_unique<CusparseProduct<T>>(gpu, x.compressed(), length);
  }
  split_long_segments(gpu, x);  // for our own product, and for divergences
}

template <class T>
Orientation<T> transpose(const Gpu& gpu, const Orientation<T>& in, std::int64_t length) {
  Orientation<T> out;
  out.nonzeros = in.nonzeros;
  const Buffer<std::int32_t> keys(gpu.memory(), in.nonzeros);
  const Buffer<std::int64_t> positions(gpu.memory(), in.nonzeros);
  number_entries(gpu, in.nonzeros, in.indices.data(), keys.data(), positions.data());
  stable_sort_by_key(gpu, in.nonzeros, keys.data(), positions.data(), length);
  // Not before what sorting takes is free again.
  Buffer<std::int32_t> segments(gpu.memory(), in.nonzeros);
  Buffer<T> values(gpu.memory(), in.nonzeros), weights;
  find_segments(gpu, in.count, in.nonzeros, in.offsets.data(), positions.data(), segments.data());
  gather(gpu, in.nonzeros, in.values.data(), positions.data(), values.data());
  if (in.weights.data() != nullptr) {
    weights = Buffer<T>(gpu.memory(), in.nonzeros);
    gather(gpu, in.nonzeros, in.weights.data(), positions.data(), weights.data());
  }
  compress(gpu, out, length, keys.data());
  out.indices = std::move(segments);
  out.values = std::move(values);
  out.weights = std::move(weights);
  return out;
}

template <class T>
class CsrMatrix final : public DeviceMatrix<T> {
 public:
  template <class View>
  CsrMatrix(const Gpu& gpu, const View& x, const core::Observed<T>& observed)
      : DeviceMatrix<T>(gpu),
        m_(x.rows),
        n_(x.columns),
        missing_(observed.missing),
        weighted_(observed.weights != nullptr) {
    rows_.count = m_;
    rows_.nonzeros = x.nonzeros;
    const Survey found = take_rows(x, observed.weights);
    const bool complete = shape().complete();
    this->statistics_ = {found.sum, found.squared_norm,
                         complete ? static_cast<double>(m_) * static_cast<double>(n_) : found.weight,
                         static_cast<std::int64_t>(found.unused_lines), static_cast<std::int64_t>(found.unused_places)};
    columns_ = transpose(gpu, rows_, n_);
    prepare_products(gpu, rows_, n_, complete);
    prepare_products(gpu, columns_, m_, complete);
    gpu.synchronize();  // errors are told here
  }

  MatrixShape shape() const override { return {m_, n_, rows_.nonzeros, Layout::row_major, missing_, weighted_}; }
  std::int64_t bytes() const override { return rows_.bytes() + columns_.bytes(); }

  void product(Side side, Factor<const T> f, Factor<T> r, Workspace& workspace) const override {
    const Orientation<T>& x = side == Side::h ? rows_ : columns_;
    if (x.by_cusparse != nullptr && CusparseProduct<T>::takes(f) && CusparseProduct<T>::takes(r)) {
      return x.by_cusparse->multiply(f, r);
    }
    gather_rows(this->gpu_, x.compressed(), x.long_segments(), f, r, partial_sums(f.rank, workspace));
  }

  void reserve(int rank, bool passes, Workspace& workspace) const override {
    DeviceMatrix<T>::reserve(rank, passes, workspace);
    partial_sums(rank, workspace);
    workspace.get<std::byte>(Workspace::accumulators, csr_loss_bytes(rank));
  }

  void loss(Factor<const T> w, Factor<const T> h, double* out, Workspace& workspace) const override {
    // ||X - WH||^2 = sum over the entries of x (x - 2 v), plus ||WH||^2 = <WW', HH'>; all in double, since they cancel.
    const int k = w.rank;
    const std::int64_t size = static_cast<std::int64_t>(k) * k;
    auto* memory = reinterpret_cast<double*>(workspace.get<std::byte>(Workspace::accumulators, csr_loss_bytes(k)));
    double *gram_w = memory + 1, *gram_h = gram_w + size;
    gram_matrix<double>(this->gpu_, w, core::Gram<double>{gram_w, k});
    gram_matrix<double>(this->gpu_, h, core::Gram<double>{gram_h, k});
    dot_product(this->gpu_, Factor<const double>{gram_w, k, k, k}, Factor<const double>{gram_h, k, k, k}, memory);
    sparse_squared_loss(this->gpu_, rows_.compressed(), w, h, memory, out);
  }

  void reserve_divergence(int rank, const core::Divergence& divergence, bool passes,
                          Workspace& workspace) const override {
    DeviceMatrix<T>::reserve_divergence(rank, divergence, passes, workspace);
    partial_sums(divergence.has_closed_denominator() ? rank : 2 * rank, workspace);
    workspace.get<std::byte>(Workspace::accumulators, csr_divergence_bytes(rank));
  }

  std::optional<core::BadEntry> find_zero() const override {
    const Survey found = this->survey(1, 0, [&](unsigned*, Survey* out) {
      find_zero_entry(this->gpu_, rows_.compressed(), n_, !shape().complete(), out);
    });
    if (found.first_invalid == Survey::kNone) return {};
    const auto key = static_cast<std::int64_t>(found.first_invalid);
    return core::BadEntry{key / n_, key % n_, 0};
  }

  void divergence_terms(Side side, Factor<const T> w, Factor<const T> h, const core::Divergence& divergence,
                        Factor<T> numerator, Factor<T> denominator, Workspace& workspace) const override {
    const Orientation<T>& x = side == Side::w ? rows_ : columns_;
    const int sums = denominator.data != nullptr ? 2 * w.rank : w.rank;
    sparse_divergence_terms(this->gpu_, x.compressed(), x.long_segments(), side == Side::w ? w : h,
                            side == Side::w ? h : w, divergence, numerator, denominator, partial_sums(sums, workspace));
  }

  void reserve_coordinate_descent(int, Workspace& workspace) const override {
    workspace.get<T>(Workspace::panels, rows_.nonzeros);
  }

  void coordinate_descent(Side side, Factor<T> f, Factor<const T> fixed, const core::Divergence& divergence,
                          const T* fixed_sums, core::ScaledPenalty penalty, int sweeps,
                          Workspace& workspace) const override {
    const Orientation<T>& x = side == Side::w ? rows_ : columns_;
    descend_sparse(this->gpu_, x.compressed(), x.longest(), f, fixed, {fixed_sums, penalty, sweeps, divergence},
                   workspace.get<T>(Workspace::panels, rows_.nonzeros));
  }

  void divergence(Factor<const T> w, Factor<const T> h, const core::Divergence& divergence, double* out,
                  Workspace& workspace) const override {
    if (!divergence.complete) return sparse_divergence(this->gpu_, rows_.compressed(), w, h, divergence, out);
    // Kullback-Leibler: the sum of all of WH is the dot product of the sums of the components.
    const int k = w.rank;
    auto* memory =
        reinterpret_cast<double*>(workspace.get<std::byte>(Workspace::accumulators, csr_divergence_bytes(k)));
    double *sums_w = memory + 1, *sums_h = sums_w + k;
    component_pairs<T, double>(this->gpu_, Pairs::sum_and_squares, w, sums_w, nullptr);
    component_pairs<T, double>(this->gpu_, Pairs::sum_and_squares, h, sums_h, nullptr);
    dot_product(this->gpu_, Factor<const double>{sums_w, k, 1, k}, Factor<const double>{sums_h, k, 1, k}, memory);
    sparse_kullback_leibler(this->gpu_, rows_.compressed(), w, h, divergence.floor, memory, out);
  }

 private:
  T* partial_sums(int sums, Workspace& workspace) const {
    return workspace.get<T>(Workspace::partial_sums, csr_partial_sums(shape(), sums));
  }

  template <class View>
  void take_values(const View& x, const T* weights) {
    rows_.values = {this->gpu_, x.values, x.nonzeros, x.space};
    if (weighted_) rows_.weights = {this->gpu_, weights, x.nonzeros, x.space};
  }

  template <class Index>
  Survey take_rows(const CsrView<T, Index>& x, const T* weights) {
    rows_.offsets = {this->gpu_, x.row_offsets, m_ + 1, x.space};
    check_offsets();
    take_values(x, weights);
    return take_indices(Array<Index>(this->gpu_, x.column_indices, x.nonzeros, x.space));
  }

  template <class Index>
  Survey take_rows(const CooView<T, Index>& x, const T* weights) {
    const Gpu& gpu = this->gpu_;
    const Array<Index> rows(gpu, x.row_indices, x.nonzeros, x.space);
    const Array<Index> columns(gpu, x.column_indices, x.nonzeros, x.space);
    take_values(x, weights);
    check_entries(rows.data(), columns.data());
    sort(columns.data(), [&](const std::int64_t* positions, std::int32_t* out) {
      if constexpr (std::is_same_v<Index, std::int32_t>) {
        gather(gpu, x.nonzeros, rows.data(), positions, out);
      } else {
        const Buffer<std::int32_t> narrow(gpu.memory(), x.nonzeros);
        narrow_integers(gpu, x.nonzeros, rows.data(), narrow.data());
        gather(gpu, x.nonzeros, narrow.data(), positions, out);
      }
    });
    return look(rows_.indices.data());
  }

  // Of coordinates, with their values and weights; the first bad one in the order given is reported.
  template <class Index>
  void check_entries(const Index* rows, const Index* columns) const {
    const Survey found = this->survey(1, 0, [&](unsigned*, Survey* out) {
      check_coordinates(this->gpu_, rows_.compressed(), rows, m_, columns, n_, out);
    });
    if (found.first_invalid == Survey::kNone) return;
    const auto p = static_cast<std::int64_t>(found.first_invalid);
    const auto weight = weighted_ ? static_cast<double>(read_one(this->gpu_, rows_.weights.data() + p)) : 1;
    core::refuse_entry_at(m_, n_, p, read_one(this->gpu_, rows + p), read_one(this->gpu_, columns + p),
                          static_cast<double>(read_one(this->gpu_, rows_.values.data() + p)), weight);
  }

  void check_offsets() const {
    const Survey found = this->survey(1, 0, [&](unsigned*, Survey* out) {
      survey_offsets(this->gpu_, m_, rows_.nonzeros, rows_.offsets.data(), out);
    });
    if (found.first_invalid == Survey::kNone) return;
    const auto i = static_cast<std::int64_t>(found.first_invalid);
    const std::int64_t* offset = rows_.offsets.data() + i;
    core::refuse_offset(i, read_one(this->gpu_, offset), i > 0 ? read_one(this->gpu_, offset - 1) : 0, rows_.nonzeros);
  }

  // Takes them over, in order and in 32 bits, and sorts the entries by them if they are not.
  template <class Index>
  Survey take_indices(Array<Index> indices) {
    Survey found = look(indices.data());
    if (found.unsorted != 0) {
      sort(indices.data(), [&](const std::int64_t* positions, std::int32_t* rows) {
        find_segments(this->gpu_, m_, rows_.nonzeros, rows_.offsets.data(), positions, rows);
      });
      found = look(rows_.indices.data());
    } else if constexpr (std::is_same_v<Index, std::int32_t>) {
      rows_.indices = std::move(indices);
    } else {
      Buffer<std::int32_t> narrow(this->gpu_.memory(), rows_.nonzeros);
      narrow_integers(this->gpu_, rows_.nonzeros, indices.data(), narrow.data());
      rows_.indices = std::move(narrow);
    }
    return found;
  }

  template <class Index>
  Survey look(const Index* indices) const {
    const Survey found = this->survey(m_, n_, [&](unsigned* used, Survey* out) {
      survey_sparse(this->gpu_, rows_.compressed(), n_, indices, used, out);
    });
    if (found.first_invalid == Survey::kNone) return found;
    const auto p = static_cast<std::int64_t>(found.first_invalid);
    std::vector<std::int64_t> offsets(static_cast<std::size_t>(m_) + 1);
    this->gpu_.copy(offsets.data(), rows_.offsets.data(), (m_ + 1) * static_cast<std::int64_t>(sizeof(std::int64_t)));
    this->gpu_.synchronize();
    const std::int64_t row = std::upper_bound(offsets.begin(), offsets.end(), p) - offsets.begin() - 1;
    const auto column = static_cast<std::int64_t>(read_one(this->gpu_, indices + p));
    if (weighted_ && column >= 0 && column < n_) {
      const auto weight = static_cast<double>(read_one(this->gpu_, rows_.weights.data() + p));
      if (!(weight >= 0) || !std::isfinite(weight)) core::refuse_weight(row, column, weight);
    }
    core::refuse_entry(n_, row, p, column, static_cast<double>(read_one(this->gpu_, rows_.values.data() + p)));
  }

  // Sorts the entries by row and column and adds up those that are repeated, which those with weights may not be.
  // find_rows(positions, rows): rows[q] = the row of entry positions[q].
  template <class Index, class FindRows>
  void sort(const Index* indices, FindRows&& find_rows) {
    const Gpu& gpu = this->gpu_;
    const std::int64_t nonzeros = rows_.nonzeros;
    MemoryResource& memory = gpu.memory();
    const Buffer<std::int32_t> narrow(memory, nonzeros), keys(memory, nonzeros);
    const Buffer<std::int64_t> positions(memory, nonzeros);
    number_entries(gpu, nonzeros, indices, narrow.data(), positions.data());
    gpu.copy(keys.data(), narrow.data(), static_cast<std::int64_t>(keys.bytes()));
    stable_sort_by_key(gpu, nonzeros, keys.data(), positions.data(), n_);
    find_rows(positions.data(), keys.data());
    stable_sort_by_key(gpu, nonzeros, keys.data(), positions.data(), m_);
    const Buffer<std::int32_t> columns(memory, nonzeros);
    const Buffer<T> values(memory, nonzeros);
    gather(gpu, nonzeros, narrow.data(), positions.data(), columns.data());
    gather(gpu, nonzeros, rows_.values.data(), positions.data(), values.data());
    const Buffer<std::int64_t> target(memory, nonzeros + 1);
    mark_starts(gpu, nonzeros, keys.data(), columns.data(), target.data());
    exclusive_sum(gpu, nonzeros + 1, target.data());
    rows_.nonzeros = read_one(gpu, target.data() + nonzeros);
    if (weighted_) {
      if (rows_.nonzeros < nonzeros) refuse_first_repeated(target, keys.data(), columns.data());
      Buffer<T> weights(memory, nonzeros);
      gather(gpu, nonzeros, rows_.weights.data(), positions.data(), weights.data());
      rows_.weights = std::move(weights);
    }
    const Buffer<std::int32_t> row_of(memory, rows_.nonzeros);
    Buffer<std::int32_t> sorted_columns(memory, rows_.nonzeros);
    Buffer<T> sorted_values(memory, rows_.nonzeros);
    add_runs(gpu, nonzeros, target.data(), keys.data(), columns.data(), values.data(), row_of.data(),
             sorted_columns.data(), sorted_values.data());
    compress(gpu, rows_, m_, row_of.data());
    rows_.indices = std::move(sorted_columns);
    rows_.values = std::move(sorted_values);
  }

  // `starts`: of runs of entries at the same row and column, before each entry and after all.
  [[noreturn]] void refuse_first_repeated(const Buffer<std::int64_t>& starts, const std::int32_t* rows,
                                          const std::int32_t* columns) const {
    std::vector<std::int64_t> before(static_cast<std::size_t>(starts.size()));
    this->gpu_.copy(before.data(), starts.data(), static_cast<std::int64_t>(starts.bytes()));
    this->gpu_.synchronize();
    const std::int64_t q = std::adjacent_find(before.begin(), before.end()) - before.begin();
    core::refuse_repeated(read_one(this->gpu_, rows + q), read_one(this->gpu_, columns + q));
  }

  std::int64_t m_, n_;
  Missing missing_;
  bool weighted_;
  Orientation<T> rows_, columns_;
};

}  // namespace

template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_csr_matrix(const Gpu& gpu, const core::AnySparseView<T>& x,
                                                           const core::Observed<T>& observed) {
  return std::visit([&](const auto& view) { return std::make_shared<CsrMatrix<T>>(gpu, view, observed); }, x);
}

std::int64_t csr_matrix_bytes(const Gpu& gpu, const MatrixShape& shape, int element_size) {
  const auto of_products = [&](std::int64_t count, std::int64_t length) {
    const bool by_cusparse = shape.complete() && uses_cusparse(gpu.sparse_product(), count, length, shape.nonzeros);
    return by_cusparse ? cusparse_product_bytes(gpu, count, length, shape.nonzeros, element_size) : 0;
  };
  return shape.nonzeros * ((shape.weighted ? 2 : 1) * element_size + 4) + 8 * (shape.columns + 1) +
         of_products(shape.rows, shape.columns) + of_products(shape.columns, shape.rows);
}

std::int64_t csr_partial_sums(const MatrixShape& shape, int sums) {
  return sums * std::max(most_parts(shape.nonzeros, shape.rows, shape.columns),
                         most_parts(shape.nonzeros, shape.columns, shape.rows));
}

std::int64_t csr_loss_bytes(int rank) { return 8 * (1 + 2 * static_cast<std::int64_t>(rank) * rank); }

std::int64_t csr_divergence_bytes(int rank) { return 8 * (1 + 2 * static_cast<std::int64_t>(rank)); }

template std::shared_ptr<const core::DataMatrix<float>> make_csr_matrix(const Gpu&, const core::AnySparseView<float>&,
                                                                        const core::Observed<float>&);
template std::shared_ptr<const core::DataMatrix<double>> make_csr_matrix(const Gpu&, const core::AnySparseView<double>&,
                                                                         const core::Observed<double>&);

}  // namespace orthant::cuda
