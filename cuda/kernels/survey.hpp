#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"
#include "cuda/kernels/compressed.hpp"
#include "cuda/kernels/element.hpp"

namespace orthant::cuda {

/// What one look at X finds, in device memory; all 0 before, but first_invalid at kNone.
struct Survey {
  static constexpr unsigned long long kNone = ~0ull;
  double sum, squared_norm;
  double unused_lines, unused_places;  ///< lines without an entry other than 0; places along the lines likewise
  unsigned long long first_invalid;    ///< key of the first entry that is negative or not finite
  unsigned long long unsorted;         ///< of sparse X: not 0 if some segment's indices do not rise
};

/// Of dense X, row-major with `lines` lines of `length`: the key of an entry is its number in row order, or in column
/// order (`by_place`). `used`: lines + length unsigned, all 0.
template <class S>
void survey_dense(const Gpu&, const S* x, std::int64_t lines, std::int64_t length, std::int64_t ld, bool by_place,
                  unsigned* used, Survey* out);

/// The same without sums: only first_invalid is found.
template <class T>
void find_invalid_entry(const Gpu&, const T* x, std::int64_t lines, std::int64_t length, std::int64_t ld, Survey* out);

/// first_invalid = the key of the first entry that is 0; of sparse X with segments of `length`, its number in the order
/// of segments, stored or not.
template <class S>
void find_zero_entry(const Gpu&, const S* x, std::int64_t lines, std::int64_t length, std::int64_t ld, bool by_place,
                     Survey* out);
template <class T>
void find_zero_entry(const Gpu&, Compressed<T> x, std::int64_t length, Survey* out);

/// Of sparse X: the key of an entry is its position. An index outside [0, length) is invalid too.
template <class T, class Index>
void survey_sparse(const Gpu&, std::int64_t count, std::int64_t nonzeros, std::int64_t length,
                   const std::int64_t* offsets, const Index* indices, const T* values, unsigned* used, Survey* out);

/// first_invalid = the first i for which offsets[i] is less than the one before, or is not 0 (i = 0) or not `nonzeros`
/// (i = count).
void survey_offsets(const Gpu&, std::int64_t count, std::int64_t nonzeros, const std::int64_t* offsets, Survey* out);

}  // namespace orthant::cuda
