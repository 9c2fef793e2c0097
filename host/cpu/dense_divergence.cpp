#include "host/cpu/dense_divergence.hpp"

#include <algorithm>
#include <type_traits>

#include "host/cpu/coordinate_descent.hpp"
#include "host/cpu/divergence_elements.hpp"
#include "host/cpu/pass_plan.hpp"
#include "host/cpu/subnormals.hpp"

namespace orthant::cpu {

using core::Divergence;
using core::Factor;
using core::KktSums;
using core::Side;
using core::Terms;
using core::Workspace;

namespace {

// Columns of the fixed factor in one block of WH: with a panel of 48 or more of the other, about 48 KB of float.
constexpr std::int64_t block_size(bool along) { return along ? 192 : 64; }

// Sizes in elements of what passes and terms keep. `along`: panels are of rows of x as it lies.
struct Sizes {
  bool along, with_denominator;
  std::int64_t fixed;  // k x the fixed side
  std::int64_t panel;  // k x a panel
  std::int64_t block;  // a block of WH
  std::int64_t ld_fixed, ld_panel, ld_block;

  template <class T>
  static Sizes of(bool along, bool with_denominator, std::int64_t fixed_count, std::int64_t panel_count, int rank) {
    const std::int64_t ld_fixed = padded<T>(fixed_count), ld_panel = padded<T>(panel_count);
    const std::int64_t block = block_size(along);
    return {along,    with_denominator, rank * ld_fixed,         rank * ld_panel, block * ld_panel,
            ld_fixed, ld_panel,         along ? block : ld_panel};
  }
  // Of the fixed factor: component by component, and for rows() where panels are along.
  std::int64_t prepared() const { return along ? 2 * fixed : fixed; }
  // Of a thread: the panel component by component; terms as factors and component by component; blocks.
  std::int64_t scratch() const { return with_denominator ? 5 * panel + 2 * block : 3 * panel + block; }
  // Of sums for the fixed side: numerator, denominator.
  std::int64_t sums() const { return with_denominator ? 2 * fixed : fixed; }
};

template <class T>
void by_component(Factor<const T> f, std::int64_t begin, std::int64_t length, T* out, std::int64_t ld) {
  for (std::int64_t j = begin; j < begin + length; ++j) {
    const T* column = f.column(j);
    for (int c = 0; c < f.rank; ++c) out[c * ld + j] = column[c];
  }
}

// What a panel of the local side and all of the fixed side make together.
template <class T>
class Panels {
 public:
  Panels(const StoredMatrix<T>& matrix, const Sizes& sizes, Factor<const T> fixed, const Divergence& divergence,
         T* prepared)
      : x_(matrix.x),
        observed_(matrix.observed),
        sizes_(sizes),
        fixed_(fixed),
        divergence_(divergence),
        components_(prepared) {
    if (sizes.along) packed_ = prepared + sizes.fixed;
    for_chunks(Chunks(fixed.count, block_size(sizes.along)), matrix.threads,
               [&](int, std::int64_t begin, std::int64_t length) {
                 by_component(fixed, begin, length, components_, sizes.ld_fixed);
                 for (std::int64_t b = begin; sizes.along && b < begin + length; b += block_size(true)) {
                   const Factor<const T> block = fixed.panel(b, std::min(block_size(true), begin + length - b));
                   pack(block, 0, block.count, packed_ + fixed.rank * b);
                 }
               });
  }

  // Numerator and denominator (unless null) of the panel, whose first column is p.
  void local_terms(std::int64_t p, Factor<const T> panel, T* scratch, Factor<T> numerator,
                   Factor<T> denominator) const {
    T *numerator_rows = scratch + 2 * sizes_.panel, *denominator_rows = scratch + 4 * sizes_.panel;
    const bool with_denominator = denominator.data != nullptr;
    by_component(panel, 0, panel.count, scratch, sizes_.ld_panel);
    if (sizes_.along) {
      clear(numerator);
      if (with_denominator) clear(denominator);
    }
    for_blocks(p, panel, scratch, with_denominator, [&](std::int64_t b, Block<T> a, Block<T> weights) {
      if (sizes_.along) {
        rows(a, packed_ + fixed_.rank * b, numerator);
        if (with_denominator) rows(weights, packed_ + fixed_.rank * b, denominator);
      } else {
        const Columns how{.fresh = b == 0};
        columns(a, fixed_.panel(b, a.rows), numerator_rows, sizes_.ld_panel, how);
        if (with_denominator) columns(weights, fixed_.panel(b, a.rows), denominator_rows, sizes_.ld_panel, how);
      }
    });
    if (sizes_.along) return;
    unpack(numerator_rows, sizes_.ld_panel, numerator);
    if (with_denominator) unpack(denominator_rows, sizes_.ld_panel, denominator);
  }

