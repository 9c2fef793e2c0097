#include "host/cpu/csr_matrix.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "host/cpu/compress.hpp"
#include "host/cpu/factor_update.hpp"
#include "host/cpu/parallel.hpp"
#include "host/cpu/scratch.hpp"
#include "host/cpu/skinny_product.hpp"
#include "host/cpu/sparse_coordinate_descent.hpp"
#include "host/cpu/sparse_divergence.hpp"
#include "host/cpu/sparse_product.hpp"
#include "host/cpu/survey.hpp"

namespace orthant::cpu {

using core::Factor;
using core::Gram;
using core::KktSums;
using core::Side;
using core::Terms;
using core::Workspace;

namespace {

// Bands for a factor of `gathered` columns: 8192 columns each, but 16 entries or more in a segment on average, so that
// loading and storing its sums stays cheap.
int band_count(std::int64_t gathered, std::int64_t count, std::int64_t nonzeros) {
  const std::int64_t wanted = (gathered + 8191) / 8192, affordable = nonzeros / (16 * count);
  return static_cast<int>(std::clamp<std::int64_t>(std::min(wanted, affordable), 1, 1024));
}

// Tasks of for_balanced whose results are added up in their order: by X and the rank alone, whatever the number of
// threads. Few of small X, so that handing them out costs little beside what they do.
template <class T>
int tasks_of(const Compressed<T>& x, std::int64_t per_segment, int rank) {
  const std::int64_t entries = x.offsets[x.bands * (x.count + 1) - 1] - x.offsets[0];
  const std::int64_t work = (entries + x.count * per_segment) * rank;
  return static_cast<int>(std::clamp<std::int64_t>(work / (1 << 15), 1, kMaxChunks));
}

template <class T>
class CsrMatrix final : public core::DataMatrix<T> {
 public:
  CsrMatrix(const CpuRuntime& runtime, const core::AnySparseView<T>& x, const core::Observed<T>& observed)
      : threads_(runtime.threads()), rows_(compress_rows(x, observed.weights, runtime.memory(), threads_)) {
    const std::int64_t columns = std::visit([](const auto&view) { return view.columns; }, x), rows = rows_.count,
                       nonzeros = rows_.offsets[rows];
    shape_ = {rows, columns, nonzeros, Layout::row_major, observed.missing, observed.weights != nullptr};
    if (core::local_side(shape_) == Side::w) {
      columns_ = transpose(rows_, columns, band_count(rows, columns, nonzeros), runtime.memory(), threads_);
    } else {
      columns_ = transpose(rows_, columns, 1, runtime.memory(), threads_);
      const int bands = band_count(columns, rows, nonzeros);
      if (bands > 1) rows_ = transpose(columns_, rows, bands, runtime.memory(), threads_);
    }
    measure();
  }

  MatrixShape shape() const override { return shape_; }
  core::MatrixStatistics statistics() const override { return statistics_; }
  std::int64_t bytes() const override { return rows_.bytes() + columns_.bytes(); }

  void product(Side side, Factor<const T> f, Factor<T> r, Workspace&) const override {
    const Compressed<T>& x = side == Side::h ? rows_ : columns_;
    // With bands, a thread keeps to one range of segments, so that a band is loaded once per thread.
    const int tasks = x.bands > 1 ? threads_ : std::min(kMaxChunks, 8 * threads_);
    for_balanced(x.offsets, x.count, 16, tasks, threads_, [&](int, std::int64_t begin, std::int64_t length) {
      for (int band = 0; band < x.bands; ++band) {
        gathered_product(x.band(band, begin, length), f, r.panel(begin, length), band == 0);
      }
    });
  }

  void loss(Factor<const T> w, Factor<const T> h, double* out, Workspace&) const override {
    // ||X - WH||^2 / 2 = sum over the stored entries of (x - v)^2 / 2 - v^2 / 2, plus ||WH||^2 / 2, ||WH||^2 being
    // <WW', HH'>: all in double, since the last two cancel where WH vanishes off the entries.
    const double sum = stored_sum(w, h, {.beta = 2}) + squared_norm_of_product(w, h) / 2;
    *out = sum < 0 ? 0 : sum;  // NaN stays
  }

