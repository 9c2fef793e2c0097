#pragma once

#include <cstdint>

#include "host/core/factor.hpp"

/// The two products of dense X with a factor of few components, on a block of X in row-major order. Nothing of X is
/// packed or transposed. What belongs to the rows of the block is an ordinary factor; what belongs to its columns is
/// laid out anew, once per pass: as input by pack(), as output component by component.
namespace orthant::cpu {

/// A block of dense X, row-major: entry (i, j) is `data[i*ld + j]`.
template <class T>
struct Block {
  const T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t ld = 0;

  /// rows x columns starting at (i, j).
  Block part(std::int64_t i, std::int64_t j, std::int64_t m, std::int64_t n) const {
    return {data + i * ld + j, m, n, ld};
  }
};

/// `count` rounded up to a whole cache line: elements from one component to the next.
template <class T>
constexpr std::int64_t padded(std::int64_t count) {
  constexpr std::int64_t line = 64 / sizeof(T);
  return (count + line - 1) / line * line;
}

/// Lays out columns [begin, begin + length) of f (k x count) for rows(). `packed`, on a cache line, has
/// k * padded(count) elements; every column must be packed before it is used.
template <class T>
void pack(core::Factor<const T> f, std::int64_t begin, std::int64_t length, T* packed);

/// r(:, i) += sum over j of x(i, j) f(:, j) for the rows i of the block, f (k x columns) being packed.
template <class T>
void rows(Block<T> x, const T* packed, core::Factor<T> r);

/// How columns() works.
struct Columns {
  bool fresh = false;        ///< r is written rather than added to
  bool upper = false;        ///< component c at least for columns from the cache line on that has column c, not all
  bool fetch_below = false;  ///< as many rows of X below the block are brought to the second-level cache meanwhile
};

/// r[c * ld_r + j] += sum over i of x(i, j) f(c, i) for the columns j of the block. `r` is on a cache line, and so is
/// each of its components; up to padded(columns) they are written.
template <class T>
void columns(Block<T> x, core::Factor<const T> f, T* r, std::int64_t ld_r, Columns how = {});

/// f(c, j) = r[c * ld_r + j]: what columns() made, as a factor.
template <class T>
void unpack(const T* r, std::int64_t ld_r, core::Factor<T> f);

}  // namespace orthant::cpu