  // Adds to the terms of the fixed side what the panel contributes; `fresh`: they are written first. Panels along:
  // component by component, otherwise as factors.
  void add_fixed_terms(std::int64_t p, Factor<const T> panel, T* scratch, T* numerator, T* denominator,
                       bool fresh) const {
    const int k = panel.rank;
    T* packed_panel = scratch + sizes_.panel;
    by_component(panel, 0, panel.count, scratch, sizes_.ld_panel);
    if (!sizes_.along) pack(panel, 0, panel.count, packed_panel);
    const auto add = [&](std::int64_t b, Block<T> a, T* sums) {
      if (sizes_.along) {
        columns(a, panel, sums + b, sizes_.ld_fixed, {.fresh = fresh});
      } else {
        if (fresh) std::fill_n(sums + b * k, a.rows * k, T(0));
        rows(a, packed_panel, Factor<T>{sums + b * k, k, a.rows, k});
      }
    };
    for_blocks(p, panel, scratch, denominator != nullptr, [&](std::int64_t b, Block<T> a, Block<T> weights) {
      add(b, a, numerator);
      if (denominator != nullptr) add(b, weights, denominator);
    });
  }

 private:
  static void clear(Factor<T> f) {
    for (std::int64_t j = 0; j < f.count; ++j) std::fill_n(f.column(j), f.rank, T(0));
  }

  // function(first column of the fixed side, x v^(beta - 2), v^(beta - 1)) block by block, weighed.
  template <class Function>
  void for_blocks(std::int64_t p, Factor<const T> panel, T* scratch, bool with_denominator, Function&& function) const {
    const int k = panel.rank;
    T* v = scratch + (sizes_.with_denominator ? 5 : 3) * sizes_.panel;
    T* weights = with_denominator ? v + sizes_.block : nullptr;
    const std::int64_t ld = sizes_.ld_block;
    for (std::int64_t b = 0; b < fixed_.count; b += block_size(sizes_.along)) {
      const std::int64_t n = std::min(block_size(sizes_.along), fixed_.count - b);
      const Block<T> of_block{components_ + b, k, n, sizes_.ld_fixed},
          of_panel{scratch, k, panel.count, sizes_.ld_panel};
      const Block<T> x = sizes_.along ? x_.part(p, b, panel.count, n) : x_.part(b, p, n, panel.count);
      divergence_coefficients(sizes_.along ? of_panel : of_block, sizes_.along ? of_block : of_panel, x,
                              sizes_.along ? observed_.at(p, b) : observed_.at(b, p), divergence_, v, weights, ld);
      function(b, Block<T>{v, x.rows, x.columns, ld}, Block<T>{weights, x.rows, x.columns, ld});
    }
  }