  void pass(Side side, Factor<T> local, Factor<const T> fixed, Gram<const T> fixed_gram,
            const core::UpdateRule<T>& rule, Factor<T> r, KktSums* kkt, Workspace& workspace) const override {
    const Compressed<T>& x = side == Side::w ? rows_ : columns_;
    const int k = local.rank;
    const std::int64_t panel_size = static_cast<std::int64_t>(kUpdateColumns) * k;
    T* panels = workspace.get<T>(Workspace::panels, threads_ * panel_size);
    KktSums parts[kMaxChunks] = {};
    for_balanced(x.offsets, x.count, k / 4 + 8, tasks_of(x, k / 4 + 8, k), threads_,
                 [&](int task, std::int64_t begin, std::int64_t length, int worker) {
                   T* memory = panels + worker * panel_size;
                   for (std::int64_t p = begin; p < begin + length; p += kUpdateColumns) {
                     const std::int64_t n = std::min<std::int64_t>(kUpdateColumns, begin + length - p);
                     const Factor<T> product{memory, k, n, k};
                     for (int band = 0; band < x.bands; ++band) {
                       gathered_product(x.band(band, p, n), fixed, product, band == 0);
                     }
                     KktSums sums;
                     rule.apply(local.panel(p, n), Terms<T>{fixed_gram, product}, kkt != nullptr ? &sums : nullptr);
                     parts[task] += sums;
                   }
                 });
    if (kkt != nullptr) {
      *kkt = {};
      for (const KktSums& part : parts) *kkt += part;
    }
    this->product(side, local, r, workspace);
  }

  std::optional<core::BadEntry> find_zero() const override {
    // By columns, whose rows are sorted within a band: the first row of each with a zero that counts.
    std::optional<core::BadEntry> first;
    for (std::int64_t j = 0; j < columns_.count; ++j) {
      const std::int64_t row = first_zero(j);
      if (row < shape_.rows && (!first || row < first->row)) first = core::BadEntry{row, j, 0};
    }
    return first;
  }

  void divergence_terms(Side side, Factor<const T> w, Factor<const T> h, const core::Divergence& divergence,
                        Factor<T> numerator, Factor<T> denominator, Workspace&) const override {
    terms(side, side == Side::w ? w : h, side == Side::w ? h : w, divergence, numerator, denominator);
  }

  void divergence_pass(Side side, Factor<T> local, Factor<const T> fixed, const core::Divergence& divergence,
                       Factor<const T> known_denominator, const core::UpdateRule<T>& rule, Factor<T> numerator,
                       Factor<T> denominator, KktSums* kkt, Workspace& workspace) const override {
    const Compressed<T>& x = side == Side::w ? rows_ : columns_;
    const int k = local.rank;
    const bool known = divergence.has_closed_denominator();
    const std::int64_t sums_size = static_cast<std::int64_t>(kUpdateColumns) * k, size = (known ? 1 : 2) * sums_size;
    T* panels = workspace.get<T>(Workspace::panels, threads_ * size);
    KktSums parts[kMaxChunks] = {};
    for_balanced(x.offsets, x.count, k / 4 + 8, tasks_of(x, k / 4 + 8, k), threads_,
                 [&](int task, std::int64_t begin, std::int64_t length, int worker) {
                   T* memory = panels + worker * size;
                   for (std::int64_t p = begin; p < begin + length; p += kUpdateColumns) {
                     const std::int64_t n = std::min<std::int64_t>(kUpdateColumns, begin + length - p);
                     const Factor<T> panel = local.panel(p, n), own_numerator{memory, k, n, k};
                     const Factor<T> own_denominator = known ? Factor<T>{} : Factor<T>{memory + sums_size, k, n, k};
                     add_terms(x, p, panel, fixed, divergence, own_numerator, own_denominator);
                     KktSums kkt_sums;
                     rule.apply(
                         panel,
                         {{}, own_numerator, known ? known_denominator.panel(p, n) : Factor<const T>(own_denominator)},
                         kkt != nullptr ? &kkt_sums : nullptr);
                     parts[task] += kkt_sums;
                   }
                 });
    if (kkt != nullptr) {
      *kkt = {};
      for (const KktSums& part : parts) *kkt += part;
    }
    terms(other(side), fixed, local, divergence, numerator, denominator);
  }

  void coordinate_descent(Side side, Factor<T> f, Factor<const T> fixed, const core::Divergence& divergence,
                          const T* fixed_sums, core::ScaledPenalty penalty, int sweeps,
                          Workspace& workspace) const override {
    const Compressed<T>& x = side == Side::w ? rows_ : columns_;
    sparse_coordinate_descent({f.rank, divergence, fixed_sums, penalty, sweeps}, x, shape_, f, fixed, threads_,
                              workspace);
  }

