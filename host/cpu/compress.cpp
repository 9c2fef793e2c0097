#include "host/cpu/compress.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "host/core/validate.hpp"
#include "host/cpu/parallel.hpp"
#include "host/cpu/survey.hpp"

namespace orthant::cpu {

using core::Buffer;

namespace {

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

// The first bad entry among those of rows [begin, end), or -1.
template <class T, class Index>
std::int64_t find_bad(const CsrView<T, Index>& x, const T* weights, std::int64_t begin, std::int64_t end) {
  for (std::int64_t p = x.row_offsets[begin]; p < x.row_offsets[end]; ++p) {
    const T weight = weights != nullptr ? weights[p] : T(1);
    const bool inside = x.column_indices[p] >= 0 && x.column_indices[p] < x.columns;
    if (!inside || !is_valid(weight) || (weight != 0 && !is_valid(x.values[p]))) return p;
  }
  return -1;
}

// Whether the columns of rows [begin, end) rise, all being inside; nothing if one is not. Without branches, so that
// compilers use vectors.
template <class T, class Index>
std::optional<bool> look_at_columns(const CsrView<T, Index>& x, std::int64_t begin, std::int64_t end) {
  using Bits = std::make_unsigned_t<Index>;
  const Bits last = static_cast<Bits>(x.columns - 1);
  Bits outside = 0;  // its highest bit, if a column or its distance to the last one is negative
  for (std::int64_t p = x.row_offsets[begin]; p < x.row_offsets[end]; ++p) {
    const Bits column = static_cast<Bits>(x.column_indices[p]);
    outside |= column | (last - column);
  }
  if (static_cast<Index>(outside) < 0) return std::nullopt;
  unsigned falls = 0;
  for (std::int64_t i = begin; i < end; ++i) {
    for (std::int64_t p = x.row_offsets[i] + 1; p < x.row_offsets[i + 1]; ++p) {
      falls |= x.column_indices[p] <= x.column_indices[p - 1];
    }
  }
  return falls == 0;
}

// Checks indices, values and weights of all rows; the first bad entry is reported. Returns whether every row is sorted
// without repetition.
template <class T, class Index>
bool check_entries(const CsrView<T, Index>& x, const T* weights, int threads) {
  const Chunks chunks(x.rows, 1);
  std::vector<std::int64_t> bad(static_cast<std::size_t>(chunks.chunks()), -1);  // first bad entry of each chunk
  std::vector<std::uint8_t> sorted(bad.size(), 0);
  for_chunks(chunks, threads, [&](int chunk, std::int64_t begin, std::int64_t length) {
    const auto c = static_cast<std::size_t>(chunk);
    const std::int64_t first = x.row_offsets[begin], end = x.row_offsets[begin + length];
    const std::optional<bool> rise = look_at_columns(x, begin, begin + length);
    const bool valid = rise && weights == nullptr && survey(x.values + first, end - first).valid;
    if (!valid) bad[c] = find_bad(x, weights, begin, begin + length);
    sorted[c] = rise == true;
  });
  for (const std::int64_t p : bad) {
    if (p < 0) continue;
    const std::int64_t row = std::upper_bound(x.row_offsets, x.row_offsets + x.rows + 1, p) - x.row_offsets - 1;
    const auto column = static_cast<std::int64_t>(x.column_indices[p]);
    if (weights != nullptr && !is_valid(weights[p])) {
      core::refuse_weight(row, column, static_cast<double>(weights[p]));
    }
    core::refuse_entry(x.columns, row, p, column, static_cast<double>(x.values[p]));
  }
  return std::find(sorted.begin(), sorted.end(), 0) == sorted.end();
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

// Of a row in which entries have been added up, to more than T holds perhaps.
template <class T>
void check_sums(const Compressed<T>& x, std::int64_t row, std::int64_t first, std::int64_t length) {
  for (std::int64_t p = first; p < first + length; ++p) {
    const T value = x.own_values[p];
    if (std::isinf(value)) core::refuse_value(row, x.own_indices[p], static_cast<double>(value));
  }
}

template <class T, class Index>
Compressed<T> copy_canonical(const CsrView<T, Index>& x, const T* weights, bool sorted, MemoryResource& memory,
                             int threads) {
  struct Entry {
    std::int32_t column;
    T value, weight;
  };
  Buffer<std::int64_t> lengths(memory, x.rows + 1);
  std::vector<std::int64_t> repeated(weights != nullptr ? static_cast<std::size_t>(x.rows) : 0, -1);
  Compressed<T> copy;
  copy.allocate(memory, x.rows, 1, x.nonzeros, weights != nullptr);
  for_balanced(x.row_offsets, x.rows, 1, std::min(kMaxChunks, 8 * threads), threads,
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
  return copy;
}

// Borrows them if they are sorted and of 32 bits.
template <class T, class Index>
Compressed<T> take_rows(const CsrView<T, Index>& x, const T* weights, MemoryResource& memory, int threads) {
  check_offsets(x);
  const bool sorted = check_entries(x, weights, threads);
  if constexpr (std::is_same_v<Index, std::int32_t>) {
    if (sorted) {
      Compressed<T> rows;
      rows.count = x.rows;
      rows.offsets = x.row_offsets;
      rows.indices = x.column_indices;
      rows.values = x.values;
      rows.weights = weights;
      return rows;
    }
  }
  return copy_canonical(x, weights, sorted, memory, threads);
}

template <class T, class Index>
Compressed<T> take_rows(const CooView<T, Index>& x, const T* weights, MemoryResource& memory, int threads) {
  check_entries(x, weights, threads);
  bool sorted = false;
  Compressed<T> rows = sort_by_row(x, weights, memory, sorted);
  if (sorted) return rows;
  const CsrView<T> view{x.rows, x.columns, x.nonzeros, rows.offsets, rows.indices, rows.values, MemorySpace::host};
  return copy_canonical(view, rows.weights, false, memory, threads);
}

}  // namespace

template <class T>
Compressed<T> compress_rows(const core::AnySparseView<T>& x, const T* weights, MemoryResource& memory, int threads) {
  return std::visit([&](const auto& view) { return take_rows(view, weights, memory, threads); }, x);
}

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
    std::int64_t* const start = starts.data() + task * count;
    std::int32_t* const indices = out.own_indices.data();
    T *const values = out.own_values.data(), *const weights = out.own_weights.data();
    for (std::int64_t s = begin(task); s < end(task); ++s) {
      for (std::int64_t p = in.offsets[s]; p < in.offsets[s + 1]; ++p) {
        const std::int64_t q = start[in.indices[p]]++;
        indices[q] = static_cast<std::int32_t>(s);
        values[q] = in.values[p];
        if (in.weights != nullptr) weights[q] = in.weights[p];
      }
    }
  });
  return out;
}

#define ORTHANT_INSTANTIATE(T)                                                                         \
  template Compressed<T> compress_rows(const core::AnySparseView<T>&, const T*, MemoryResource&, int); \
  template Compressed<T> transpose(const Compressed<T>&, std::int64_t, int, MemoryResource&, int);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cpu
