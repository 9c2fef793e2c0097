#include "host/cpu/nnls.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "host/core/pivoting.hpp"
#include "host/cpu/scratch.hpp"
#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/nnls.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Problems run along the SIMD lanes, one each, all in double: a lane has its own passive set, and components outside of
// it are 0 in the factorization that the lanes make in step. A lane that has finished takes the next problem. So eight
// factorizations cost what one does, which beats sharing one among problems with the same passive set: of 48 columns of
// a factor 36 to 48 have sets of their own (digits, topics and planted factors, ranks 10 and 32).
HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<double>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(HWY_LANES(double));

struct NnlsScratch;
struct NnlsMembers;

// Of kLanes problems, vector by vector: entry c of all of them at c * kLanes.
class Problems {
 public:
  explicit Problems(int rank) : k(rank) {
    const std::ptrdiff_t vectors = static_cast<std::ptrdiff_t>(k) * kLanes;
    const std::ptrdiff_t triangle = static_cast<std::ptrdiff_t>(k + 1) * (k + 2) / 2 * kLanes;
    double* memory = scratch<NnlsScratch, double>(
        static_cast<std::size_t>(triangle + 4 * vectors + 5 * kLanes + static_cast<std::ptrdiff_t>(k) * k + k));
    const auto take = [&](std::ptrdiff_t size) { return std::exchange(memory, memory + size); };
    l_ = take(triangle);
    r = take(vectors);
    x = take(vectors);
    y = take(vectors);
    passive = take(vectors);
    noise = take(kLanes);
    ridge = take(kLanes);
    infeasible = take(kLanes);
    negative = take(kLanes);
    last = take(kLanes);
    g = take(static_cast<std::ptrdiff_t>(k) * k);
    scale = take(k);
    std::fill(r, last + kLanes, 0.0);
    members = scratch<NnlsMembers, int>(static_cast<std::size_t>(k));
  }

  // Solves each on its passive set: x, and the slopes y = G x - r. Returns 1 in the lanes in which that is singular.
  V solve(double singular) {
    find_members();
    V is_singular = hn::Zero(d);
    for (int b = 0; b < size_; b += kColumns) eliminate(b, std::min(b + kColumns, size_), singular, is_singular);
    substitute();
    slopes();
    return is_singular;
  }

  // Per lane the number of components whose sign is wrong, how many of them are passive, and the last of them; y
  // becomes 1 at each, else 0.
  void find_infeasible() {
    V count = hn::Zero(d), below = hn::Zero(d), at = hn::Zero(d);
    const V least = hn::Neg(hn::Load(d, noise)), one = hn::Set(d, 1);
    for (int c = 0; c < k; ++c) {
      const V p = hn::Load(d, passive + c * kLanes);
      const V value = hn::IfThenElse(hn::Gt(p, hn::Zero(d)), hn::Load(d, x + c * kLanes), hn::Load(d, y + c * kLanes));
      const auto wrong = hn::Lt(value, least);
      const V flag = hn::IfThenElseZero(wrong, one);
      count = hn::Add(count, flag);
      below = hn::MulAdd(flag, p, below);
      at = hn::IfThenElse(wrong, hn::Set(d, c), at);
      hn::Store(flag, d, y + c * kLanes);
    }
    hn::Store(count, d, infeasible);
    hn::Store(below, d, negative);
    hn::Store(at, d, last);
  }

  // Components whose sign is wrong change sides: in the lanes with 1 in `joining` those that are 0, in the lanes with 1
  // in `leaving` those that are passive.
  void exchange(const double* joining, const double* leaving) {
    const V join = hn::Load(d, joining), leave = hn::Load(d, leaving);
    for (int c = 0; c < k; ++c) {
      const V p = hn::Load(d, passive + c * kLanes);
      const V lanes = hn::IfThenElse(hn::Gt(p, hn::Zero(d)), leave, join);
      hn::Store(hn::Abs(hn::NegMulAdd(hn::Load(d, y + c * kLanes), lanes, p)), d, passive + c * kLanes);
    }
  }

  const int k;
  double *g, *scale;                     // G, scaled (core::unit_scale); the scales
  double *r, *x, *y, *passive;           // passive: 1 or 0
  double *noise, *ridge;                 // per lane
  double *infeasible, *negative, *last;  // per lane
  int* members;                          // components that are passive in any lane