  void divergence(Factor<const T> w, Factor<const T> h, const core::Divergence& divergence, double* out,
                  Workspace&) const override {
    *out = stored_sum(w, h, divergence);
    if (!divergence.complete) return;
    // The sum of all of WH is the dot product of the sums of the components.
    const auto k = static_cast<std::size_t>(w.rank);
    std::vector<double> sums_w(k), sums_h(k);
    for (std::int64_t i = 0; i < w.count; ++i) {
      for (std::size_t c = 0; c < k; ++c) sums_w[c] += static_cast<double>(w.column(i)[c]);
    }
    for (std::int64_t j = 0; j < h.count; ++j) {
      for (std::size_t c = 0; c < k; ++c) sums_h[c] += static_cast<double>(h.column(j)[c]);
    }
    *out += std::inner_product(sums_w.begin(), sums_w.end(), sums_h.begin(), 0.0);
  }

 private:
  double stored_sum(Factor<const T> w, Factor<const T> h, const core::Divergence& divergence) const {
    double parts[kMaxChunks] = {};
    for_balanced(columns_.offsets, columns_.count, 16, tasks_of(columns_, 16, w.rank), threads_,
                 [&](int task, std::int64_t begin, std::int64_t length) {
                   for (int band = 0; band < columns_.bands; ++band) {
                     parts[task] += sparse_divergence_sum(columns_.band(band, begin, length), h.panel(begin, length), w,
                                                          divergence);
                   }
                 });
    return std::accumulate(std::begin(parts), std::end(parts), 0.0);
  }

  // Terms of segments [first, first + sums.count), whose columns of the factor are `panel`.
  static void add_terms(const Compressed<T>& x, std::int64_t first, Factor<const T> panel, Factor<const T> fixed,
                        const core::Divergence& divergence, Factor<T> numerator, Factor<T> denominator) {
    for (const Factor<T>& sums : {numerator, denominator}) {
      for (std::int64_t j = 0; j < sums.count; ++j) std::fill_n(sums.column(j), sums.rank, T(0));
    }
    for (int band = 0; band < x.bands; ++band) {
      accumulate_divergence(x.band(band, first, panel.count), panel, fixed, divergence, numerator, denominator);
    }
  }

  void terms(Side side, Factor<const T> f, Factor<const T> fixed, const core::Divergence& divergence,
             Factor<T> numerator, Factor<T> denominator) const {
    const Compressed<T>& x = side == Side::w ? rows_ : columns_;
    const int tasks = x.bands > 1 ? threads_ : std::min(kMaxChunks, 8 * threads_);
    for_balanced(x.offsets, x.count, 16, tasks, threads_, [&](int, std::int64_t begin, std::int64_t length) {
      add_terms(x, begin, f.panel(begin, length), fixed, divergence, numerator.panel(begin, length),
                denominator.data != nullptr ? denominator.panel(begin, length) : Factor<T>{});
    });
  }

  // By chunks of the entries alone, so that sums are the same bits for any number of threads.
  void measure() {
    struct Sums {
      double sum = 0, squares = 0, weight = 0;
      Sums& operator+=(const Sums& more) {
        sum += more.sum;
        squares += more.squares;
        weight += more.weight;
        return *this;
      }
    };
    const Chunks chunks(shape_.nonzeros, 4096);
    const auto sums =
        sum_chunks<Sums>(chunks, worth_waking(threads_, shape_.nonzeros), [&](std::int64_t begin, std::int64_t length) {
          if (columns_.weights == nullptr) {
            const Survey look = survey(columns_.values + begin, length);
            return Sums{look.sum, look.squared, static_cast<double>(length)};
          }
          constexpr int kChains = 8;  // an addition waits for the one before
          double sum[kChains] = {}, squares[kChains] = {};
          Sums total;
          const auto add = [&](std::int64_t p, double weight) {
            const auto v = static_cast<double>(columns_.values[p]);
            sum[p % kChains] += weight * v;
            squares[p % kChains] += weight * v * v;
            total.weight += weight;
          };
          for (std::int64_t p = begin; p < begin + length; ++p) {
            // Where the weight is 0, values may be anything.
            if (const double weight = columns_.weight(p); weight > 0) add(p, weight);
          }
          total.sum = std::accumulate(std::begin(sum), std::end(sum), 0.0);
          total.squares = std::accumulate(std::begin(squares), std::end(squares), 0.0);
          return total;
        });
    statistics_.sum = sums.sum;
    statistics_.squared_norm = sums.squares;
    statistics_.weight = sums.weight;
    if (shape_.complete()) {
      statistics_.weight = static_cast<double>(shape_.rows) * static_cast<double>(shape_.columns);
    }
    statistics_.empty_rows = empty_segments(rows_);
    statistics_.empty_columns = empty_segments(columns_);
  }

