#include "host/cpu/csr_matrix.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "host/core/validate.hpp"
#include "host/cpu/compressed.hpp"
#include "host/cpu/factor_update.hpp"
#include "host/cpu/parallel.hpp"
#include "host/cpu/scratch.hpp"
#include "host/cpu/skinny_product.hpp"
#include "host/cpu/sparse_coordinate_descent.hpp"
#include "host/cpu/sparse_divergence.hpp"
#include "host/cpu/sparse_product.hpp"

namespace orthant::cpu {

using core::Buffer;
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

template <class T>
bool is_valid(T value) {
  return value >= 0 && value <= std::numeric_limits<T>::max();
}

// Checks indices and values of all rows; the first bad entry is reported. Returns whether every row is sorted without
// repetition. `weights`, unless null, must be valid too; where they are 0, values may be anything.
template <class T, class Index>
bool check_entries(const CsrView<T, Index>& x, const T* weights, int threads) {
  const Chunks chunks(x.rows, 1);
  std::vector<Entries> parts(static_cast<std::size_t>(chunks.chunks()));
  std::vector<std::int64_t> bad(static_cast<std::size_t>(chunks.chunks()), -1);  // first bad entry of each chunk
  for_chunks(chunks, threads, [&](int chunk, std::int64_t begin, std::int64_t length) {
    const auto c = static_cast<std::size_t>(chunk);
    for (std::int64_t i = begin; i < begin + length; ++i) {
      for (std::int64_t p = x.row_offsets[i]; p < x.row_offsets[i + 1]; ++p) {
        const Index j = x.column_indices[p];
        const T weight = weights != nullptr ? weights[p] : T(1);
        const bool good = j >= 0 && j < x.columns && is_valid(weight) && (weight == 0 || is_valid(x.values[p]));
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
    const auto column = static_cast<std::int64_t>(x.column_indices[p]);
    if (weights != nullptr && !is_valid(weights[p])) {
      core::refuse_weight(row, column, static_cast<double>(weights[p]));
    }
    core::refuse_entry(x.columns, row, p, column, static_cast<double>(x.values[p]));
  }
  return sorted;
}

// Checks all entries of coordinates, weights as above; the first bad one in the order given is reported.
template <class T, class Index>
void check_entries(const CooView<T, Index>& x, const T* weights, int threads) {
  const Chunks chunks(x.nonzeros, 1);
  const auto weight = [&](std::int64_t p) { return weights != nullptr ? weights[p] : T(1); };
  std::vector<std::int64_t> bad(static_cast<std::size_t>(chunks.chunks()), -1);  // first bad entry of each chunk
  for_chunks(chunks, threads, [&](int chunk, std::int64_t begin, std::int64_t length) {
    for (std::int64_t p = begin; p < begin + length; ++p) {
      const Index i = x.row_indices[p], j = x.column_indices[p];
      const bool inside = i >= 0 && i < x.rows && j >= 0 && j < x.columns;
      if (inside && is_valid(weight(p)) && (weight(p) == 0 || is_valid(x.values[p]))) continue;
      bad[static_cast<std::size_t>(chunk)] = p;
      return;
    }
  });
  for (const std::int64_t p : bad) {
    if (p < 0) continue;
    core::refuse_entry_at(x.rows, x.columns, p, x.row_indices[p], x.column_indices[p], static_cast<double>(x.values[p]),
                          static_cast<double>(weight(p)));
  }
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
  for_each_task(tasks, threads, [&](int task, int worker) {
    const std::int64_t begin = bound(task), end = bound(task + 1);
    if (begin < end) call_by_worker(function, worker, task, begin, end - begin);
  });
}

// The transpose of `in` (one band), its gathered side (in.count) cut into bands. Entries keep their order.
template <class T>
Compressed<T> transpose(const Compressed<T>& in, std::int64_t count, int bands, MemoryResource& memory, int threads) {
  Compressed<T> out;
  const std::int64_t nonzeros = in.offsets[in.count];
  out.allocate(memory, count, bands, nonzeros, in.weights != nullptr);
  // A task is a range of in's segments within one band; starts[task][i] counts, then places, its entries of segment i.
  // There are as many tasks as threads, but not more counts than entries.
  const std::int64_t wanted = (threads + bands - 1) / bands, affordable = nonzeros / (bands * count);
  const int parts = static_cast<int>(std::max<std::int64_t>(1, std::min(wanted, affordable)));
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
        if (in.weights != nullptr) out.own_weights[q] = in.weights[p];
      }
    }
  });
  return out;
}