 private:
  static constexpr D d{};
  // Of the factor, whose sums are in registers at once.
  static constexpr int kRows = 4, kColumns = HWY_LANES(double) >= 8 ? 4 : 2;

  // Row a of Cholesky's factor, the members being numbered in order; the diagonal holds the inverse. The row below the
  // last member's is that of r: the substitution forwards.
  double* row(int a) const { return l_ + static_cast<std::ptrdiff_t>(a) * (a + 1) / 2 * kLanes; }

  void find_members() {
    size_ = 0;
    for (int c = 0; c < k; ++c) {
      if (!hn::AllTrue(d, hn::Eq(hn::Load(d, passive + c * kLanes), hn::Zero(d)))) members[size_++] = c;
    }
  }

  // Columns [first, end) of the factor: of all rows together, what the columns before explain, so that those are read
  // once for several; then the columns one after the other.
  void eliminate(int first, int end, double singular, V& is_singular) {
    int a = first;
    if (end - first == kColumns) {
      for (; a + kRows <= size_ + 1; a += kRows) subtract<kRows, kColumns>(a, first, first);
      for (; a <= size_; ++a) subtract<1, kColumns>(a, first, first);
    } else {
      for (int b = first; b < end; ++b) {
        for (a = b; a <= size_; ++a) subtract<1, 1>(a, b, first);
      }
    }
    for (int b = first; b < end; ++b) finish(b, first, singular, is_singular);
  }

  // Entries of rows from a on and columns from b on, less what the columns before `first` explain.
  template <int kR, int kC>
  HWY_INLINE void subtract(int a, int b, int first) {
    V sums[kR][kC];
    const double *la[kR], *lb[kC];
    ORTHANT_UNROLL for (int j = 0; j < kC; ++j) lb[j] = row(b + j);
    ORTHANT_UNROLL for (int i = 0; i < kR; ++i) {
      la[i] = row(a + i);
      ORTHANT_UNROLL for (int j = 0; j < kC; ++j) {
        const int cb = members[b + j];
        sums[i][j] = a + i < size_ ? hn::Set(d, g[static_cast<std::ptrdiff_t>(cb) * k + members[a + i]])
                                   : hn::Load(d, r + cb * kLanes);
      }
    }
    for (int m = 0; m < first; ++m) {
      V column[kC];
      ORTHANT_UNROLL for (int j = 0; j < kC; ++j) column[j] = hn::Load(d, lb[j] + m * kLanes);
      ORTHANT_UNROLL for (int i = 0; i < kR; ++i) {
        const V value = hn::Load(d, la[i] + m * kLanes);
        ORTHANT_UNROLL for (int j = 0; j < kC; ++j) sums[i][j] = hn::NegMulAdd(value, column[j], sums[i][j]);
      }
    }
    ORTHANT_UNROLL for (int i = 0; i < kR; ++i) {
      ORTHANT_UNROLL for (int j = 0; j < kC; ++j) {
        if (a + i >= b + j) hn::Store(sums[i][j], d, row(a + i) + (b + j) * kLanes);
      }
    }
  }

  // Column b, of which the columns from `first` on are still to be subtracted.
  void finish(int b, int first, double singular, V& is_singular) {
    const int cb = members[b];
    const double* lb = row(b);
    const auto rest = [&](int a) {
      double* la = row(a);
      V sum = hn::Load(d, la + b * kLanes);
      for (int m = first; m < b; ++m) {
        sum = hn::NegMulAdd(hn::Load(d, la + m * kLanes), hn::Load(d, lb + m * kLanes), sum);
      }
      return sum;
    };
    const V diagonal = hn::Set(d, g[static_cast<std::ptrdiff_t>(cb) * k + cb]);
    const V pivot = hn::MulAdd(diagonal, hn::Load(d, ridge), rest(b));
    const auto is_passive = hn::Gt(hn::Load(d, passive + cb * kLanes), hn::Zero(d));
    const auto usable = hn::And(is_passive, hn::Gt(pivot, hn::Mul(hn::Set(d, singular), diagonal)));
    // Unusable in spite of the ridge, the component stays 0.
    const V inverse = hn::IfThenElseZero(usable, hn::Div(hn::Set(d, 1), hn::Sqrt(pivot)));
    is_singular = hn::IfThenElse(hn::AndNot(usable, is_passive), hn::Set(d, 1), is_singular);
    for (int a = b + 1; a <= size_; ++a) {
      V value = hn::Mul(rest(a), inverse);
      if (a < size_) value = hn::Mul(value, hn::Load(d, passive + members[a] * kLanes));
      hn::Store(value, d, row(a) + b * kLanes);
    }
    hn::Store(inverse, d, row(b) + b * kLanes);
  }

