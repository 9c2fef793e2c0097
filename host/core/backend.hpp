#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "host/core/buffer.hpp"
#include "host/core/divergence.hpp"
#include "host/core/factor.hpp"
#include "host/core/momentum.hpp"
#include "host/core/philox.hpp"
#include "host/core/stopping.hpp"
#include "orthant/factorize.hpp"
#include "orthant/matrix.hpp"

namespace orthant::core {

/// An entry that no X or factor may have.
struct BadEntry {
  std::int64_t row = 0, column = 0;
  double value = 0;
};

/// A sequence of calls in the form in which a backend makes it again fastest.
class Recording {
 public:
  virtual ~Recording() = default;
};

/// A point in the order of calls.
class Marker {
 public:
  virtual ~Marker() = default;
  virtual bool reached() const = 0;
  virtual void wait() const noexcept = 0;  ///< until it is reached, or never will be
  /// Waits until it is reached, then copies to host memory, without waiting for what was enqueued later.
  virtual void read(const void* source, std::int64_t bytes, void* host) const = 0;
  /// Waits until it is reached. From an earlier marker of the same backend, by the clock of what makes the calls.
  virtual double seconds_since(const Marker& earlier) const = 0;
};

/// What is done to factors. Calls are ordered; pointers are to the backend's memory unless said. A backend is immutable
/// and may be called from several threads at once; on the CPU an update is also called on panels, from inside a pass.
///
/// Every sum that decides something (norms, dots, KKT) is made in double and in an order that does not depend on the
/// number of threads.
template <class T>
class Backend {
 public:
  virtual ~Backend() = default;

  /// Where this backend's buffers come from.
  virtual MemoryResource& memory() const = 0;

  /// Copies the values of a caller's k x count matrix (`view`) into `f` / of `f` into the view. Any layout and memory;
  /// memory of the host is read or written when the call returns.
  virtual void copy_in(DenseView<const T> view, Factor<T> f) const = 0;
  virtual void copy_out(Factor<const T> f, DenseView<T> view) const = 0;
  virtual void fill(Factor<T> f, T value) const = 0;
  /// Sets bytes to 0.
  virtual void clear(void* data, std::int64_t bytes) const = 0;

  /// The first entry, in the order of memory, that is negative or not finite.
  virtual std::optional<BadEntry> find_invalid(DenseView<const T> view) const = 0;

  /// f(c, j) = scale * u, u uniform in (0, 1), a function of (seed, side, c, j) alone: same bits on every backend.
  virtual void fill_uniform(Factor<T> f, std::uint64_t seed, Side side, T scale) const = 0;

  /// g = f f'. Products in T, summed in double over blocks of columns. Cost: 2 count k^2 flops.
  virtual void gram(Factor<const T> f, Gram<T> g) const = 0;

  /// *out = sum of a(c, j) * b(c, j), in double.
  virtual void dot(Factor<const T> a, Factor<const T> b, double* out) const = 0;

  /// sums[c] = sum over j of f(c, j), squares[c] = sum of f(c, j)^2: k doubles each.
  virtual void component_sums(Factor<const T> f, double* sums, double* squares) const = 0;

  /// One or more HALS sweeps over the components of every column (Cichocki & Phan 2009):
  ///   f_c = max(0, (r_c - l1 - sum over d != c of g_cd f_d) / (g_cc + l2)),   c = 0 .. k-1,
  /// and where g_cc + l2 is 0 as it was, as in scikit-learn: from it the other factor's component, now zero, can grow
  /// again. But columns whose products r are all 0, such as those of an empty row of X, become 0. `kkt`, unless null,
  /// receives the sums of the first sweep: of min(f_c (g_cc + l2), gradient_c)^2 and of r_c^2.
  /// Cost: 2 count k^2 sweeps flops.
  virtual void hals(Factor<T> f, const Terms<T>& terms, ScaledPenalty penalty, int sweeps, KktSums* kkt) const = 0;

  /// Multiplicative update (Lee & Seung 2001): f_c *= (r_c) / ((G f)_c + l1 + l2 f_c), 0 where the denominator is 0;
  /// subnormal results become 0, those of terms that are not finite NaN. `kkt` as for hals, at the old f.
  /// Cost: 2 count k^2 flops.
  virtual void multiplicative(Factor<T> f, const Terms<T>& terms, ScaledPenalty penalty, KktSums* kkt) const = 0;

