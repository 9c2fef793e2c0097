#include "host/cpu/sparse_coordinate_descent.hpp"

#include <algorithm>
#include <numeric>

#include "host/cpu/parallel.hpp"
#include "host/cpu/skinny_product.hpp"
#include "host/cpu/subnormals.hpp"

namespace orthant::cpu {

using core::Factor;
using core::Workspace;

namespace {

// A column with this many entries or fewer shares SIMD vectors with others of about its length; fewer where the rank is
// so high that the other factor at a batch's entries would take more than kBatchBytes, about a second-level cache. (On
// one of 1 MB, user ms an iteration of 943 x 1682 with 100,000 entries at ranks 256 and 800: 23 and 122 with 1 MB, 20
// and 94 with 2, 21 and 75 with 4. Batches that leave the cache are still fast, but every thread keeps one.)
constexpr std::int64_t kFew = 256, kBatchBytes = 1 << 21;

// Segments that are sorted by length together, so that what shares vectors is about as long. (256 take 8 % longer on
// 943 x 1682 at rank 20, 4096 no less.)
constexpr std::int64_t kWindow = 1024;

// What is kept, in numbers.
template <class T>
struct SparseScratch {
  std::int64_t longest;  // segments on a side of X, and so entries of a column, at most
  std::int64_t few;      // entries of a column that is batched, at most
  std::int64_t entries;  // of a thread: copied, of a batch or of one column
  std::int64_t kernel;   // of a batch; or the fit of one column, and of the fixed factor as many components as fit in
  std::int64_t numbers;  // of a thread in all, beside the indices of its entries

  SparseScratch(const MatrixShape& shape, int rank)
      : longest(std::max(shape.rows, shape.columns)),
        few(std::min({kFew, longest, kBatchBytes / (static_cast<std::int64_t>(sizeof(T)) * kBatch<T> * rank)})),
        entries(std::max(kBatch<T> * few, padded<T>(longest))),
        kernel(padded<T>(std::max(batch_scratch<T>(rank, few), 2 * padded<T>(longest)))),
        numbers(kernel + (shape.complete() ? 1 : 2) * entries) {}

  std::int64_t bytes(int threads) const {
    return threads * (numbers * static_cast<std::int64_t>(sizeof(T)) + entries * 4) + longest * 4;
  }
};

// Sorts the segments of a window, by falling length but for those of more than `few` entries, which come first. Returns
// how many these are.
template <class T>
std::int64_t sort_by_length(const Compressed<T>& x, std::int64_t few, std::int64_t begin, std::int64_t length,
                            std::int32_t* order) {
  std::int64_t starts[kFew + 3] = {};
  const auto place = [&](std::int64_t segment) { return few + 1 - std::min(x.length(segment), few + 1); };
  for (std::int64_t i = begin; i < begin + length; ++i) ++starts[place(i) + 1];
  const std::int64_t longer = starts[1];
  std::partial_sum(std::begin(starts), std::end(starts), std::begin(starts));
  for (std::int64_t i = begin; i < begin + length; ++i) order[starts[place(i)]++] = static_cast<std::int32_t>(i);
  return longer;
}

// Entries of one segment or of a batch, the bands one after the other.
template <class T>
struct Copy {
  T *values, *weights;  // weights: null if all are 1
  std::int32_t* indices;

  // Entry e to place first + e * step.
  void fill(const Compressed<T>& x, std::int64_t segment, std::int64_t first, std::int64_t step) const {
    std::int64_t to = first;
    for (int band = 0; band < x.bands; ++band) {
      const std::int64_t* offsets = x.offsets + band * (x.count + 1);
      for (std::int64_t p = offsets[segment]; p < offsets[segment + 1]; ++p, to += step) {
        const T weight = x.weights != nullptr ? x.weights[p] : T(1);
        values[to] = weight > 0 ? x.values[p] : T(0);
        if (weights != nullptr) weights[to] = weight;
        indices[to] = x.indices[p];
      }
    }
  }
  // Places from entry `count` of lane `first` of a batch up to `end` entries hold none.
  void clear(std::int64_t first, std::int64_t count, std::int64_t end) const {
    for (std::int64_t to = first + count * kBatch<T>; to < end * kBatch<T>; to += kBatch<T>) {
      values[to] = 0;
      if (weights != nullptr) weights[to] = 0;
      indices[to] = -1;
    }
  }
};

// Columns of f by one thread.
template <class T>
struct Descent {
  const ColumnProblem<T>& problem;
  const Compressed<T>& x;
  const SparseScratch<T>& sizes;
  Factor<T> f;
  Factor<const T> fixed;
  Copy<T> copy;
  T* scratch;

