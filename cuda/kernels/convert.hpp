#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"

namespace orthant::cuda {

// The steps by which sparse X is put in order. All arrays are in device memory.

/// narrow[p] = wide[p], positions[p] = p.
template <class Index>
void number_entries(const Gpu&, std::int64_t count, const Index* wide, std::int32_t* narrow, std::int64_t* positions);

/// narrow[i] = wide[i].
void narrow_integers(const Gpu&, std::int64_t count, const std::int64_t* wide, std::int32_t* narrow);

/// segments[q] = the segment of entry positions[q].
void find_segments(const Gpu&, std::int64_t count, std::int64_t nonzeros, const std::int64_t* offsets,
                   const std::int64_t* positions, std::int32_t* segments);

/// out[q] = in[positions[q]].
template <class T>
void gather(const Gpu&, std::int64_t count, const T* in, const std::int64_t* positions, T* out);

/// offsets[i] = the first q with keys[q] >= i, for i = 0 .. count; keys rise.
void find_offsets(const Gpu&, std::int64_t count, std::int64_t nonzeros, const std::int32_t* keys,
                  std::int64_t* offsets);

/// starts[q] = 1 if (rows[q], columns[q]) differs from the pair before, else 0; starts has nonzeros + 1 entries, the
/// last of which is 0.
void mark_starts(const Gpu&, std::int64_t nonzeros, const std::int32_t* rows, const std::int32_t* columns,
                 std::int64_t* starts);

/// Adds up runs of equal (row, column): the run that begins at q goes to target[q]. `target` is the exclusive sum of
/// the starts.
template <class T>
void add_runs(const Gpu&, std::int64_t nonzeros, const std::int64_t* target, const std::int32_t* rows,
              const std::int32_t* columns, const T* values, std::int32_t* out_rows, std::int32_t* out_columns,
              T* out_values);

/// parts[i] = ceil(length of segment i / per_part) if it is longer than that, else 0; parts[count] = 0.
void count_parts(const Gpu&, std::int64_t count, const std::int64_t* offsets, std::int64_t per_part,
                 std::int64_t* parts);

/// Of each part of a long segment: the segment, and the segment's first part. `first_parts`: the exclusive sum of the
/// counts.
void list_parts(const Gpu&, std::int64_t count, const std::int64_t* first_parts, std::int32_t* segment,
                std::int32_t* first);

}  // namespace orthant::cuda