  // The first row of column j whose entry is a zero that counts: one that is stored as 0 or, unless those are missing,
  // not stored.
  std::int64_t first_zero(std::int64_t j) const {
    const bool complete = shape_.complete();
    std::int64_t row = 0;
    for (int band = 0; band < columns_.bands; ++band) {
      const std::int64_t* offsets = columns_.offsets + band * (columns_.count + 1);
      for (std::int64_t p = offsets[j]; p < offsets[j + 1]; ++p, ++row) {
        if (complete && columns_.indices[p] != row) return row;
        if (columns_.values[p] == 0 && columns_.weight(p) > 0) return columns_.indices[p];
      }
    }
    return complete ? row : shape_.rows;
  }

  // Segments without an entry that counts and is not a stored zero.
  static std::int64_t empty_segments(const Compressed<T>& x) {
    std::int64_t empty = 0;
    for (std::int64_t i = 0; i < x.count; ++i) {
      bool used = false;
      for (int band = 0; band < x.bands && !used; ++band) {
        const std::int64_t* offsets = x.offsets + band * (x.count + 1);
        for (std::int64_t p = offsets[i]; p < offsets[i + 1] && !used; ++p) {
          used = x.values[p] != 0 && x.weight(p) > 0;
        }
      }
      empty += !used;
    }
    return empty;
  }

  double squared_norm_of_product(Factor<const T> w, Factor<const T> h) const {
    const std::int64_t k = w.rank, ld = padded<double>(k), panel = kUpdateColumns * k;
    std::vector<double> grams[2];
    const Factor<const T> factors[2] = {w, h};
    for_each_task(2, threads_, [&](int side) {
      const Factor<const T> f = factors[side];
      double *gram = scratch<CsrMatrix, double>(static_cast<std::size_t>(k * ld + panel)), *wide = gram + k * ld;
      std::fill_n(gram, k * ld, 0.0);
      for (std::int64_t j = 0; j < f.count; j += kUpdateColumns) {
        const std::int64_t n = std::min<std::int64_t>(kUpdateColumns, f.count - j);
        for (std::int64_t i = 0; i < n; ++i) std::copy_n(f.column(j + i), k, wide + i * k);
        columns(Block<double>{wide, n, k, k}, Factor<const double>{wide, f.rank, n, k}, gram, ld);
      }
      grams[side].assign(gram, gram + k * ld);
    });
    double sum = 0;
    for (std::int64_t c = 0; c < k; ++c) {
      const auto row = c * ld;
      sum = std::inner_product(grams[0].begin() + row, grams[0].begin() + row + k, grams[1].begin() + row, sum);
    }
    return sum;
  }

  int threads_;
  Compressed<T> rows_, columns_;
  MatrixShape shape_;
  core::MatrixStatistics statistics_;
};

}  // namespace

template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_csr_matrix(const CpuRuntime& runtime, const core::AnySparseView<T>& x,
                                                           const core::Observed<T>& observed) {
  return std::make_shared<CsrMatrix<T>>(runtime, x, observed);
}

std::int64_t csr_matrix_bytes(const MatrixShape& shape, int element_size) {
  const std::int64_t entries = shape.nonzeros * ((shape.weighted ? 2 : 1) * element_size + 4);
  if (core::local_side(shape) == core::Side::w) {
    return entries + 8 * (shape.columns + 1) * band_count(shape.rows, shape.columns, shape.nonzeros);
  }
  const int bands = band_count(shape.columns, shape.rows, shape.nonzeros);
  return entries + 8 * (shape.columns + 1) + (bands > 1 ? entries + 8 * bands * (shape.rows + 1) : 0);
}

std::int64_t csr_pass_bytes(const MatrixShape&, int rank, int element_size, int threads) {
  return static_cast<std::int64_t>(threads) * kUpdateColumns * rank * element_size;
}

std::int64_t csr_divergence_pass_bytes(const core::Divergence& divergence, int rank, int element_size, int threads) {
  const int sums = divergence.has_closed_denominator() ? 1 : 2;
  return static_cast<std::int64_t>(threads) * sums * kUpdateColumns * rank * element_size;
}

template std::shared_ptr<const core::DataMatrix<float>> make_csr_matrix(const CpuRuntime&,
                                                                        const core::AnySparseView<float>&,
                                                                        const core::Observed<float>&);
template std::shared_ptr<const core::DataMatrix<double>> make_csr_matrix(const CpuRuntime&,
                                                                         const core::AnySparseView<double>&,
                                                                         const core::Observed<double>&);

}  // namespace orthant::cpu