  // Those of n segments, the longest of which is the first.
  void batch(const std::int32_t* segments, int n) const {
    T* columns[kBatch<T>];
    const std::int64_t count = x.length(segments[0]);
    for (int j = 0; j < kBatch<T>; ++j) {
      if (j < n) {
        columns[j] = f.column(segments[j]);
        copy.fill(x, segments[j], j, kBatch<T>);
      }
      copy.clear(j, j < n ? x.length(segments[j]) : 0, count);
    }
    descend_batch(problem, {n, count, copy.values, copy.weights, copy.indices, columns}, fixed, scratch);
  }

  // One, as many components at a time as scratch has room for.
  void single(std::int64_t segment) const {
    const std::int64_t count = x.length(segment), ld = padded<T>(count);
    T *own = f.column(segment), *v = scratch, *h = scratch + ld;
    const int k = problem.rank, most = static_cast<int>(std::min<std::int64_t>(k, sizes.kernel / ld - 1));
    copy.fill(x, segment, 0, 1);
    const auto fetch = [&](int first) {
      const int n = std::min(most, k - first);
      gather(fixed, first, n, copy.indices, count, h, ld);
      for (int c = 0; c < n; ++c) std::fill(h + c * ld + count, h + (c + 1) * ld, T(0));
      return n;
    };
    for (int c = 0; c < k; c += most) {
      const int n = fetch(c);
      columns(Block<T>{h, n, count, ld}, Factor<const T>{own + c, 1, n, 1}, v, ld, {.fresh = c == 0});
    }
    const Lines<T> entries{copy.values, ld, copy.weights, ld, count};
    if (most == k) return descend(problem, entries, h, ld, v, Factor<T>{own, k, 1, k}, false);
    ColumnProblem<T> part = problem;
    part.sweeps = 1;
    for (int sweep = 0; sweep < problem.sweeps; ++sweep) {
      for (int c = 0; c < k; c += most) {
        part.rank = fetch(c);
        part.sums = problem.sums + c;
        descend(part, entries, h, ld, v, Factor<T>{own + c, part.rank, 1, k}, true);
      }
    }
  }
};

}  // namespace

template <class T>
void sparse_coordinate_descent(const ColumnProblem<T>& problem, const Compressed<T>& x, const MatrixShape& shape,
                               Factor<T> f, Factor<const T> fixed, int threads, Workspace& workspace) {
  const SparseScratch<T> sizes(shape, problem.rank);
  T* memory = workspace.get<T>(Workspace::panels, threads * sizes.numbers);
  auto* indices = workspace.get<std::int32_t>(Workspace::packed, threads * sizes.entries);
  auto* order = workspace.get<std::int32_t>(Workspace::accumulators, sizes.longest);
  const Chunks windows(x.count, kWindow);
  std::int64_t longer[kMaxChunks];
  for_chunks(windows, threads, [&](int window, std::int64_t begin, std::int64_t length) {
    longer[window] = sort_by_length(x, sizes.few, begin, length, order + begin);
  });
  // A window is as many tasks as it would have batches, each of which takes some of the long columns too.
  const auto tasks = static_cast<int>((std::min(windows.size, x.count) + kBatch<T> - 1) / kBatch<T>);
  for_each_task(windows.chunks() * tasks, threads, [&](int number, int worker) {
    const int window = number / tasks, task = number % tasks;
    const std::int32_t* segments = order + windows.begin(window);
    const FlushSubnormals flush;
    T* own = memory + worker * sizes.numbers;
    T* values = own + sizes.kernel;
    const Descent<T> descent{
        problem, x,     sizes,
        f,       fixed, {values, shape.complete() ? nullptr : values + sizes.entries, indices + worker * sizes.entries},
        own};
    for (std::int64_t i = task; i < longer[window]; i += tasks) descent.single(segments[i]);
    const std::int64_t first = longer[window] + task * kBatch<T>, left = windows.length(window) - first;
    if (left > 0) descent.batch(segments + first, static_cast<int>(std::min<std::int64_t>(kBatch<T>, left)));
  });
}

std::int64_t sparse_coordinate_descent_bytes(const MatrixShape& shape, int rank, int element_size, int threads) {
  return element_size == sizeof(float) ? SparseScratch<float>(shape, rank).bytes(threads)
                                       : SparseScratch<double>(shape, rank).bytes(threads);
}

#define ORTHANT_INSTANTIATE(T)                                                                               \
  template void sparse_coordinate_descent(const ColumnProblem<T>&, const Compressed<T>&, const MatrixShape&, \
                                          Factor<T>, Factor<const T>, int, Workspace&);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cpu