  void substitute() {
    std::fill_n(x, static_cast<std::ptrdiff_t>(k) * kLanes, 0.0);
    double* z = row(size_);
    for (int b = size_ - 1; b >= 0; --b) {
      const double* lb = row(b);
      const V xb = hn::Mul(hn::Load(d, z + b * kLanes), hn::Load(d, lb + b * kLanes));
      hn::Store(xb, d, x + members[b] * kLanes);
      for (int a = 0; a < b; ++a) {
        hn::Store(hn::NegMulAdd(hn::Load(d, lb + a * kLanes), xb, hn::Load(d, z + a * kLanes)), d, z + a * kLanes);
      }
    }
  }

  void slopes() {
    int c = 0;
    for (; c + 4 <= k; c += 4) slope_rows<4>(c);
    for (; c < k; ++c) slope_rows<1>(c);
  }
  template <int kRows>
  HWY_INLINE void slope_rows(int c) {
    V sums[kRows];
    ORTHANT_UNROLL for (int i = 0; i < kRows; ++i) sums[i] = hn::Neg(hn::Load(d, r + (c + i) * kLanes));
    for (int b = 0; b < size_; ++b) {
      const int m = members[b];
      const V xb = hn::Load(d, x + m * kLanes);
      const double* gm = g + static_cast<std::ptrdiff_t>(m) * k + c;
      ORTHANT_UNROLL for (int i = 0; i < kRows; ++i) sums[i] = hn::MulAdd(hn::Set(d, gm[i]), xb, sums[i]);
    }
    ORTHANT_UNROLL for (int i = 0; i < kRows; ++i) hn::Store(sums[i], d, y + (c + i) * kLanes);
  }

  double* l_;
  int size_ = 0;
};

// The largest of min(x, slope) beside that of r, for x as it is stored.
template <class T>
double residual(const T* x, const T* r, core::Gram<const T> g, core::ScaledPenalty penalty) {
  double size = 0, worst = 0;
  for (int c = 0; c < g.rank; ++c) {
    const double product = static_cast<double>(r[c]) - penalty.l1, xc = static_cast<double>(x[c]);
    double slope = penalty.l2 * xc - product;
    const T* gc = g.data + static_cast<std::ptrdiff_t>(c) * g.rank;
    for (int e = 0; e < g.rank; ++e) slope += static_cast<double>(gc[e]) * static_cast<double>(x[e]);
    size = std::max(size, std::abs(product));
    worst = std::max(worst, std::abs(std::min(xc, slope)));
  }
  return size > 0 ? worst / size : worst;
}

// One lane of Problems and the column that it works on.
template <class T>
class Lane {
 public:
  bool busy() const { return column_ >= 0; }

  void load(const Problems& p, int lane, std::int64_t column, const T* f, const T* r, core::ScaledPenalty penalty,
            double noise) {
    column_ = column;
    pivoting_ = core::Pivoting(p.k);
    double largest = 0;
    for (int c = 0; c < p.k; ++c) {
      const double product = p.scale[c] * (static_cast<double>(r[c]) - penalty.l1);
      p.r[c * kLanes + lane] = product;
      p.passive[c * kLanes + lane] = f[c] > 0 && p.scale[c] > 0;
      largest = std::max(largest, std::abs(product));
    }
    p.noise[lane] = noise * largest;
    p.ridge[lane] = 0;
  }
  void leave(const Problems& p, int lane) {
    column_ = -1;
    for (int c = 0; c < p.k; ++c) p.r[c * kLanes + lane] = p.passive[c * kLanes + lane] = 0;
  }

  core::Pivoting::Next next(const Problems& p, int lane, bool singular) {
    return pivoting_.next(static_cast<int>(p.infeasible[lane]), static_cast<int>(p.negative[lane]), singular);
  }
  void store(const Problems& p, int lane, T* f, const T* r, core::ScaledPenalty penalty) const {
    const bool empty = std::all_of(r, r + p.k, [](T value) { return value == T(0); });
    for (int c = 0; c < p.k; ++c) {
      // Without curvature any value is a minimum, unless the slope decides.
      if (p.scale[c] == 0 && !empty && static_cast<double>(r[c]) >= penalty.l1) continue;
      f[c] = static_cast<T>(std::max(0.0, p.scale[c] * p.x[c * kLanes + lane]));
    }
  }
  std::int64_t column() const { return column_; }
  bool regularized() const { return pivoting_.ridge; }