  Block<T> x_;
  core::Observed<T> observed_;
  Sizes sizes_;
  Factor<const T> fixed_;
  Divergence divergence_;
  T* components_;
  T* packed_ = nullptr;
};

// Panels for the terms alone.
constexpr std::int64_t kTermsPanel = 2 * kUpdateColumns;

template <class T>
std::int64_t pass_bytes(bool along, std::int64_t local, std::int64_t fixed, const Divergence& divergence, int rank,
                        int threads) {
  const PassPlan plan(along, local, fixed, sizeof(T), threads);
  const Sizes s = Sizes::of<T>(along, !divergence.has_closed_denominator(), fixed, plan.panel, rank);
  return (s.prepared() + (1 + plan.threads) * s.sums() + plan.threads * s.scratch()) *
             static_cast<std::int64_t>(sizeof(T)) +
         plan.chunks * static_cast<std::int64_t>(sizeof(KktSums));
}

template <class T>
std::int64_t terms_bytes(bool along, std::int64_t fixed, const Divergence& divergence, int rank, int threads) {
  const Sizes s = Sizes::of<T>(along, !divergence.has_closed_denominator(), fixed, kTermsPanel, rank);
  return (s.prepared() + threads * s.scratch()) * static_cast<std::int64_t>(sizeof(T));
}

}  // namespace

template <class T>
void dense_divergence_terms(const StoredMatrix<T>& matrix, Side side, Factor<const T> f, Factor<const T> fixed,
                            const Divergence& divergence, Factor<T> numerator, Factor<T> denominator,
                            Workspace& workspace) {
  const bool with_denominator = denominator.data != nullptr;
  const Sizes sizes = Sizes::of<T>(matrix.is_row_side(side), with_denominator, fixed.count, kTermsPanel, f.rank);
  const Panels<T> panels(matrix, sizes, fixed, divergence, workspace.get<T>(Workspace::packed, sizes.prepared()));
  T* scratch = workspace.get<T>(Workspace::panels, matrix.threads * sizes.scratch());
  for_chunks(Chunks(f.count, kTermsPanel), matrix.threads,
             [&](int, std::int64_t begin, std::int64_t length, int worker) {
               const FlushSubnormals flush;
               for (std::int64_t p = begin; p < begin + length; p += kTermsPanel) {
                 const std::int64_t n = std::min(kTermsPanel, begin + length - p);
                 panels.local_terms(p, f.panel(p, n), scratch + worker * sizes.scratch(), numerator.panel(p, n),
                                    with_denominator ? denominator.panel(p, n) : Factor<T>{});
               }
             });
}

template <class T>
void dense_divergence_pass(const StoredMatrix<T>& matrix, Side side, Factor<T> local, Factor<const T> fixed,
                           const Divergence& divergence, Factor<const T> known_denominator,
                           const core::UpdateRule<T>& rule, Factor<T> numerator, Factor<T> denominator, KktSums* kkt,
                           Workspace& workspace) {
  const bool along = matrix.is_row_side(side), with_denominator = denominator.data != nullptr;
  const int k = local.rank;
  const PassPlan plan(along, local.count, fixed.count, sizeof(T), matrix.threads);
  const Sizes sizes = Sizes::of<T>(along, with_denominator, fixed.count, plan.panel, k);
  const Panels<T> panels(matrix, sizes, fixed, divergence, workspace.get<T>(Workspace::packed, sizes.prepared()));
  T* total = workspace.get<T>(Workspace::accumulators, (1 + plan.threads) * sizes.sums());
  T* scratch = workspace.get<T>(Workspace::panels, plan.threads * sizes.scratch());
  auto* chunk_sums = workspace.get<KktSums>(Workspace::partial_sums, plan.chunks);
  add_up_chunks(
      plan, local.count, sizes.sums(), total, total + sizes.sums(),
      [&](int chunk, std::int64_t begin, std::int64_t end, T* sums) {
        T* own = scratch + omp_get_thread_num() * sizes.scratch();
        const FlushSubnormals flush;
        KktSums kkt_sums;
        for (std::int64_t p = begin; p < end; p += plan.panel) {
          const Factor<T> panel = local.panel(p, std::min(plan.panel, end - p));
          const Factor<T> panel_numerator{own + sizes.panel, k, panel.count, k};
          const Factor<T> panel_denominator =
              with_denominator ? Factor<T>{own + 3 * sizes.panel, k, panel.count, k} : Factor<T>{};
          panels.local_terms(p, panel, own, panel_numerator, panel_denominator);
          KktSums panel_sums;
          rule.apply(panel,
                     {{},
                      panel_numerator,
                      with_denominator ? Factor<const T>(panel_denominator) : known_denominator.panel(p, panel.count)},
                     kkt != nullptr ? &panel_sums : nullptr);
          kkt_sums += panel_sums;
          panels.add_fixed_terms(p, panel, own, sums, with_denominator ? sums + sizes.fixed : nullptr, p == begin);
        }
        chunk_sums[chunk] = kkt_sums;
      });
  for_chunks(Chunks(fixed.count, kUpdateColumns), matrix.threads, [&](int, std::int64_t begin, std::int64_t length) {
    const auto store = [&](const T* sums, Factor<T> terms) {
      if (along) {
        unpack(sums + begin, sizes.ld_fixed, terms.panel(begin, length));
      } else {
        for (std::int64_t j = begin; j < begin + length; ++j) std::copy_n(sums + j * k, k, terms.column(j));
      }
    };
    store(total, numerator);
    if (with_denominator) store(total + sizes.fixed, denominator);
  });
  if (kkt != nullptr) {
    *kkt = {};
    for (int chunk = 0; chunk < plan.chunks; ++chunk) *kkt += chunk_sums[chunk];
  }
}

namespace {

// Columns that are copied at a time where X does not lie along them, in float half a cache line. A whole one, which is
// never fetched twice, takes longer where X stays in a cache, and less only far beyond: user ms an iteration of column-
// major X with 8 and with 16, 2000 x 2000 at rank 4 9.3 and 10.0, at rank 16 22.8 and 24.1, 6000 x 6000 at rank 4 103
// and 98.
constexpr std::int64_t kAcross = 2 * kLines;

constexpr std::int64_t kAhead = 16;  // rows ahead of what is copied that are fetched

// What a thread of coordinate descent keeps, in numbers.
template <class T>
struct DescentScratch {
  std::int64_t ld;      // of a line
  std::int64_t copied;  // lines whose entries are copied, to lie along, and where not all count, with their weights
  std::int64_t fits;    // of kLines
  std::int64_t values, weights, factor;

