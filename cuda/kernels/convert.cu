#include "cuda/kernels/convert.hpp"

#include "cuda/kernels/search.cuh"
#include "cuda/launch.hpp"

namespace orthant::cuda {
namespace {

constexpr int kThreads = 64;

template <class Kernel, class... Arguments>
void launch_each(const Gpu& gpu, const char* name, Kernel kernel, std::int64_t items, Arguments... arguments) {
  launch(gpu, name, kernel, grid_size(gpu, items, kThreads), kThreads, 0, items, arguments...);
}

template <class Function>
__device__ void for_each(std::int64_t items, const Function& function) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < items; i += step) {
    function(i);
  }
}

template <class Index>
__global__ void __launch_bounds__(kThreads)
    numbers(std::int64_t count, const Index* wide, std::int32_t* narrow, std::int64_t* positions) {
  const device::Global<const Index> in = wide;
  const device::Global<std::int32_t> out = narrow;
  const device::Global<std::int64_t> place = positions;
  for_each(count, [&](std::int64_t p) {
    out[p] = static_cast<std::int32_t>(static_cast<Index>(in[p]));
    place[p] = p;
  });
}

__global__ void __launch_bounds__(kThreads)
    narrowed(std::int64_t count, const std::int64_t* wide, std::int32_t* narrow) {
  const device::Global<const std::int64_t> in = wide;
  const device::Global<std::int32_t> out = narrow;
  for_each(count, [&](std::int64_t i) { out[i] = static_cast<std::int32_t>(static_cast<std::int64_t>(in[i])); });
}

