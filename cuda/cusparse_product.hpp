#pragma once

#include <cstdint>
#include <limits>
#include <memory>

#include "cuda/gpu.hpp"
#include "cuda/kernels/compressed.hpp"
#include "host/core/buffer.hpp"
#include "host/core/factor.hpp"
#include "orthant/cuda.hpp"
#include "orthant/error.hpp"

namespace orthant::cuda {

/// One orientation of X as cuSPARSE takes it: offsets of 32 bits, a descriptor, and what it finds out of the pattern
/// once, for factors of any rank but 1. The sums have the same bits in every run.
template <class T>
class CusparseProduct {
 public:
  /// Refers to x; its indices are below `length`.
  CusparseProduct(const Gpu& gpu, const Compressed<T>& x, std::int64_t length);

  /// Whether multiply() may have this factor: of rank 2 or more, since of one column cuSPARSE may make the product by
  /// its algorithm for vectors, whose sums depend on the run; and packed, beginning on a whole vector of 16 bytes,
  /// since it reads and writes vectors wherever columns begin (cuSPARSE 12 on an H100: misaligned addresses where they
  /// are padded). A caller's factor, worked on in place, may begin anywhere.
  static bool takes(core::Factor<const T> f) {
    return f.rank > 1 && f.ld == f.rank && reinterpret_cast<std::uintptr_t>(f.data) % 16 == 0;
  }
  /// r(:, i) = sum over the entries of segment i of value * f(:, index).
  void multiply(core::Factor<const T> f, core::Factor<T> r) const;

  std::int64_t bytes() const { return static_cast<std::int64_t>(offsets_.bytes() + buffer_.bytes()); }

 private:
  const Gpu& gpu_;
  std::int64_t count_, length_;
  core::Buffer<std::int32_t> offsets_;
  core::Buffer<std::byte> buffer_;  // what cusparseSpMM_preprocess fills
  std::unique_ptr<const cusparseSpMatDescr, Destroy<cusparseConstSpMatDescr_t, cusparseDestroySpMat>> matrix_;
};

/// Whether products of one orientation of X are made so, `asked` being the Context's wish: X without entries has
/// nothing to make. @throws InvalidArgument for what 32-bit indices and offsets do not suffice for
inline bool uses_cusparse(SparseProduct asked, std::int64_t count, std::int64_t length, std::int64_t nonzeros) {
  if (asked == SparseProduct::row_gather || nonzeros == 0) return false;
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (count < kMost && length < kMost && nonzeros < kMost) return true;
  throw InvalidArgument("CudaConfig::sparse_product", "cusparse",
                        "row_gather for X of 2^31 - 1 rows, columns or entries, or more");
}

/// What bytes() of such a product will be.
std::int64_t cusparse_product_bytes(const Gpu&, std::int64_t count, std::int64_t length, std::int64_t nonzeros,
                                    int element_size);

}  // namespace orthant::cuda