 private:
  std::int64_t column_ = -1;
  core::Pivoting pivoting_{0};
};

template <class T>
void scale_gram(core::Gram<const T> gram, double l2, const Problems& p) {
  for (int c = 0; c < p.k; ++c) {
    p.scale[c] = core::unit_scale(static_cast<double>(gram.data[static_cast<std::ptrdiff_t>(c) * p.k + c]) + l2);
  }
  for (int c = 0; c < p.k; ++c) {
    const std::ptrdiff_t line = static_cast<std::ptrdiff_t>(c) * p.k;
    for (int e = 0; e < p.k; ++e) {
      const double entry = static_cast<double>(gram.data[line + e]) + (e == c ? l2 : 0);
      p.g[line + e] = p.scale[c] > 0 && p.scale[e] > 0 ? entry * p.scale[c] * p.scale[e] : 0;
    }
  }
}

template <class T>
void solve(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, NnlsResult* result) {
  using Next = core::Pivoting::Next;
  const core::PivotingTolerance tolerance(f.rank, static_cast<double>(std::numeric_limits<T>::epsilon()));
  Problems p(f.rank);
  scale_gram(terms.gram, penalty.l2, p);
  Lane<T> lanes[kLanes];
  std::int64_t taken = 0, left = f.count;
  const auto take = [&](int lane) {
    if (taken == f.count) return lanes[lane].leave(p, lane);
    lanes[lane].load(p, lane, taken, f.column(taken), terms.numerator.column(taken), penalty, tolerance.noise);
    ++taken;
  };
  for (int lane = 0; lane < kLanes; ++lane) take(lane);
  HWY_ALIGN double singular[kLanes], joining[kLanes], leaving[kLanes];
  while (left > 0) {
    hn::Store(p.solve(tolerance.singular), D(), singular);
    p.find_infeasible();
    Next next[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      next[lane] = lanes[lane].busy() ? lanes[lane].next(p, lane, singular[lane] > 0) : Next::solve_again;
      joining[lane] = next[lane] == Next::exchange_all;
      leaving[lane] = next[lane] == Next::exchange_all || next[lane] == Next::exchange_negative;
    }
    p.exchange(joining, leaving);
    for (int lane = 0; lane < kLanes; ++lane) {
      if (next[lane] == Next::exchange_last) {
        double& passive = p.passive[static_cast<int>(p.last[lane]) * kLanes + lane];
        passive = 1 - passive;
      } else if (next[lane] == Next::solve_again && lanes[lane].busy()) {
        p.ridge[lane] = tolerance.ridge;
        p.noise[lane] *= tolerance.ridge / tolerance.noise;
      } else if (next[lane] == Next::done) {
        T* column = f.column(lanes[lane].column());
        const T* r = terms.numerator.column(lanes[lane].column());
        lanes[lane].store(p, lane, column, r, penalty);
        if (result != nullptr) {
          result->kkt_residual = std::max(result->kkt_residual, residual(column, r, terms.gram, penalty));
          result->regularized += lanes[lane].regularized();
        }
        --left;
        take(lane);
      }
    }
  }
}

void solve_float(core::Factor<float> f, const core::Terms<float>& t, core::ScaledPenalty p, NnlsResult* result) {
  solve(f, t, p, result);
}
void solve_double(core::Factor<double> f, const core::Terms<double>& t, core::ScaledPenalty p, NnlsResult* result) {
  solve(f, t, p, result);
}

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

#define ORTHANT_NNLS(T)                                                                            \
  HWY_EXPORT(solve_##T);                                                                           \
  template <>                                                                                      \
  void Nnls<T>::solve(core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty, \
                      NnlsResult* result) {                                                        \
    HWY_DYNAMIC_DISPATCH(solve_##T)(f, terms, penalty, result);                                    \
  }
ORTHANT_NNLS(float)
ORTHANT_NNLS(double)
#undef ORTHANT_NNLS

}  // namespace orthant::cpu
#endif