  /// The exact minimum over x >= 0 of 1/2 x'(G + l2 I)x - (r - l1)'x for each column, by block principal pivoting (Kim
  /// & Park 2011) in double, from the passive set that f has: near the solution, as late in a fit, one round does.
  /// Where g_cc + l2 is 0 the component stays as for hals, unless its slope is positive. `kkt` as kkt() reports it, of
  /// f as it was; `result`, unless null, receives what NnlsResult says, r - l1 being the product. `scratch`: so many
  /// doubles as nnls_scratch() says, uninitialised. Cost: about count k^3 / 3 flops for each round.
  virtual void nnls(Factor<T> f, const Terms<T>& terms, ScaledPenalty penalty, KktSums* kkt, NnlsResult* result,
                    double* scratch) const = 0;
  virtual std::int64_t nnls_scratch(int rank, std::int64_t count) const {
    (void)rank, (void)count;
    return 0;
  }

  /// The sums that hals() would report if it updated all components at once; f stays. Cost: 2 count k^2 flops.
  virtual void kkt(Factor<const T> f, const Terms<T>& terms, ScaledPenalty penalty, KktSums* kkt) const = 0;

  /// Multiplicative update of any divergence, of numerator n and denominator d of `terms` as RatioForm says: 0 where d
  /// + l1 + l2 f or n is 0; subnormal results become 0, those of terms that are not finite NaN. `kkt`, unless null,
  /// receives, at the old f, with gradient = d + l1 + l2 f - n and f_max the largest of the column, the sums of
  /// min(f_c / f_max (d_c + l1 + l2 f_c), gradient_c)^2 and of n_c^2.
  virtual void scale_by_ratio(Factor<T> f, const Terms<T>& terms, ScaledPenalty penalty, RatioForm form,
                              KktSums* kkt) const = 0;

  /// sums[c] = sum over j of f(c, j), summed in double.
  virtual void sum_columns(Factor<const T> f, T* sums) const = 0;

  /// f = M f for a small square M (rank x rank, column-major, host memory, in double).
  virtual void multiply_small(const double* m, Factor<T> f) const = 0;

  /// Per component the squared norms of its positive and of its negative entries: k doubles each, host memory.
  virtual void part_norms(Factor<const T> f, double* positive, double* negative) const = 0;

  /// For NNDSVD: out(c, j) = max(0, scale[c] * f(c, j)), entries below `threshold` being 0 (scale: host memory).
  /// Afterwards every 0 becomes `fill`, times a uniform number as in fill_uniform if `random_fill`.
  virtual void take_parts(Factor<const T> f, const double* scale, T threshold, T fill, bool random_fill,
                          std::uint64_t seed, Side side, Factor<T> out) const = 0;

  /// *out = l1 * sum(f) + l2 / 2 ||f||^2, in double.
  virtual void penalty(Factor<const T> f, ScaledPenalty penalty, double* out) const = 0;

  /// rule.advance(step, *measured, iterations, *state), where the two are.
  virtual void advance(const StoppingRule& rule, CheckStep step, const Measured* measured, int iterations,
                       LoopState* state) const = 0;

  /// rule.advance(step, *measured, *state), where the two are.
  virtual void advance(const MomentumRule& rule, MomentumStep step, Measured* measured, Momentum* state) const = 0;

  /// If momentum->accepted, with n an entry of `point` and p the same of `iterate`:
  ///   point = n + weight (n - p), or n where that is not positive;  iterate = n.
  /// Otherwise point = iterate. Where nothing is extrapolated a multiplicative update can go on.
  virtual void extrapolate(Factor<T> point, Factor<T> iterate, const Momentum* momentum) const = 0;

  /// Copies to host memory, waiting for what was enqueued before.
  virtual void read(const void* source, std::int64_t bytes, void* host) const = 0;

  virtual std::unique_ptr<Marker> mark() const = 0;

  /// Makes `calls`: calls to this backend and to matrices on it, the same every time, that neither read() nor allocate.
  /// A backend for which many small calls are slow records them in `recording` (null at first) and replays that.
  virtual void repeat(std::unique_ptr<Recording>& recording, const std::function<void()>& calls) const {
    (void)recording;
    calls();
  }

  /// Makes `calls` as long as *go_on (in the backend's memory, changed by them) is not 0. Within calls that are
  /// recorded the backend decides that without the host.
  virtual void repeat_while(const int* go_on, const std::function<void()>& calls) const {
    for (int value = 0; read(go_on, sizeof value, &value), value != 0;) calls();
  }
};

}  // namespace orthant::core
