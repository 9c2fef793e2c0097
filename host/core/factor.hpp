#pragma once

#include <cstdint>

namespace orthant::core {

/// The two factors of X ~ WH. Also names the side of X: W belongs to its rows, H to its columns.
enum class Side { w, h };

constexpr Side other(Side side) { return side == Side::w ? Side::h : Side::w; }

/// A factor, or anything shaped like one: rank x count, component fastest. Entry (c, j) is `data[c + j*ld]`, so that W
/// is m x k row-major, H is k x n column-major, and one kernel updates either.
template <class T>
struct Factor {
  T* data = nullptr;
  int rank = 0;
  std::int64_t count = 0;
  std::int64_t ld = 0;

  T* column(std::int64_t j) const { return data + j * ld; }
  /// Columns [begin, begin + n).
  Factor panel(std::int64_t begin, std::int64_t n) const { return {column(begin), rank, n, ld}; }

  operator Factor<const T>() const { return {data, rank, count, ld}; }
};

/// F F' of the fixed factor: rank x rank, symmetric, contiguous.
template <class T>
struct Gram {
  T* data = nullptr;
  int rank = 0;

  operator Gram<const T>() const { return {data, rank}; }
};

/// All that an update needs to know of X and of the fixed factor (architecture: observation 2). For the Frobenius loss:
/// the Gram of the fixed factor and, as `numerator`, the product of X with it. For other losses numerator and
/// denominator as of Divergence; where ld of the denominator is 0, all columns have the same.
template <class T>
struct Terms {
  Gram<const T> gram;
  Factor<const T> numerator;
  Factor<const T> denominator = {};
};

/// Weights of one factor's penalty, scaling applied: l1 * sum(F) + l2/2 ||F||^2. Updates add it to the terms on the fly
/// (numerator - l1, diagonal of the Gram + l2); the terms themselves stay those of the loss.
struct ScaledPenalty {
  double l1 = 0;
  double l2 = 0;
};

/// What an update tells of the point it started from, in the backend's memory: the squared norms of P and R of
/// Result::kkt_residual.
struct KktSums {
  double step_squared = 0;
  double product_squared = 0;

  KktSums& operator+=(const KktSums& b) {
    step_squared += b.step_squared;
    product_squared += b.product_squared;
    return *this;
  }
};

}  // namespace orthant::core