// Coordinates in compressed rows, by a counting sort: entries of a row keep their order. `sorted`: whether the columns
// of every row rise.
template <class T, class Index>
Compressed<T> sort_by_row(const CooView<T, Index>& x, const T* weights, MemoryResource& memory, bool& sorted) {
  Compressed<T> out;
  out.allocate(memory, x.rows, 1, x.nonzeros, weights != nullptr);
  std::int64_t* const offsets = out.own_offsets.data();
  const Buffer<std::int64_t> next(memory, x.rows);  // where the next entry of a row goes
  std::fill_n(offsets, x.rows + 1, 0);
  for (std::int64_t p = 0; p < x.nonzeros; ++p) ++offsets[x.row_indices[p] + 1];
  std::partial_sum(offsets, offsets + x.rows + 1, offsets);
  std::copy_n(offsets, x.rows, next.data());
  sorted = true;
  for (std::int64_t p = 0; p < x.nonzeros; ++p) {
    const auto i = static_cast<std::int64_t>(x.row_indices[p]);
    const auto j = static_cast<std::int32_t>(x.column_indices[p]);
    const std::int64_t q = next[i]++;
    if (q > offsets[i] && j <= out.own_indices[q - 1]) sorted = false;
    out.own_indices[q] = j;
    out.own_values[q] = x.values[p];
    if (weights != nullptr) out.own_weights[q] = weights[p];
  }
  return out;
}

