#pragma once

#include <cstdint>

#include "host/core/factor.hpp"

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

/// r(:, i) += sum over j of x(i, j) h(:, j), for the rows i of the block. One thread. 2 rows columns k flops.
template <class T>
void accumulate_rows(Block<T> x, core::Factor<const T> h, core::Factor<T> r);

/// r(:, j) += sum over i of x(i, j) w(:, i), for the columns j of the block. One thread. 2 rows columns k flops.
template <class T>
void accumulate_columns(Block<T> x, core::Factor<const T> w, core::Factor<T> r);

}  // namespace orthant::cpu
