#include "cuda/kernels/survey.hpp"

#include <limits>
#include <type_traits>

#include "cuda/kernels/entries.cuh"
#include "cuda/kernels/observed.cuh"
#include "cuda/kernels/reduce.cuh"
#include "cuda/kernels/search.cuh"
#include "cuda/launch.hpp"

namespace orthant::cuda {
namespace {

constexpr int kThreads = kReduceThreads;

template <class T>
__device__ bool is_valid(T v) {
  return v >= 0 && v <= std::numeric_limits<T>::max();
}

// What dense X is looked at for.
enum class Look { all, invalid, zero };

// An entry as it counts: 0 of weight 0 if it does not.
template <class T>
struct Seen {
  T value, weight;
  bool valid;
};

// The entries of dense X where all count, by 1.
template <class S>
struct AllEntries {
  static constexpr bool kComplete = true;
  using Number = std::conditional_t<std::is_same_v<S, double>, double, float>;
  const S* matrix;
  std::int64_t ld;

  __device__ Seen<Number> operator()(std::int64_t line, std::int64_t place) const {
    const device::Global<const S> x = matrix;
    const auto value = number<Number>(static_cast<S>(x[line * ld + place]));
    return {value, 1, is_valid(value)};
  }
};

// Where they do not.
template <class T>
struct SomeEntries {
  static constexpr bool kComplete = false;
  using Number = T;
  Entries<T> x;
  std::int64_t ld;
  core::Observed<T> observed;

  __device__ Seen<T> operator()(std::int64_t line, std::int64_t place) const {
    const T value = x[line * ld + place], weight = given_weight(observed, line, place);
    if (!core::counts(observed.missing, value, weight)) return {0, 0, is_valid(weight)};
    return {value, weight, is_valid(weight) && is_valid(value)};
  }
};

// A block looks at 64 places of some lines, each thread at one place.
constexpr int kLines = 128;

template <Look kLook, class X>
__global__ void __launch_bounds__(kThreads)
    dense(X x, std::int64_t lines, std::int64_t length, bool by_place, unsigned* flags, Survey* out, Scratch scratch) {
  using T = typename X::Number;
  const std::int64_t across = (length + kThreads - 1) / kThreads, tiles = across * ((lines + kLines - 1) / kLines);
  double sums[X::kComplete ? 2 : 3] = {};
  for (std::int64_t t = blockIdx.x; t < tiles; t += gridDim.x) {
    const std::int64_t j = t % across * kThreads + threadIdx.x, begin = t / across * kLines;
    const std::int64_t end = begin + kLines < lines ? begin + kLines : lines;
    bool place_used = false;
    for (std::int64_t i = begin; i < end; ++i) {
      const Seen<T> seen = j < length ? x(i, j) : Seen<T>{T(kLook == Look::zero), T(X::kComplete), true};
      const T v = seen.value;
      if (kLook == Look::zero ? v == 0 && seen.weight > 0 : !seen.valid) {
        device::atomic_min(&out->first_invalid,
                           static_cast<unsigned long long>(by_place ? j * lines + i : i * length + j));
      }
      if constexpr (kLook == Look::all) {
        const auto d = static_cast<double>(v), weighted = static_cast<double>(seen.weight) * d;
        sums[0] += weighted;
        sums[1] += weighted * d;
        if constexpr (!X::kComplete) sums[2] += static_cast<double>(seen.weight);
        place_used = place_used || v != 0;
        if (device::ballot(v != 0) != 0 && threadIdx.x % 32 == 0) device::atomic_or(flags + i, 1u);
      }
    }
    if (place_used) device::atomic_or(flags + lines + j, 1u);
  }
  if constexpr (kLook == Look::all) {
    if (sum_over_grid(sums, scratch.values, scratch.counters)) {
      out->sum = sums[0];
      out->squared_norm = sums[1];
      if constexpr (!X::kComplete) out->weight = sums[2];
    }
  }
}

// `x` but for its indices.
template <class T, class Index>
__global__ void __launch_bounds__(kThreads) sparse(Compressed<T> x, std::int64_t length, const Index* entry_indices,
                                                   unsigned* flags, Survey* out, Scratch scratch) {
  const std::int64_t count = x.count, nonzeros = x.nonzeros;
  const device::Global<const std::int64_t> offsets = x.offsets;
  const device::Global<const Index> indices = entry_indices;
  const device::Global<const T> values = x.values;
  double sums[3] = {0, 0, 0};
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t p = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; p < nonzeros; p += step) {
    const Index j = indices[p];
    const T weight = weight_of(x, p), v = weight > 0 ? static_cast<T>(values[p]) : T(0);
    if (j < 0 || j >= length || !is_valid(weight) || !is_valid(v)) {
      device::atomic_min(&out->first_invalid, static_cast<unsigned long long>(p));
      continue;
    }
    const std::int64_t segment = segment_of(offsets, count, p);
    if (p > static_cast<std::int64_t>(offsets[segment]) && j <= static_cast<Index>(indices[p - 1])) {
      device::atomic_or(&out->unsorted, 1ull);
    }
    const auto d = static_cast<double>(v), weighted = static_cast<double>(weight) * d;
    sums[0] += weighted;
    sums[1] += weighted * d;
    sums[2] += static_cast<double>(weight);
    if (v != 0) {
      device::atomic_or(flags + segment, 1u);
      device::atomic_or(flags + count + j, 1u);
    }
  }
  if (sum_over_grid(sums, scratch.values, scratch.counters)) {
    out->sum = sums[0];
    out->squared_norm = sums[1];
    out->weight = sums[2];
  }
}

// Entries that are fine, as they should all be, cost no atomics.
template <class T, class Index>
__global__ void __launch_bounds__(kThreads)
    coordinates(Compressed<T> entries, const Index* entry_rows, std::int64_t row_count, const Index* entry_columns,
                std::int64_t column_count, Survey* out) {
  const device::Global<const Index> rows = entry_rows, columns = entry_columns;
  const device::Global<const T> values = entries.values;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t p = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; p < entries.nonzeros;
       p += step) {
    const Index i = rows[p], j = columns[p];
    const T weight = weight_of(entries, p), v = values[p];
    if (i >= 0 && i < row_count && j >= 0 && j < column_count && is_valid(weight) && (!(weight > 0) || is_valid(v))) {
      continue;
    }
    device::atomic_min(&out->first_invalid, static_cast<unsigned long long>(p));
    break;  // this thread's next ones come later
  }
}