  DescentScratch(bool along, bool complete, std::int64_t count, int rank)
      : ld(padded<T>(count)),
        copied(along ? kLines : kAcross),
        fits(kLines * ld),
        values(along && complete ? 0 : copied * ld),
        weights(complete ? 0 : copied * ld),
        factor(padded<T>(kLines * rank)) {}
  std::int64_t size() const { return fits + values + weights + factor; }
};

// Copies `count` entries of n lines from p on, `ld` apart: to `values`, and unless it is null their weights to
// `weights`. Entries that do not count become 0 of weight 0.
template <class T>
void copy_lines(const StoredMatrix<T>& matrix, bool along, std::int64_t p, std::int64_t n, std::int64_t count,
                std::int64_t ld, T* values, T* weights) {
  const auto copy = [&](std::int64_t j, std::int64_t e) {
    const std::int64_t i = along ? p + j : e, place = along ? e : p + j, to = j * ld + e;
    const T value = matrix.x.data[i * matrix.x.ld + place];
    values[to] = value;
    if (weights == nullptr) return;
    const T* given = matrix.observed.at(i, place).weights;
    const T weight = given != nullptr ? *given : T(1);
    const bool counts = core::counts(matrix.observed.missing, value, weight);
    values[to] = counts ? value : T(0);
    weights[to] = counts ? weight : T(0);
  };
  if (along) {
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t e = 0; e < count; ++e) copy(j, e);
    }
  } else {
    const auto across = [&](auto lines) {
      for (std::int64_t e = 0; e < count; ++e) {
        __builtin_prefetch(matrix.x.data + std::min(e + kAhead, count - 1) * matrix.x.ld + p);
        for (std::int64_t j = 0; j < lines; ++j) copy(j, e);
      }
    };
    // Unrolled, the copy takes a third of the time.
    if (n == kAcross) {
      across(std::integral_constant<std::int64_t, kAcross>());
    } else {
      across(n);
    }
  }
}

}  // namespace

template <class T>
void dense_coordinate_descent(const StoredMatrix<T>& matrix, Side side, Factor<T> f, Factor<const T> fixed,
                              const Divergence& divergence, const T* fixed_sums, core::ScaledPenalty penalty,
                              int sweeps, Workspace& workspace) {
  const bool along = matrix.is_row_side(side), complete = matrix.observed.complete();
  const int k = f.rank;
  const DescentScratch<T> sizes(along, complete, fixed.count, k);
  const std::int64_t ld = sizes.ld;
  T* components = workspace.get<T>(Workspace::packed, k * ld);
  T* memory = workspace.get<T>(Workspace::panels, matrix.threads * sizes.size());
  for_chunks(Chunks(fixed.count, kUpdateColumns), matrix.threads,
             [&](int, std::int64_t begin, std::int64_t length) { by_component(fixed, begin, length, components, ld); });
  for (int c = 0; c < k; ++c) std::fill(components + c * ld + fixed.count, components + (c + 1) * ld, T(0));
  const ColumnProblem<T> problem{k, divergence, fixed_sums, penalty, sweeps};
  for_chunks(
      Chunks(f.count, sizes.copied), matrix.threads, [&](int, std::int64_t begin, std::int64_t length, int worker) {
        const FlushSubnormals flush;
        T *v = memory + worker * sizes.size(), *values = v + sizes.fits, *weights = values + sizes.values;
        T* own = weights + sizes.weights;
        for (std::int64_t p = begin; p < begin + length; p += sizes.copied) {
          const std::int64_t n = std::min(sizes.copied, begin + length - p);
          const bool copied = !along || !complete;
          if (copied) copy_lines(matrix, along, p, n, fixed.count, ld, values, complete ? nullptr : weights);
          for (std::int64_t j = 0; j < n; j += kLines) {
            const Factor<T> some = f.panel(p + j, std::min<std::int64_t>(kLines, n - j));
            const int lines = static_cast<int>(some.count);
            by_component(Factor<const T>(some), 0, lines, own, lines);
            columns(Block<T>{components, k, fixed.count, ld}, Factor<const T>{own, lines, k, lines}, v, ld,
                    {.fresh = true});
            const Block<T> x = copied ? Block<T>{values + j * ld, lines, fixed.count, ld}
                                      : matrix.x.part(p + j, 0, lines, fixed.count);
            descend(problem, {x.data, x.ld, complete ? nullptr : weights + j * ld, complete ? 0 : ld, fixed.count},
                    components, ld, v, some, false);
          }
        }
      });
}