__global__ void __launch_bounds__(kThreads)
    segments_of(std::int64_t nonzeros, std::int64_t count, const std::int64_t* segment_offsets,
                const std::int64_t* positions, std::int32_t* segments) {
  const device::Global<const std::int64_t> offsets = segment_offsets, place = positions;
  const device::Global<std::int32_t> out = segments;
  for_each(nonzeros, [&](std::int64_t q) { out[q] = static_cast<std::int32_t>(segment_of(offsets, count, place[q])); });
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    gathered(std::int64_t count, const T* source, const std::int64_t* positions, T* target) {
  const device::Global<const T> in = source;
  const device::Global<const std::int64_t> place = positions;
  const device::Global<T> out = target;
  for_each(count, [&](std::int64_t q) { out[q] = static_cast<T>(in[place[q]]); });
}

__global__ void __launch_bounds__(kThreads)
    offsets_of(std::int64_t count, std::int64_t nonzeros, const std::int32_t* sorted, std::int64_t* offsets) {
  const device::Global<const std::int32_t> keys = sorted;
  const device::Global<std::int64_t> out = offsets;
  for_each(count, [&](std::int64_t i) {
    std::int64_t low = 0, high = nonzeros;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (static_cast<std::int32_t>(keys[middle]) < i) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    out[i] = low;
  });
}

__global__ void __launch_bounds__(kThreads) starts_of_runs(std::int64_t items, const std::int32_t* row_of,
                                                           const std::int32_t* column_of, std::int64_t* starts) {
  const device::Global<const std::int32_t> rows = row_of, columns = column_of;
  const device::Global<std::int64_t> out = starts;
  for_each(items, [&](std::int64_t q) {
    const bool end = q == items - 1;
    const bool start =
        !end && (q == 0 || static_cast<std::int32_t>(rows[q]) != static_cast<std::int32_t>(rows[q - 1]) ||
                 static_cast<std::int32_t>(columns[q]) != static_cast<std::int32_t>(columns[q - 1]));
    out[q] = start ? 1 : 0;
  });
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    runs(std::int64_t nonzeros, const std::int64_t* targets, const std::int32_t* row_of, const std::int32_t* column_of,
         const T* entry_values, std::int32_t* out_row_of, std::int32_t* out_column_of, T* out_entry_values) {
  const device::Global<const std::int64_t> target = targets;
  const device::Global<const std::int32_t> rows = row_of, columns = column_of;
  const device::Global<const T> values = entry_values;
  const device::Global<std::int32_t> out_rows = out_row_of, out_columns = out_column_of;
  const device::Global<T> out_values = out_entry_values;
  for_each(nonzeros, [&](std::int64_t q) {
    // An entry begins a run where the sum rises after it; entries of a run follow with equal sums.
    const std::int64_t to = target[q];
    if (static_cast<std::int64_t>(target[q + 1]) == to) return;
    T sum = values[q];
    for (std::int64_t p = q + 1; p < nonzeros && static_cast<std::int64_t>(target[p + 1]) == to + 1; ++p) {
      sum += static_cast<T>(values[p]);
    }
    out_rows[to] = static_cast<std::int32_t>(rows[q]);
    out_columns[to] = static_cast<std::int32_t>(columns[q]);
    out_values[to] = sum;
  });
}

__global__ void __launch_bounds__(kThreads)
    part_counts(std::int64_t items, const std::int64_t* segment_offsets, std::int64_t per_part, std::int64_t* parts) {
  const device::Global<const std::int64_t> offsets = segment_offsets;
  const device::Global<std::int64_t> out = parts;
  for_each(items, [&](std::int64_t i) {
    std::int64_t n = 0;
    if (i < items - 1) {
      const std::int64_t length = static_cast<std::int64_t>(offsets[i + 1]) - static_cast<std::int64_t>(offsets[i]);
      if (length > per_part) n = (length + per_part - 1) / per_part;
    }
    out[i] = n;
  });
}

__global__ void __launch_bounds__(kThreads)
    part_lists(std::int64_t count, const std::int64_t* first_parts, std::int32_t* segments, std::int32_t* firsts) {
  const device::Global<const std::int64_t> bounds = first_parts;
  const device::Global<std::int32_t> segment = segments, first = firsts;
  for_each(count, [&](std::int64_t i) {
    const std::int64_t begin = bounds[i], end = bounds[i + 1];
    for (std::int64_t p = begin; p < end; ++p) {
      segment[p] = static_cast<std::int32_t>(i);
      first[p] = static_cast<std::int32_t>(begin);
    }
  });
}

}  // namespace

template <class Index>
void number_entries(const Gpu& gpu, std::int64_t count, const Index* wide, std::int32_t* narrow,
                    std::int64_t* positions) {
  launch_each(gpu, "numbering of entries", numbers<Index>, count, wide, narrow, positions);
}

void narrow_integers(const Gpu& gpu, std::int64_t count, const std::int64_t* wide, std::int32_t* narrow) {
  launch_each(gpu, "narrowing of integers", narrowed, count, wide, narrow);
}

void find_segments(const Gpu& gpu, std::int64_t count, std::int64_t nonzeros, const std::int64_t* offsets,
                   const std::int64_t* positions, std::int32_t* segments) {
  launch_each(gpu, "search for segments", segments_of, nonzeros, count, offsets, positions, segments);
}

template <class T>
void gather(const Gpu& gpu, std::int64_t count, const T* in, const std::int64_t* positions, T* out) {
  launch_each(gpu, "gather", gathered<T>, count, in, positions, out);
}

void find_offsets(const Gpu& gpu, std::int64_t count, std::int64_t nonzeros, const std::int32_t* keys,
                  std::int64_t* offsets) {
  launch_each(gpu, "search for offsets", offsets_of, count + 1, nonzeros, keys, offsets);
}

void mark_starts(const Gpu& gpu, std::int64_t nonzeros, const std::int32_t* rows, const std::int32_t* columns,
                 std::int64_t* starts) {
  launch_each(gpu, "search for repeated entries", starts_of_runs, nonzeros + 1, rows, columns, starts);
}

template <class T>
void add_runs(const Gpu& gpu, std::int64_t nonzeros, const std::int64_t* target, const std::int32_t* rows,
              const std::int32_t* columns, const T* values, std::int32_t* out_rows, std::int32_t* out_columns,
              T* out_values) {
  launch_each(gpu, "sum of repeated entries", runs<T>, nonzeros, target, rows, columns, values, out_rows, out_columns,
              out_values);
}

void count_parts(const Gpu& gpu, std::int64_t count, const std::int64_t* offsets, std::int64_t per_part,
                 std::int64_t* parts) {
  launch_each(gpu, "count of long segments", part_counts, count + 1, offsets, per_part, parts);
}

void list_parts(const Gpu& gpu, std::int64_t count, const std::int64_t* first_parts, std::int32_t* segment,
                std::int32_t* first) {
  launch_each(gpu, "list of long segments", part_lists, count, first_parts, segment, first);
}

template void number_entries(const Gpu&, std::int64_t, const std::int32_t*, std::int32_t*, std::int64_t*);
template void number_entries(const Gpu&, std::int64_t, const std::int64_t*, std::int32_t*, std::int64_t*);
template void gather(const Gpu&, std::int64_t, const std::int32_t*, const std::int64_t*, std::int32_t*);
template void gather(const Gpu&, std::int64_t, const float*, const std::int64_t*, float*);
template void gather(const Gpu&, std::int64_t, const double*, const std::int64_t*, double*);
template void add_runs(const Gpu&, std::int64_t, const std::int64_t*, const std::int32_t*, const std::int32_t*,
                       const float*, std::int32_t*, std::int32_t*, float*);
template void add_runs(const Gpu&, std::int64_t, const std::int64_t*, const std::int32_t*, const std::int32_t*,
                       const double*, std::int32_t*, std::int32_t*, double*);

}  // namespace orthant::cuda
