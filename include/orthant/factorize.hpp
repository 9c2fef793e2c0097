#pragma once

#include "orthant/matrix.hpp"
#include "orthant/options.hpp"
#include "orthant/result.hpp"

namespace orthant {

/// Factorizes X (m x n) into W (m x k) and H (k x n), both non-negative. The rank k is the views'.
///
/// One iteration updates W from the old H, then H from the new W, as scikit-learn does: `multiplicative_update`, and
/// `hals` with one sweep, follow scikit-learn's `mu` and `cd` (shuffle off) step by step from the same start; but for
/// beta < 2 with an l2 penalty, where that `mu` can raise the objective.
///
/// An entry of X must count: be neither missing nor of weight 0. Data in any unit are fitted alike. Unless it is 0, the
/// mean of X must be within 1e-20 and 1e20 in float (1e-25 and 1e25 for other losses than frobenius), 1e-90 and 1e90 in
/// double, and its power beta within 1e-280 and 1e280.
///
/// Row-major W and column-major H (components fastest) are worked on in place; other layouts are copied in and out.
/// X, W and H must not overlap. On the CPU, memory that begins at a multiple of 64 bytes is read quicker: products with
/// sparse X take 1.3 to 1.7 times as long where that of W and H does not.
///
/// @throws InvalidArgument before W and H are touched
/// @throws OutOfMemory before the first iteration, NumericalError at a check
template <class T>
Result factorize(const Matrix<T>& x, DenseView<T> w, DenseView<T> h, const Options& options = {});

/// The same, while the loss of other entries is measured at each check: of those that count in `held_out`, a Matrix of
/// the shape of X with missing entries, on the same Context. They have no part in the fit.
template <class T>
Result factorize(const Matrix<T>& x, const Matrix<T>& held_out, DenseView<T> w, DenseView<T> h,
                 const Options& options = {});

namespace core {
class PendingFit;
}

/// A factorization that has been enqueued. The destructor waits for its end.
class Pending {
 public:
  explicit Pending(std::unique_ptr<core::PendingFit> fit) noexcept;
  Pending(Pending&&) noexcept;
  Pending& operator=(Pending&&) noexcept;
  ~Pending();

  /// Whether it has ended; does not wait.
  bool ready() const;
  /// Waits for the end, not for what was enqueued after it. `history` has the end only, the times are 0.
  /// @throws NumericalError, CudaError
  Result get() const;

 private:
  std::unique_ptr<core::PendingFit> fit_;
};

/// factorize() without the host: enqueues all of it on the stream of X's Context, to be run in the order of the stream,
/// and returns. On a device the loop and its stopping rule are one graph. W and H are in the memory of the backend (the
/// device's); what is enqueued afterwards finds them finished. A CPU Context has no stream: there the call does the
/// work.
///
/// The start is given or random; values of a given one are not looked at. `on_check` must be empty.
/// @throws InvalidArgument, OutOfMemory before anything is enqueued
template <class T>
Pending factorize_async(const Matrix<T>& x, DenseView<T> w, DenseView<T> h, const Options& options = {});

/// Finds H (k x n) for a fixed W (m x k): n convex problems, solved by the solver of `options` from H = 0 (hals,
/// anls) or from a constant (multiplicative_update). X is read once if the loss is frobenius and no entry of X is
/// missing or weighted, else once an iteration. `initialization`, `update_w` and `update_h` are ignored.
template <class T>
Result transform(const Matrix<T>& x, DenseView<const T> w, DenseView<T> h, const Options& options = {});

/// The loss of WH, summed in double over the entries themselves: for frobenius exact also where it is tiny beside
/// ||X||^2; of other losses each entry is exact to rounding of x and v, so that relative errors below about 1e-8 are
/// not told from 0. Of sparse X without missing entries only the stored entries are visited, and the rest comes from
/// products or sums of W and H: for frobenius exact to about 1e-16 ||WH||^2. What is not finite in W or H makes NaN.
/// @throws InvalidArgument as factorize() for losses that X does not allow
template <class T>
double loss(const Matrix<T>& x, DenseView<const T> w, DenseView<const T> h, Loss loss = Loss::frobenius());

struct NnlsResult {
  double kkt_residual = 0;       ///< the largest ||min(x, Gx - r)||_inf / ||r||_inf over the problems
  std::int64_t regularized = 0;  ///< problems in which a singular passive block was solved with a small ridge
};

/// Solves many small non-negative least squares problems exactly: each column x of `solution` (k x count) minimises
/// 1/2 x'Gx - r'x over x >= 0, r being the same column of `products` (k x count). With G = B'B and r = B'y that is
/// min ||Bx - y||. Block principal pivoting with its backup rule (Kim & Park 2011), in double, by Cholesky. Where G is
/// singular there are many minima, of which one is found; where that is not done in some hundred rounds, what is
/// returned is the minimum over its positive components only, and `kkt_residual` tells how far it is from one.
/// Runs on the backend of the Context; views are of host or of its memory. On a GPU whose blocks cannot hold k (k + 1)
/// / 2 doubles in shared memory (an H100 from k = 233 on), each multiprocessor takes as much of global memory.
/// `solution` may not overlap the others.
/// @throws InvalidArgument if shapes differ, G is not symmetric, a value is not finite, k is too large for the backend,
/// or `solution` begins where `products` does
template <class T>
NnlsResult nnls(const Context& context, DenseView<const T> gram, DenseView<const T> products, DenseView<T> solution);

/// The shape of an X that need not exist yet.
struct MatrixShape {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t nonzeros = -1;         ///< -1: dense
  Layout layout = Layout::row_major;  ///< of dense X
  Missing missing = Missing::none;
  bool weighted = false;

  /// Whether all entries count, each by 1.
  constexpr bool complete() const noexcept { return missing == Missing::none && !weighted; }
};

/// What factorize() would allocate in precision T for an X that can be borrowed and W, H that are worked on in place.
/// What a Matrix copies comes to it. Of sparse X, as of coordinates always, that is at most a T (two with weights) and
/// 4 bytes for each entry, and 8 (rows + 1) bytes.
/// @throws InvalidArgument also for shapes of more than 2^57 entries, or factors of more than 2^47, whose bytes might
/// not be a number of 63 bits
template <class T>
MemoryPlan plan(const Context& context, const MatrixShape& shape, std::int64_t rank, const Options& options = {});

}  // namespace orthant