template <class T>
class CsrMatrix final : public core::DataMatrix<T> {
 public:
  template <class View>
  CsrMatrix(const CpuRuntime& runtime, const View& x, const core::Observed<T>& observed)
      : threads_(runtime.threads()), shape_{x.rows,           x.columns,
                                            x.nonzeros,       Layout::row_major,
                                            observed.missing, observed.weights != nullptr} {
    take_rows(x, observed.weights, runtime.memory());
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
    for_balanced(x.offsets, x.count, k / 4 + 8, kMaxChunks, threads_,
                 [&](int task, std::int64_t begin, std::int64_t length, int worker) {
                   T* memory = panels + worker * panel_size;
                   for (std::int64_t p = begin; p < begin + length; p += kUpdateColumns) {
                     const std::int64_t n = std::min<std::int64_t>(kUpdateColumns, begin + length - p);
                     const Factor<T> product{memory, k, n, k};
                     std::fill_n(memory, n * k, T(0));
                     for (int band = 0; band < x.bands; ++band) {
                       accumulate_gathered(x.offsets + band * (x.count + 1) + p, n, x.indices, x.values, fixed,
                                           product);
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
    for_balanced(x.offsets, x.count, k / 4 + 8, kMaxChunks, threads_,
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
    for_balanced(columns_.offsets, columns_.count, 16, kMaxChunks, threads_,
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

  // Borrows them if they are sorted and of 32 bits, and copies them otherwise.
  template <class Index>
  void take_rows(const CsrView<T, Index>& x, const T* weights, MemoryResource& memory) {
    check_offsets(x);
    const bool sorted = check_entries(x, weights, threads_);
    if constexpr (std::is_same_v<Index, std::int32_t>) {
      if (sorted) {
        rows_.count = x.rows;
        rows_.offsets = x.row_offsets;
        rows_.indices = x.column_indices;
        rows_.values = x.values;
        rows_.weights = weights;
        return;
      }
    }
    copy_canonical(x, weights, sorted, memory);
  }

  template <class Index>
  void take_rows(const CooView<T, Index>& x, const T* weights, MemoryResource& memory) {
    check_entries(x, weights, threads_);
    bool sorted = false;
    rows_ = sort_by_row(x, weights, memory, sorted);
    if (sorted) return;
    const CsrView<T> rows{x.rows, x.columns, x.nonzeros, rows_.offsets, rows_.indices, rows_.values, MemorySpace::host};
    copy_canonical(rows, rows_.weights, false, memory);
  }

  template <class Index>
  void copy_canonical(const CsrView<T, Index>& x, const T* weights, bool sorted, MemoryResource& memory) {
    struct Entry {
      std::int32_t column;
      T value, weight;
    };
    Buffer<std::int64_t> lengths(memory, x.rows + 1);
    std::vector<std::int64_t> repeated(weights != nullptr ? static_cast<std::size_t>(x.rows) : 0, -1);
    Compressed<T> copy;
    copy.allocate(memory, x.rows, 1, x.nonzeros, weights != nullptr);
    for_balanced(x.row_offsets, x.rows, 1, std::min(kMaxChunks, 8 * threads_), threads_,
                 [&](int, std::int64_t begin, std::int64_t length) {
                   std::vector<Entry> row;
                   for (std::int64_t i = begin; i < begin + length; ++i) {
                     const std::int64_t first = x.row_offsets[i], last = x.row_offsets[i + 1];
                     row.clear();
                     for (std::int64_t p = first; p < last; ++p) {
                       row.push_back({static_cast<std::int32_t>(x.column_indices[p]), x.values[p],
                                      weights != nullptr ? weights[p] : T(1)});
                     }
                     if (!sorted) {
                       std::stable_sort(row.begin(), row.end(),
                                        [](const Entry& a, const Entry& b) { return a.column < b.column; });
                     }
                     std::int64_t q = first;
                     for (const Entry& entry : row) {
                       if (q > first && copy.own_indices[q - 1] == entry.column) {
                         if (weights != nullptr && repeated[static_cast<std::size_t>(i)] < 0) {
                           repeated[static_cast<std::size_t>(i)] = entry.column;
                         };
                         copy.own_values[q - 1] += entry.value;
                         continue;
                       }
                       copy.own_indices[q] = entry.column;
                       copy.own_values[q] = entry.value;
                       if (weights != nullptr) copy.own_weights[q] = entry.weight;
                       ++q;
                     }
                     lengths[i] = q - first;
                   }
                 });
    for (std::size_t i = 0; i < repeated.size(); ++i) {
      if (repeated[i] >= 0) core::refuse_repeated(static_cast<std::int64_t>(i), repeated[i]);
    }
    std::int64_t position = 0;  // closes the gaps that added-up entries left
    for (std::int64_t i = 0; i < x.rows; ++i) {
      const std::int64_t first = x.row_offsets[i];
      if (lengths[i] < x.row_offsets[i + 1] - first) check_sums(copy, i, first, lengths[i]);
      std::copy_n(copy.own_indices.data() + first, lengths[i], copy.own_indices.data() + position);
      std::copy_n(copy.own_values.data() + first, lengths[i], copy.own_values.data() + position);
      if (weights != nullptr) {
        std::copy_n(copy.own_weights.data() + first, lengths[i], copy.own_weights.data() + position);
      }
      copy.own_offsets[i] = position;
      position += lengths[i];
    }
    copy.own_offsets[x.rows] = position;
    shape_.nonzeros = position;
    rows_ = std::move(copy);
  }

  // Of a row in which entries have been added up, to more than T holds perhaps.
  static void check_sums(const Compressed<T>& x, std::int64_t row, std::int64_t first, std::int64_t length) {
    for (std::int64_t p = first; p < first + length; ++p) {
      const T value = x.own_values[p];
      if (std::isinf(value)) core::refuse_value(row, x.own_indices[p], static_cast<double>(value));
    }
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
  MatrixShape shape_;
  Compressed<T> rows_, columns_;
  core::MatrixStatistics statistics_;
};

}  // namespace

template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_csr_matrix(const CpuRuntime& runtime, const core::AnySparseView<T>& x,
                                                           const core::Observed<T>& observed) {
  return std::visit([&](const auto& view) { return std::make_shared<CsrMatrix<T>>(runtime, view, observed); }, x);
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