// A thread looks along a segment for the first stored zero or, unless only stored entries count, index that it lacks.
template <class T>
__global__ void __launch_bounds__(kThreads) zeros(Compressed<T> x, std::int64_t length, bool stored_only, Survey* out) {
  const device::Global<const std::int64_t> offsets = x.offsets;
  const device::Global<const std::int32_t> indices = x.indices;
  const device::Global<const T> values = x.values;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < x.count; i += step) {
    const std::int64_t end = offsets[i + 1];
    std::int64_t p = offsets[i], j = 0;
    if (stored_only) {
      while (p < end && (values[p] != 0 || weight_of(x, p) == 0)) ++p;
      j = p < end ? static_cast<std::int64_t>(indices[p]) : length;
    } else {
      for (; p < end && indices[p] == j && values[p] != 0; ++p) ++j;
    }
    if (j < length) device::atomic_min(&out->first_invalid, static_cast<unsigned long long>(i * length + j));
  }
}

__global__ void __launch_bounds__(kThreads)
    count_unused(const unsigned* flags, std::int64_t lines, std::int64_t length, Survey* out, Scratch scratch) {
  const device::Global<const unsigned> used = flags;
  double unused[2] = {0, 0};
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < lines + length; i += step) {
    const bool empty = static_cast<unsigned>(used[i]) == 0;
    unused[0] += empty && i < lines;
    unused[1] += empty && i >= lines;
  }
  if (sum_over_grid(unused, scratch.values, scratch.counters)) {
    out->unused_lines = unused[0];
    out->unused_places = unused[1];
  }
}

__global__ void __launch_bounds__(kThreads)
    check_offsets(std::int64_t count, std::int64_t nonzeros, const std::int64_t* segment_offsets, Survey* out) {
  const device::Global<const std::int64_t> offsets = segment_offsets;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i <= count; i += step) {
    const std::int64_t offset = offsets[i], before = i > 0 ? static_cast<std::int64_t>(offsets[i - 1]) : 0;
    if (offset < before || (i == 0 && offset != 0) || (i == count && offset != nonzeros)) {
      device::atomic_min(&out->first_invalid, static_cast<unsigned long long>(i));
    }
  }
}

void count_unused_lines(const Gpu& gpu, std::int64_t lines, std::int64_t length, const unsigned* used, Survey* out) {
  launch(gpu, "empty lines", count_unused, grid_size(gpu, lines + length, 4 * kThreads), kThreads, 0, used, lines,
         length, out, gpu.scratch());
}

std::int64_t dense_tiles(std::int64_t lines, std::int64_t length) {
  return ((length + kThreads - 1) / kThreads) * ((lines + kLines - 1) / kLines);
}

template <Look kLook, class X>
void look_at(const Gpu& gpu, const char* name, const X& x, std::int64_t lines, std::int64_t length, bool by_place,
             unsigned* used, Survey* out) {
  launch(gpu, name, dense<kLook, X>, grid_size(gpu, dense_tiles(lines, length), 1), kThreads, 0, x, lines, length,
         by_place, used, out, gpu.scratch());
}

