#include "host/cpu/csr_matrix.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "host/core/validate.hpp"
#include "host/cpu/coordinate_descent.hpp"
#include "host/cpu/factor_update.hpp"
#include "host/cpu/parallel.hpp"
#include "host/cpu/sparse_divergence.hpp"
#include "host/cpu/sparse_product.hpp"
#include "host/cpu/subnormals.hpp"

namespace orthant::cpu {

using core::Buffer;
using core::Factor;
using core::Gram;
using core::KktSums;
using core::Side;
using core::Terms;
using core::Workspace;

namespace {

// X compressed along one side: `count` segments per band, a band being the entries whose index lies in one range of the
// gathered factor. A band's part of that factor stays in the second-level cache while all segments use it.
template <class T>
struct Compressed {
  std::int64_t count = 0;
  int bands = 1;
  const std::int64_t* offsets = nullptr;  // band b: offsets + b * (count + 1)
  const std::int32_t* indices = nullptr;
  const T* values = nullptr;
  Buffer<std::int64_t> own_offsets;
  Buffer<std::int32_t> own_indices;
  Buffer<T> own_values;

  std::int64_t bytes() const {
    return static_cast<std::int64_t>(own_offsets.bytes() + own_indices.bytes() + own_values.bytes());
  }
  void allocate(MemoryResource& memory, std::int64_t segments, int n_bands, std::int64_t nonzeros) {
    count = segments;
    bands = n_bands;
    own_offsets = Buffer<std::int64_t>(memory, n_bands * (segments + 1));
    own_indices = Buffer<std::int32_t>(memory, nonzeros);
    own_values = Buffer<T>(memory, nonzeros);
    offsets = own_offsets.data();
    indices = own_indices.data();
    values = own_values.data();
  }
};

// Bands for a factor of `gathered` columns: 8192 columns each, but 16 entries or more in a segment on average, so that
// loading and storing its sums stays cheap.
int band_count(std::int64_t gathered, std::int64_t count, std::int64_t nonzeros) {
  const std::int64_t wanted = (gathered + 8191) / 8192, affordable = nonzeros / (16 * count);
  return static_cast<int>(std::clamp<std::int64_t>(std::min(wanted, affordable), 1, 1024));
}

struct Entries {
  bool sorted = true;
};

template <class T, class Index>
void check_offsets(const CsrView<T, Index>& x) {
  if (x.row_offsets[0] != 0) core::refuse_offset(0, x.row_offsets[0], 0, x.nonzeros);
  for (std::int64_t i = 1; i <= x.rows; ++i) {
    const std::int64_t before = x.row_offsets[i - 1], offset = x.row_offsets[i];
    if (offset < before) core::refuse_offset(i, offset, before, x.nonzeros);
  }
  if (x.row_offsets[x.rows] != x.nonzeros) {
    core::refuse_offset(x.rows, x.row_offsets[x.rows], x.row_offsets[x.rows - 1], x.nonzeros);
  }
}

// Checks indices and values of all rows; the first bad entry is reported. Returns whether every row is sorted without
// repetition.
template <class T, class Index>
bool check_entries(const CsrView<T, Index>& x, int threads) {
  const Chunks chunks(x.rows, 1);
  std::vector<Entries> parts(static_cast<std::size_t>(chunks.chunks()));
  std::vector<std::int64_t> bad(static_cast<std::size_t>(chunks.chunks()), -1);  // first bad entry of each chunk
  for_chunks(chunks, threads, [&](int chunk, std::int64_t begin, std::int64_t length) {
    const auto c = static_cast<std::size_t>(chunk);
    for (std::int64_t i = begin; i < begin + length; ++i) {
      for (std::int64_t p = x.row_offsets[i]; p < x.row_offsets[i + 1]; ++p) {
        const Index j = x.column_indices[p];
        const T v = x.values[p];
        const bool good = j >= 0 && j < x.columns && v >= 0 && v <= std::numeric_limits<T>::max();
        if (!good && bad[c] < 0) bad[c] = p;
        if (p > x.row_offsets[i] && j <= x.column_indices[p - 1]) parts[c].sorted = false;
      }
    }
  });
  bool sorted = true;
  for (std::size_t c = 0; c < parts.size(); ++c) {
    sorted = sorted && parts[c].sorted;
    if (bad[c] < 0) continue;
    const std::int64_t p = bad[c];
    const std::int64_t row = std::upper_bound(x.row_offsets, x.row_offsets + x.rows + 1, p) - x.row_offsets - 1;
    core::refuse_entry(x.columns, row, p, static_cast<std::int64_t>(x.column_indices[p]),
                       static_cast<double>(x.values[p]));
  }
  return sorted;
}

// Tasks of about equal work: an entry counts one, a segment `per_segment`.
template <class Function>
void for_balanced(const std::int64_t* offsets, std::int64_t count, std::int64_t per_segment, int tasks, int threads,
                  Function&& function) {
  const auto weight = [&](std::int64_t i) { return offsets[i] - offsets[0] + i * per_segment; };
  const auto bound = [&](int task) {
    const std::int64_t target = weight(count) / tasks * task + weight(count) % tasks * task / tasks;
    std::int64_t low = 0, high = count;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (weight(middle) < target)
        low = middle + 1;
      else
        high = middle;
    }
    return task == tasks ? count : low;
  };
  for_each_task(tasks, threads, [&](int task) {
    const std::int64_t begin = bound(task), end = bound(task + 1);
    if (begin < end) function(task, begin, end - begin);
  });
}

// The transpose of `in` (one band), its gathered side (in.count) cut into bands. Entries keep their order.
template <class T>
Compressed<T> transpose(const Compressed<T>& in, std::int64_t count, int bands, MemoryResource& memory, int threads) {
  Compressed<T> out;
  const std::int64_t nonzeros = in.offsets[in.count];
  out.allocate(memory, count, bands, nonzeros);
  // A task is a range of in's segments within one band; starts[task][i] counts, then places, its entries of segment i.
  const int parts = std::max(1, (threads + bands - 1) / bands);
  const int tasks = bands * parts;
  const std::int64_t height = (in.count + bands - 1) / bands, step = (height + parts - 1) / parts;
  const auto begin = [&](int task) {
    const std::int64_t base = task / parts * height;
    return std::min({in.count, base + height, base + task % parts * step});
  };
  const auto end = [&](int task) {
    const std::int64_t base = task / parts * height;
    return std::min({in.count, base + height, base + (task % parts + 1) * step});
  };
  Buffer<std::int64_t> starts(memory, tasks * count);
  for_each_task(tasks, threads, [&](int task) {
    std::int64_t* start = starts.data() + task * count;
    std::fill_n(start, count, 0);
    for (std::int64_t p = in.offsets[begin(task)]; p < in.offsets[end(task)]; ++p) ++start[in.indices[p]];
  });
  std::int64_t position = 0;
  for (int band = 0; band < bands; ++band) {
    std::int64_t* offsets = out.own_offsets.data() + band * (count + 1);
    for (std::int64_t i = 0; i < count; ++i) {
      offsets[i] = position;
      for (int part = 0; part < parts; ++part) {
        std::int64_t& start = starts[(band * parts + part) * count + i];
        position += std::exchange(start, position);
      }
    }
    offsets[count] = position;
  }
  for_each_task(tasks, threads, [&](int task) {
    std::int64_t* start = starts.data() + task * count;
    for (std::int64_t s = begin(task); s < end(task); ++s) {
      for (std::int64_t p = in.offsets[s]; p < in.offsets[s + 1]; ++p) {
        const std::int64_t q = start[in.indices[p]]++;
        out.own_indices[q] = static_cast<std::int32_t>(s);
        out.own_values[q] = in.values[p];
      }
    }
  });
  return out;
}

template <class T>
class CsrMatrix final : public core::DataMatrix<T> {
 public:
  template <class Index>
  CsrMatrix(const CpuRuntime& runtime, const CsrView<T, Index>& x)
      : threads_(runtime.threads()), shape_{x.rows, x.columns, x.nonzeros} {
    core::check_csr(x, runtime);
    check_offsets(x);
    const bool sorted = check_entries(x, threads_);
    if constexpr (std::is_same_v<Index, std::int32_t>) {
      if (sorted) {
        rows_.count = x.rows;
        rows_.offsets = x.row_offsets;
        rows_.indices = x.column_indices;
        rows_.values = x.values;
      }
    }
    if (rows_.offsets == nullptr) copy_canonical(x, sorted, runtime.memory());
    const std::int64_t nonzeros = shape_.nonzeros;
    if (core::local_side(shape_) == Side::w) {
      columns_ = transpose(rows_, x.columns, band_count(x.rows, x.columns, nonzeros), runtime.memory(), threads_);
    } else {
      columns_ = transpose(rows_, x.columns, 1, runtime.memory(), threads_);
      const int bands = band_count(x.columns, x.rows, nonzeros);
      if (bands > 1) rows_ = transpose(columns_, x.rows, bands, runtime.memory(), threads_);
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
      for (std::int64_t j = begin; j < begin + length; ++j) std::fill_n(r.column(j), r.rank, T(0));
      for (int band = 0; band < x.bands; ++band) {
        accumulate_gathered(x.offsets + band * (x.count + 1) + begin, length, x.indices, x.values, f,
                            r.panel(begin, length));
      }
    });
  }

