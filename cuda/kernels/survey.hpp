#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"
#include "cuda/kernels/compressed.hpp"
#include "cuda/kernels/element.hpp"
#include "host/core/observed.hpp"

namespace orthant::cuda {

/// What one look at X finds of the entries that count, in device memory; all 0 before, but first_invalid at kNone.
struct Survey {
  static constexpr unsigned long long kNone = ~0ull;
  double sum, squared_norm;            ///< of the entries, each times its weight
  double weight;                       ///< of all together; not set for dense X that is complete
  double unused_lines, unused_places;  ///< lines without an entry other than 0; places along the lines likewise
  unsigned long long first_invalid;    ///< key of the first entry that, or whose weight, is negative or not finite
  unsigned long long unsorted;         ///< of sparse X: not 0 if some segment's indices do not rise
};

/// Sets what a look starts from, on the stream and from no memory of the host's, which an error may release before it
/// is read.
inline void prepare(const Gpu& gpu, unsigned long long* first_invalid) {
  gpu.set(first_invalid, 0xff, sizeof *first_invalid);  // kNone
}
inline void prepare(const Gpu& gpu, Survey* survey) {
  gpu.clear(survey, sizeof *survey);
  prepare(gpu, &survey->first_invalid);
}

/// Of dense X, row-major with `lines` lines of `length`: the key of an entry is its number in row order, or in column
/// order (`by_place`). `used`: lines + length unsigned, all 0.
template <class S, class T>
void survey_dense(const Gpu&, const S* x, std::int64_t ld, const core::Observed<T>&, std::int64_t lines,
                  std::int64_t length, bool by_place, unsigned* used, Survey* out);

/// The same without sums, of complete X: only first_invalid is found.
template <class T>
void find_invalid_entry(const Gpu&, const T* x, std::int64_t lines, std::int64_t length, std::int64_t ld, Survey* out);

/// first_invalid = the key of the first entry that counts and is 0; of sparse X with segments of `length`, its number
/// in the order of segments, stored or (unless `stored_only`) not.
template <class S, class T>
void find_zero_entry(const Gpu&, const S* x, std::int64_t ld, const core::Observed<T>&, std::int64_t lines,
                     std::int64_t length, bool by_place, Survey* out);
template <class T>
void find_zero_entry(const Gpu&, Compressed<T> x, std::int64_t length, bool stored_only, Survey* out);

/// Of sparse X, whose own indices are not read: the key of an entry is its position. An index outside [0, length) is
/// invalid too.
template <class T, class Index>
void survey_sparse(const Gpu&, Compressed<T> x, std::int64_t length, const Index* indices, unsigned* used, Survey* out);

/// first_invalid = the first of entries (their values and weights) whose row is outside [0, row_count), whose column is
/// outside [0, column_count), or that is invalid itself.
template <class T, class Index>
void check_coordinates(const Gpu&, Compressed<T> entries, const Index* rows, std::int64_t row_count,
                       const Index* columns, std::int64_t column_count, Survey* out);

/// first_invalid = the first i for which offsets[i] is less than the one before, or is not 0 (i = 0) or not `nonzeros`
/// (i = count).
void survey_offsets(const Gpu&, std::int64_t count, std::int64_t nonzeros, const std::int64_t* offsets, Survey* out);

}  // namespace orthant::cuda