template <Look kLook, class S, class T>
void look_at(const Gpu& gpu, const char* name, const S* x, std::int64_t ld, const core::Observed<T>& observed,
             std::int64_t lines, std::int64_t length, bool by_place, unsigned* used, Survey* out) {
  if (observed.complete()) {
    look_at<kLook>(gpu, name, AllEntries<S>{x, ld}, lines, length, by_place, used, out);
  } else {
    look_at<kLook>(gpu, name, SomeEntries<T>{Entries<T>(x), ld, observed}, lines, length, by_place, used, out);
  }
}

}  // namespace

template <class S, class T>
void survey_dense(const Gpu& gpu, const S* x, std::int64_t ld, const core::Observed<T>& observed, std::int64_t lines,
                  std::int64_t length, bool by_place, unsigned* used, Survey* out) {
  look_at<Look::all>(gpu, "survey of X", x, ld, observed, lines, length, by_place, used, out);
  count_unused_lines(gpu, lines, length, used, out);
}

template <class T>
void find_invalid_entry(const Gpu& gpu, const T* x, std::int64_t lines, std::int64_t length, std::int64_t ld,
                        Survey* out) {
  look_at<Look::invalid>(gpu, "search for invalid entries", AllEntries<T>{x, ld}, lines, length, false, nullptr, out);
}

template <class S, class T>
void find_zero_entry(const Gpu& gpu, const S* x, std::int64_t ld, const core::Observed<T>& observed, std::int64_t lines,
                     std::int64_t length, bool by_place, Survey* out) {
  look_at<Look::zero>(gpu, "search for zeros", x, ld, observed, lines, length, by_place, nullptr, out);
}

template <class T>
void find_zero_entry(const Gpu& gpu, Compressed<T> x, std::int64_t length, bool stored_only, Survey* out) {
  launch(gpu, "search for zeros of sparse X", zeros<T>, grid_size(gpu, x.count, kThreads), kThreads, 0, x, length,
         stored_only, out);
}

template <class T, class Index>
void survey_sparse(const Gpu& gpu, Compressed<T> x, std::int64_t length, const Index* indices, unsigned* used,
                   Survey* out) {
  launch(gpu, "survey of sparse X", sparse<T, Index>, grid_size(gpu, x.nonzeros, kThreads), kThreads, 0, x, length,
         indices, used, out, gpu.scratch());
  count_unused_lines(gpu, x.count, length, used, out);
}

template <class T, class Index>
void check_coordinates(const Gpu& gpu, Compressed<T> entries, const Index* rows, std::int64_t row_count,
                       const Index* columns, std::int64_t column_count, Survey* out) {
  launch(gpu, "check of coordinates", coordinates<T, Index>, grid_size(gpu, entries.nonzeros, kThreads), kThreads, 0,
         entries, rows, row_count, columns, column_count, out);
}

void survey_offsets(const Gpu& gpu, std::int64_t count, std::int64_t nonzeros, const std::int64_t* offsets,
                    Survey* out) {
  launch(gpu, "check of offsets", check_offsets, grid_size(gpu, count + 1, kThreads), kThreads, 0, count, nonzeros,
         offsets, out);
}

#define ORTHANT_INSTANTIATE_DENSE(S, T)                                                                                \
  template void survey_dense(const Gpu&, const S*, std::int64_t, const core::Observed<T>&, std::int64_t, std::int64_t, \
                             bool, unsigned*, Survey*);                                                                \
  template void find_zero_entry(const Gpu&, const S*, std::int64_t, const core::Observed<T>&, std::int64_t,            \
                                std::int64_t, bool, Survey*);

#define ORTHANT_INSTANTIATE(T)                                                                                       \
  ORTHANT_INSTANTIATE_DENSE(T, T)                                                                                    \
  ORTHANT_INSTANTIATE_DENSE(std::uint8_t, T)                                                                         \
  ORTHANT_INSTANTIATE_DENSE(Fp16, T)                                                                                 \
  ORTHANT_INSTANTIATE_DENSE(Bf16, T)                                                                                 \
  template void find_invalid_entry(const Gpu&, const T*, std::int64_t, std::int64_t, std::int64_t, Survey*);         \
  template void find_zero_entry(const Gpu&, Compressed<T>, std::int64_t, bool, Survey*);                             \
  template void survey_sparse(const Gpu&, Compressed<T>, std::int64_t, const std::int32_t*, unsigned*, Survey*);     \
  template void survey_sparse(const Gpu&, Compressed<T>, std::int64_t, const std::int64_t*, unsigned*, Survey*);     \
  template void check_coordinates(const Gpu&, Compressed<T>, const std::int32_t*, std::int64_t, const std::int32_t*, \
                                  std::int64_t, Survey*);                                                            \
  template void check_coordinates(const Gpu&, Compressed<T>, const std::int64_t*, std::int64_t, const std::int64_t*, \
                                  std::int64_t, Survey*);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