  void loss(Factor<const T> w, Factor<const T> h, double* out, Workspace&) const override {
    // ||X - WH||^2 = sum over the entries of (x - v)^2 - v^2, plus ||WH||^2 = <WW', HH'>: all in double, since the last
    // two cancel where WH vanishes off the entries.
    const auto sums =
        sum_chunks<double>(Chunks(columns_.count, 16), threads_, [&](std::int64_t begin, std::int64_t length) {
          double sum = 0;
          for (int band = 0; band < columns_.bands; ++band) {
            const std::int64_t* offsets = columns_.offsets + band * (columns_.count + 1);
            for (std::int64_t j = begin; j < begin + length; ++j) {
              const T* hj = h.column(j);
              for (std::int64_t p = offsets[j]; p < offsets[j + 1]; ++p) {
                const T* wi = w.column(columns_.indices[p]);
                double v = 0;
                for (int c = 0; c < w.rank; ++c) v += static_cast<double>(wi[c]) * static_cast<double>(hj[c]);
                const auto x = static_cast<double>(columns_.values[p]);
                sum += x * (x - 2 * v);
              }
            }
          }
          return sum;
        });
    *out = std::max(0.0, sums + squared_norm_of_product(w, h)) / 2;
  }

  void pass(Side side, Factor<T> local, Factor<const T> fixed, Gram<const T> fixed_gram,
            const core::UpdateRule<T>& rule, Factor<T> r, KktSums* kkt, Workspace& workspace) const override {
    const Compressed<T>& x = side == Side::w ? rows_ : columns_;
    const int k = local.rank;
    const std::int64_t panel_size = static_cast<std::int64_t>(kUpdateColumns) * k;
    T* panels = workspace.get<T>(Workspace::panels, threads_ * panel_size);
    KktSums parts[kMaxChunks] = {};
    for_balanced(
        x.offsets, x.count, k / 4 + 8, kMaxChunks, threads_, [&](int task, std::int64_t begin, std::int64_t length) {
          T* memory = panels + omp_get_thread_num() * panel_size;
          for (std::int64_t p = begin; p < begin + length; p += kUpdateColumns) {
            const std::int64_t n = std::min<std::int64_t>(kUpdateColumns, begin + length - p);
            const Factor<T> product{memory, k, n, k};
            std::fill_n(memory, n * k, T(0));
            for (int band = 0; band < x.bands; ++band) {
              accumulate_gathered(x.offsets + band * (x.count + 1) + p, n, x.indices, x.values, fixed, product);
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
    // By columns, whose rows are sorted within a band: the first row of each that is not stored, or stored as 0.
    std::optional<core::BadEntry> first;
    for (std::int64_t j = 0; j < columns_.count; ++j) {
      std::int64_t row = 0;
      for (int band = 0; band < columns_.bands; ++band) {
        const std::int64_t* offsets = columns_.offsets + band * (columns_.count + 1);
        for (std::int64_t p = offsets[j]; p < offsets[j + 1]; ++p, ++row) {
          if (columns_.indices[p] != row || columns_.values[p] == 0) break;
        }
      }
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
    const std::int64_t panel_size = static_cast<std::int64_t>(kUpdateColumns) * k;
    T* panels = workspace.get<T>(Workspace::panels, threads_ * panel_size);
    KktSums parts[kMaxChunks] = {};
    for_balanced(x.offsets, x.count, k / 4 + 8, kMaxChunks, threads_,
                 [&](int task, std::int64_t begin, std::int64_t length) {
                   T* memory = panels + omp_get_thread_num() * panel_size;
                   for (std::int64_t p = begin; p < begin + length; p += kUpdateColumns) {
                     const std::int64_t n = std::min<std::int64_t>(kUpdateColumns, begin + length - p);
                     const Factor<T> panel = local.panel(p, n), sums{memory, k, n, k};
                     add_terms(x, p, panel, fixed, divergence, sums, {});
                     KktSums kkt_sums;
                     rule.apply(panel, {{}, sums, known_denominator.panel(p, n)}, kkt != nullptr ? &kkt_sums : nullptr);
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
    // A thread holds one segment at a time, its bands one after the other.
    const Compressed<T>& x = side == Side::w ? rows_ : columns_;
    const std::int64_t longest = std::max(f.count, fixed.count);
    T* numbers = workspace.get<T>(Workspace::panels, threads_ * 3 * longest);
    auto* places = workspace.get<std::int32_t>(Workspace::packed, threads_ * longest);
    const ColumnProblem<T> problem{f.rank, fixed_sums, penalty, sweeps, static_cast<T>(divergence.floor)};
    for_balanced(x.offsets, x.count, 16, kMaxChunks, threads_, [&](int, std::int64_t begin, std::int64_t length) {
      const FlushSubnormals flush;
      T* v = numbers + omp_get_thread_num() * 3 * longest;
      T *h = v + longest, *values = h + longest;
      std::int32_t* indices = places + omp_get_thread_num() * longest;
      for (std::int64_t i = begin; i < begin + length; ++i) {
        std::int64_t count = 0;
        for (int band = 0; band < x.bands; ++band) {
          const std::int64_t* offsets = x.offsets + band * (x.count + 1);
          std::copy(x.values + offsets[i], x.values + offsets[i + 1], values + count);
          std::copy(x.indices + offsets[i], x.indices + offsets[i + 1], indices + count);
          count += offsets[i + 1] - offsets[i];
        }
        descend_gathered(problem, values, count, fixed, indices, h, v, f.column(i));
      }
    });
  }

  void divergence(Factor<const T> w, Factor<const T> h, const core::Divergence& divergence, double* out,
                  Workspace&) const override {
    double parts[kMaxChunks] = {};
    for_balanced(columns_.offsets, columns_.count, 16, kMaxChunks, threads_,
                 [&](int task, std::int64_t begin, std::int64_t length) {
                   for (int band = 0; band < columns_.bands; ++band) {
                     parts[task] += sparse_kullback_leibler(
                         columns_.offsets + band * (columns_.count + 1) + begin, length, columns_.indices,
                         columns_.values, Factor<const T>(h.panel(begin, length)), w, divergence.floor);
                   }
                 });
    // The sum of all of WH is the dot product of the sums of the components.
    const auto k = static_cast<std::size_t>(w.rank);
    std::vector<double> sums_w(k), sums_h(k);
    for (std::int64_t i = 0; i < w.count; ++i) {
      for (std::size_t c = 0; c < k; ++c) sums_w[c] += static_cast<double>(w.column(i)[c]);
    }
    for (std::int64_t j = 0; j < h.count; ++j) {
      for (std::size_t c = 0; c < k; ++c) sums_h[c] += static_cast<double>(h.column(j)[c]);
    }
    *out = std::accumulate(std::begin(parts), std::end(parts),
                           std::inner_product(sums_w.begin(), sums_w.end(), sums_h.begin(), 0.0));
  }

 private:
  // Terms of segments [first, first + sums.count), whose columns of the factor are `panel`.
  static void add_terms(const Compressed<T>& x, std::int64_t first, Factor<const T> panel, Factor<const T> fixed,
                        const core::Divergence& divergence, Factor<T> numerator, Factor<T> denominator) {
    for (const Factor<T>& sums : {numerator, denominator}) {
      for (std::int64_t j = 0; j < sums.count; ++j) std::fill_n(sums.column(j), sums.rank, T(0));
    }
    for (int band = 0; band < x.bands; ++band) {
      accumulate_divergence(x.offsets + band * (x.count + 1) + first, panel.count, x.indices, x.values, panel, fixed,
                            divergence, numerator, denominator);
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

  template <class Index>
  void copy_canonical(const CsrView<T, Index>& x, bool sorted, MemoryResource& memory) {
    Buffer<std::int64_t> lengths(memory, x.rows + 1);
    Compressed<T> copy;
    copy.allocate(memory, x.rows, 1, x.nonzeros);
    for_balanced(x.row_offsets, x.rows, 1, std::min(kMaxChunks, 8 * threads_), threads_,
                 [&](int, std::int64_t begin, std::int64_t length) {
                   std::vector<std::pair<std::int32_t, T>> row;
                   for (std::int64_t i = begin; i < begin + length; ++i) {
                     const std::int64_t first = x.row_offsets[i], last = x.row_offsets[i + 1];
                     row.clear();
                     for (std::int64_t p = first; p < last; ++p) {
                       row.emplace_back(static_cast<std::int32_t>(x.column_indices[p]), x.values[p]);
                     }
                     if (!sorted) {
                       std::stable_sort(row.begin(), row.end(),
                                        [](const auto& a, const auto& b) { return a.first < b.first; });
                     }
                     std::int64_t q = first;
                     for (const auto& [j, v] : row) {
                       if (q > first && copy.own_indices[q - 1] == j) {
                         copy.own_values[q - 1] += v;
                       } else {
                         copy.own_indices[q] = j;
                         copy.own_values[q++] = v;
                       }
                     }
                     lengths[i] = q - first;
                   }
                 });
    std::int64_t position = 0;  // closes the gaps that added-up entries left
    for (std::int64_t i = 0; i < x.rows; ++i) {
      const std::int64_t first = x.row_offsets[i];
      std::copy_n(copy.own_indices.data() + first, lengths[i], copy.own_indices.data() + position);
      std::copy_n(copy.own_values.data() + first, lengths[i], copy.own_values.data() + position);
      copy.own_offsets[i] = position;
      position += lengths[i];
    }
    copy.own_offsets[x.rows] = position;
    shape_.nonzeros = position;
    rows_ = std::move(copy);
  }

  void measure() {
    for (const T* v = columns_.values; v != columns_.values + shape_.nonzeros; ++v) {
      const auto d = static_cast<double>(*v);
      statistics_.sum += d;
      statistics_.squared_norm += d * d;
    }
    statistics_.empty_rows = empty_segments(rows_);
    statistics_.empty_columns = empty_segments(columns_);
  }

  // Segments without an entry other than a stored zero.
  static std::int64_t empty_segments(const Compressed<T>& x) {
    std::int64_t empty = 0;
    for (std::int64_t i = 0; i < x.count; ++i) {
      bool used = false;
      for (int band = 0; band < x.bands && !used; ++band) {
        const std::int64_t* offsets = x.offsets + band * (x.count + 1);
        used = std::any_of(x.values + offsets[i], x.values + offsets[i + 1], [](T v) { return v != 0; });
      }
      empty += !used;
    }
    return empty;
  }

  double squared_norm_of_product(Factor<const T> w, Factor<const T> h) const {
    const auto size = static_cast<std::size_t>(w.rank) * static_cast<std::size_t>(w.rank);
    std::vector<double> grams[2];
    const Factor<const T> factors[2] = {w, h};
    for_each_task(2, threads_, [&](int side) {
      const Factor<const T> f = factors[side];
      std::vector<double>& g = grams[side];
      g.assign(size, 0.0);
      for (std::int64_t j = 0; j < f.count; ++j) {
        const T* column = f.column(j);
        for (int c = 0; c < f.rank; ++c) {
          const auto v = static_cast<double>(column[c]);
          double* row = g.data() + static_cast<std::size_t>(c) * static_cast<std::size_t>(f.rank);
          for (int e = 0; e < f.rank; ++e) row[e] += v * static_cast<double>(column[e]);
        }
      }
    });
    return std::inner_product(grams[0].begin(), grams[0].end(), grams[1].begin(), 0.0);
  }

  int threads_;
  MatrixShape shape_;
  Compressed<T> rows_, columns_;
  core::MatrixStatistics statistics_;
};

}  // namespace

template <class T, class Index>
std::shared_ptr<const core::DataMatrix<T>> make_csr_matrix(const CpuRuntime& runtime, const CsrView<T, Index>& x) {
  return std::make_shared<CsrMatrix<T>>(runtime, x);
}

std::int64_t csr_matrix_bytes(const MatrixShape& shape, int element_size) {
  const std::int64_t entries = shape.nonzeros * (element_size + 4);
  if (core::local_side(shape) == core::Side::w) {
    return entries + 8 * (shape.columns + 1) * band_count(shape.rows, shape.columns, shape.nonzeros);
  }
  const int bands = band_count(shape.columns, shape.rows, shape.nonzeros);
  return entries + 8 * (shape.columns + 1) + (bands > 1 ? entries + 8 * bands * (shape.rows + 1) : 0);
}

std::int64_t csr_pass_bytes(const MatrixShape&, int rank, int element_size, int threads) {
  return static_cast<std::int64_t>(threads) * kUpdateColumns * rank * element_size;
}

std::int64_t csr_divergence_pass_bytes(int rank, int element_size, int threads) {
  return static_cast<std::int64_t>(threads) * kUpdateColumns * rank * element_size;
}

std::int64_t csr_coordinate_descent_bytes(const MatrixShape& shape, int element_size, int threads) {
  return threads * std::max(shape.rows, shape.columns) * (3 * element_size + 4);
}

template std::shared_ptr<const core::DataMatrix<float>> make_csr_matrix(const CpuRuntime&,
                                                                        const CsrView<float, std::int32_t>&);
template std::shared_ptr<const core::DataMatrix<float>> make_csr_matrix(const CpuRuntime&,
                                                                        const CsrView<float, std::int64_t>&);
template std::shared_ptr<const core::DataMatrix<double>> make_csr_matrix(const CpuRuntime&,
                                                                         const CsrView<double, std::int32_t>&);
template std::shared_ptr<const core::DataMatrix<double>> make_csr_matrix(const CpuRuntime&,
                                                                         const CsrView<double, std::int64_t>&);

}  // namespace orthant::cpu