std::int64_t dense_coordinate_descent_bytes(const MatrixShape& shape, const Divergence& divergence, bool updates_w,
                                            bool updates_h, int rank, int element_size, int threads) {
  // Slot by slot the workspace grows to what takes the most of it.
  std::int64_t packed = 0, panels = 0;
  for (Side side : {Side::w, Side::h}) {
    if (!(side == Side::w ? updates_w : updates_h)) continue;
    const bool along = (side == Side::w) == (shape.layout == Layout::row_major);
    const std::int64_t fixed = side == Side::w ? shape.columns : shape.rows;
    const bool with_denominator = !divergence.has_closed_denominator();
    const Sizes terms = element_size == sizeof(float)
                            ? Sizes::of<float>(along, with_denominator, fixed, kTermsPanel, rank)
                            : Sizes::of<double>(along, with_denominator, fixed, kTermsPanel, rank);
    packed = std::max(packed, terms.prepared());
    const std::int64_t descent = element_size == sizeof(float)
                                     ? DescentScratch<float>(along, shape.complete(), fixed, rank).size()
                                     : DescentScratch<double>(along, shape.complete(), fixed, rank).size();
    panels = std::max({panels, terms.scratch(), descent});
  }
  return (packed + threads * panels) * element_size;
}

std::int64_t dense_divergence_pass_bytes(const MatrixShape& shape, const Divergence& divergence, int rank,
                                         int element_size, int threads) {
  const Side side = core::local_side(shape);
  const bool along = (side == Side::w) == (shape.layout == Layout::row_major);
  const std::int64_t local = side == Side::w ? shape.rows : shape.columns;
  const std::int64_t fixed = side == Side::w ? shape.columns : shape.rows;
  return element_size == sizeof(float) ? pass_bytes<float>(along, local, fixed, divergence, rank, threads)
                                       : pass_bytes<double>(along, local, fixed, divergence, rank, threads);
}

std::int64_t dense_divergence_terms_bytes(const MatrixShape& shape, Side side, const Divergence& divergence, int rank,
                                          int element_size, int threads) {
  const bool along = (side == Side::w) == (shape.layout == Layout::row_major);
  const std::int64_t fixed = side == Side::w ? shape.columns : shape.rows;
  return element_size == sizeof(float) ? terms_bytes<float>(along, fixed, divergence, rank, threads)
                                       : terms_bytes<double>(along, fixed, divergence, rank, threads);
}

#define ORTHANT_INSTANTIATE(T)                                                                                        \
  template void dense_divergence_terms(const StoredMatrix<T>&, Side, Factor<const T>, Factor<const T>,                \
                                       const Divergence&, Factor<T>, Factor<T>, Workspace&);                          \
  template void dense_divergence_pass(const StoredMatrix<T>&, Side, Factor<T>, Factor<const T>, const Divergence&,    \
                                      Factor<const T>, const core::UpdateRule<T>&, Factor<T>, Factor<T>, KktSums*,    \
                                      Workspace&);                                                                    \
  template void dense_coordinate_descent(const StoredMatrix<T>&, Side, Factor<T>, Factor<const T>, const Divergence&, \
                                         const T*, core::ScaledPenalty, int, Workspace&);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cpu
