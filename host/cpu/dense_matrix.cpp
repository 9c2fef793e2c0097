#include "host/cpu/dense_matrix.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <numeric>
#include <vector>

#include "host/core/validate.hpp"
#include "host/cpu/dense_divergence.hpp"
#include "host/cpu/divergence_elements.hpp"
#include "host/cpu/factor_update.hpp"
#include "host/cpu/parallel.hpp"
#include "host/cpu/pass_plan.hpp"
#include "host/cpu/skinny_product.hpp"
#include "host/cpu/survey.hpp"

namespace orthant::cpu {

using core::Factor;
using core::Gram;
using core::KktSums;
using core::Side;
using core::Terms;
using core::Workspace;

namespace {

// What a pass keeps in the workspace.
template <class T>
struct PassMemory {
  std::int64_t accumulator_size, panel_size;
  T *packed, *total, *accumulators, *panels;
  KktSums* sums;

  PassMemory(Workspace& workspace, const PassPlan& plan, std::int64_t fixed, int rank)
      : accumulator_size(rank * padded<T>(fixed)), panel_size(2 * rank * padded<T>(plan.panel)) {
    packed = workspace.get<T>(Workspace::packed, accumulator_size);
    total = workspace.get<T>(Workspace::accumulators, (1 + plan.threads) * accumulator_size);
    accumulators = total + accumulator_size;
    panels = workspace.get<T>(Workspace::panels, plan.threads * panel_size);
    sums = workspace.get<KktSums>(Workspace::partial_sums, plan.chunks);
  }
  static std::int64_t bytes(const PassPlan& plan, std::int64_t fixed, int rank) {
    const std::int64_t factors = (2 + plan.threads) * padded<T>(fixed);
    return rank * (factors + plan.threads * 2 * padded<T>(plan.panel)) * static_cast<std::int64_t>(sizeof(T)) +
           plan.chunks * static_cast<std::int64_t>(sizeof(KktSums));
  }
  T* panel(int thread) const { return panels + thread * panel_size; }
};

// Columns of a product that a thread makes at once.
constexpr std::int64_t kStrip = 2 * kUpdateColumns;

struct ChunkSums {
  double sum = 0, squared = 0, weight = 0;
  std::int64_t empty_rows = 0;
  bool bad = false;
};

template <class T>
class DenseMatrix final : public core::DataMatrix<T> {
 public:
  DenseMatrix(const CpuRuntime& runtime, DenseView<const T> x, const core::Observed<T>& observed)
      : threads_(runtime.threads()),
        flipped_(x.layout == Layout::column_major),
        x_{x.data, flipped_ ? x.columns : x.rows, flipped_ ? x.rows : x.columns, x.ld},
        observed_(observed) {
    measure();
  }

  MatrixShape shape() const override {
    return {flipped_ ? x_.columns : x_.rows,
            flipped_ ? x_.rows : x_.columns,
            -1,
            flipped_ ? Layout::column_major : Layout::row_major,
            observed_.missing,
            observed_.weights != nullptr};
  }
  core::MatrixStatistics statistics() const override { return statistics_; }
  std::int64_t bytes() const override { return 0; }

  void product(Side side, Factor<const T> f, Factor<T> r, Workspace& workspace) const override {
    if (is_row_side(other(side))) {
      product_with_rows(f, r, workspace);
    } else {
      product_with_columns(f, r, workspace);
    }
  }

  void loss(Factor<const T> w, Factor<const T> h, double* out, Workspace& workspace) const override {
    divergence(w, h, {.beta = 2}, out, workspace);
  }

  void pass(Side side, Factor<T> local, Factor<const T> fixed, Gram<const T> fixed_gram,
            const core::UpdateRule<T>& rule, Factor<T> r, KktSums* kkt, Workspace& workspace) const override {
    const bool along = is_row_side(side);
    const int k = local.rank;
    const PassPlan plan(along, local.count, fixed.count, sizeof(T), threads_);
    const PassMemory<T> memory(workspace, plan, fixed.count, k);
    if (along) pack_all(fixed, memory.packed);
    add_up_chunks(plan, local.count, memory.accumulator_size, memory.total, memory.accumulators,
                  [&](int chunk, std::int64_t begin, std::int64_t end, T* accumulator) {
                    KktSums chunk_sums;
                    if (!along) std::fill_n(accumulator, memory.accumulator_size, T(0));
                    for (std::int64_t p = begin; p < end; p += plan.panel) {
                      const Factor<T> panel = local.panel(p, std::min(plan.panel, end - p));
                      KktSums panel_sums;
                      const auto update = [&](Factor<T> product) {
                        rule.apply(panel, Terms<T>{fixed_gram, product}, kkt != nullptr ? &panel_sums : nullptr);
                      };
                      T* scratch = memory.panel(omp_get_thread_num());
                      if (along) {
                        const Columns how{.fresh = p == begin, .fetch_below = plan.fetch && p + 2 * plan.panel <= end};
                        visit_rows(p, panel, memory.packed, scratch, accumulator, how, update);
                      } else {
                        visit_columns(p, panel, fixed, scratch, accumulator, update);
                      }
                      chunk_sums += panel_sums;
                    }
                    memory.sums[chunk] = chunk_sums;
                  });
    const int threads = worth_waking(threads_, k * fixed.count);
    for_chunks(Chunks(fixed.count, kUpdateColumns), threads, [&](int, std::int64_t begin, std::int64_t length) {
      if (along) {
        unpack(memory.total + begin, padded<T>(fixed.count), r.panel(begin, length));
      } else {
        for (std::int64_t j = begin; j < begin + length; ++j) std::copy_n(memory.total + j * k, k, r.column(j));
      }
    });
    if (kkt != nullptr) {
      *kkt = {};
      for (int chunk = 0; chunk < plan.chunks; ++chunk) *kkt += memory.sums[chunk];
    }
  }

  std::optional<core::BadEntry> find_zero() const override {
    // The first of each line, or all lines before it need no look.
    std::optional<core::BadEntry> first;
    for (std::int64_t i = 0; i < x_.rows; ++i) {
      std::int64_t place = 0;
      while (place < x_.columns && !(x_.data[i * x_.ld + place] == 0 && weight(i, place) > 0)) ++place;
      if (place == x_.columns) continue;
      const core::BadEntry found{flipped_ ? place : i, flipped_ ? i : place, 0};
      if (!first || found.row < first->row) first = found;
      if (!flipped_) break;
    }
    return first;
  }

  void divergence_terms(Side side, Factor<const T> w, Factor<const T> h, const core::Divergence& divergence,
                        Factor<T> numerator, Factor<T> denominator, Workspace& workspace) const override {
    dense_divergence_terms(stored(), side, side == Side::w ? w : h, side == Side::w ? h : w, divergence, numerator,
                           denominator, workspace);
  }

  void divergence_pass(Side side, Factor<T> local, Factor<const T> fixed, const core::Divergence& divergence,
                       Factor<const T> known_denominator, const core::UpdateRule<T>& rule, Factor<T> numerator,
                       Factor<T> denominator, KktSums* kkt, Workspace& workspace) const override {
    dense_divergence_pass(stored(), side, local, fixed, divergence, known_denominator, rule, numerator, denominator,
                          kkt, workspace);
  }

  void coordinate_descent(Side side, Factor<T> f, Factor<const T> fixed, const core::Divergence& divergence,
                          const T* fixed_sums, core::ScaledPenalty penalty, int sweeps,
                          Workspace& workspace) const override {
    dense_coordinate_descent(stored(), side, f, fixed, divergence, fixed_sums, penalty, sweeps, workspace);
  }

  void divergence(Factor<const T> w, Factor<const T> h, const core::Divergence& divergence, double* out,
                  Workspace&) const override {
    const Factor<const T> rows = flipped_ ? h : w, columns = flipped_ ? w : h;
    *out = sum_chunks<double>(Chunks(x_.rows, kUpdateColumns), threads_, [&](std::int64_t begin, std::int64_t length) {
      return divergence_sum(x_.part(begin, 0, length, x_.columns), observed_.at(begin, 0), rows.panel(begin, length),
                            columns, divergence);
    });
  }

 private:
  StoredMatrix<T> stored() const { return {x_, observed_, flipped_, threads_}; }

  // Of place j in line i of x_: 0 if the entry does not count.
  T weight(std::int64_t i, std::int64_t j) const {
    const T given = observed_.weights != nullptr ? *observed_.at(i, j).weights : T(1);
    return core::counts(observed_.missing, x_.data[i * x_.ld + j], given) ? given : T(0);
  }

  // Whether the factor of this side belongs to the rows of x_, as it lies in memory.
  bool is_row_side(Side side) const { return (side == Side::w) != flipped_; }

  // A panel of rows of x_: its product with the packed factor of the columns, the update, and what the new panel adds
  // to the product for the columns (component by component).
  template <class Update>
  void visit_rows(std::int64_t p, Factor<T> panel, const T* packed, T* memory, T* accumulator, Columns how,
                  Update&& update) const {
    const Factor<T> product{memory, panel.rank, panel.count, panel.rank};
    std::fill_n(memory, panel.rank * panel.count, T(0));
    const Block<T> x = x_.part(p, 0, panel.count, x_.columns);
    rows(x, packed, product);
    update(product);
    columns<T>(x, panel, accumulator, padded<T>(x_.columns), how);
  }

  // The same of a panel of columns of x_.
  template <class Update>
  void visit_columns(std::int64_t p, Factor<T> panel, Factor<const T> fixed, T* memory, T* accumulator,
                     Update&& update) const {
    const int k = panel.rank;
    const std::int64_t ld = padded<T>(panel.count);
    T* by_component = memory;
    const Factor<T> product{memory + k * ld, k, panel.count, k};
    const Block<T> x = x_.part(0, p, x_.rows, panel.count);
    columns(x, fixed, by_component, ld, {.fresh = true});
    unpack(by_component, ld, product);
    update(product);
    T* packed = by_component;
    pack<T>(panel, 0, panel.count, packed);
    rows(x, packed, Factor<T>{accumulator, k, x_.rows, k});
  }

  void pack_all(Factor<const T> f, T* packed) const {
    for_chunks(Chunks(f.count, kUpdateColumns), worth_waking(threads_, f.rank * f.count),
               [&](int, std::int64_t begin, std::int64_t length) { pack(f, begin, length, packed); });
  }

  // r of the rows of x_ from f of its columns, of which no more are packed at once than a pass would.
  void product_with_rows(Factor<const T> f, Factor<T> r, Workspace& workspace) const {
    const std::int64_t most = std::min(x_.rows, x_.columns);
    T* packed = workspace.get<T>(Workspace::packed, r.rank * padded<T>(most));
    for (std::int64_t b = 0; b < f.count; b += most) {
      const Factor<const T> part = f.panel(b, std::min(most, f.count - b));
      pack_all(part, packed);
      for_chunks(Chunks(r.count, kUpdateColumns), threads_, [&](int, std::int64_t begin, std::int64_t length) {
        const Factor<T> range = r.panel(begin, length);
        for (std::int64_t i = 0; b == 0 && i < length; ++i) std::fill_n(range.column(i), r.rank, T(0));
        rows(x_.part(begin, b, length, part.count), packed, range);
      });
    }
  }

  // r of the columns of x_ from f of its rows.
  void product_with_columns(Factor<const T> f, Factor<T> r, Workspace& workspace) const {
    const std::int64_t ld = padded<T>(kStrip);
    T* memory = workspace.get<T>(Workspace::panels, threads_ * r.rank * ld);
    for_chunks(Chunks(r.count, kStrip), threads_, [&](int, std::int64_t begin, std::int64_t length, int worker) {
      T* by_component = memory + worker * r.rank * ld;
      for (std::int64_t j = begin; j < begin + length; j += kStrip) {
        const std::int64_t n = std::min(kStrip, begin + length - j);
        columns(x_.part(0, j, x_.rows, n), f, by_component, ld, {.fresh = true});
        unpack(by_component, ld, r.panel(j, n));
      }
    });
  }

  // A chunk of rows strip by strip, whose columns' largest entries stay in cache.
  void measure() {
    constexpr std::int64_t kColumns = 4096;
    const Chunks chunks(x_.rows, 1);
    std::vector<std::uint8_t> used(static_cast<std::size_t>(x_.columns), 0);
    std::vector<ChunkSums> parts(static_cast<std::size_t>(chunks.chunks()));
    for_chunks(chunks, threads_, [&](int chunk, std::int64_t begin, std::int64_t length) {
      ChunkSums& part = parts[static_cast<std::size_t>(chunk)];
      std::vector<double> row_sums(static_cast<std::size_t>(length), 0);
      std::vector<T> largest(static_cast<std::size_t>(std::min(kColumns, x_.columns)));
      for (std::int64_t j = 0; j < x_.columns; j += kColumns) {
        const std::int64_t n = std::min(kColumns, x_.columns - j);
        std::fill(largest.begin(), largest.end(), T(0));
        for (std::int64_t i = 0; i < length; ++i) {
          const Survey found = observed_.complete() ? survey(x_.data + (begin + i) * x_.ld + j, n, largest.data())
                                                    : survey_counted(begin + i, j, n, largest.data(), part);
          part.bad |= !found.valid;
          part.squared += found.squared;
          row_sums[static_cast<std::size_t>(i)] += found.sum;
        }
        for (std::int64_t c = 0; c < n; ++c) {
          if (largest[static_cast<std::size_t>(c)] > 0) mark(used[static_cast<std::size_t>(j + c)]);
        }
      }
      for (const double sum : row_sums) {
        part.sum += sum;
        part.empty_rows += sum == 0;
      }
    });
    std::int64_t empty_rows = 0;
    for (const ChunkSums& part : parts) {
      if (part.bad) throw_first_bad();
      statistics_.sum += part.sum;
      statistics_.squared_norm += part.squared;
      statistics_.weight += part.weight;
      empty_rows += part.empty_rows;
    }
    if (observed_.complete()) statistics_.weight = static_cast<double>(x_.rows) * static_cast<double>(x_.columns);
    const std::int64_t empty_columns = std::count(used.begin(), used.end(), 0);
    statistics_.empty_rows = flipped_ ? empty_columns : empty_rows;
    statistics_.empty_columns = flipped_ ? empty_rows : empty_columns;
  }

  // As other threads may at the same time.
  static void mark(std::uint8_t& used) {
    const std::atomic_ref<std::uint8_t> shared(used);
    if (shared.load(std::memory_order_relaxed) == 0) shared.store(1, std::memory_order_relaxed);
  }

  // Of those of the n entries of line i from place `first` on that count, times their weights.
  Survey survey_counted(std::int64_t i, std::int64_t first, std::int64_t n, T* largest, ChunkSums& part) const {
    constexpr std::int64_t kChains = 8;  // an addition waits for the one before
    double sum[kChains] = {}, squared[kChains] = {};
    Survey found;
    for (std::int64_t c = 0; c < n; ++c) {
      found.valid &= has_valid_weight(i, first + c);
      const T counted = weight(i, first + c);
      if (counted > 0) {
        const T v = x_.data[i * x_.ld + first + c];
        const auto d = static_cast<double>(v), w = static_cast<double>(counted);
        found.valid &= v >= 0 && v <= std::numeric_limits<T>::max();
        largest[c] = std::max(largest[c], v);
        sum[c % kChains] += w * d;
        squared[c % kChains] += w * d * d;
      }
      part.weight += static_cast<double>(counted);
    }
    found.sum = std::accumulate(std::begin(sum), std::end(sum), 0.0);
    found.squared = std::accumulate(std::begin(squared), std::end(squared), 0.0);
    return found;
  }

  bool has_valid_weight(std::int64_t i, std::int64_t j) const {
    const T* given = observed_.at(i, j).weights;
    return given == nullptr || (*given >= 0 && *given <= std::numeric_limits<T>::max());
  }

  [[noreturn]] void throw_first_bad() const {
    const MatrixShape s = shape();
    for (std::int64_t i = 0; i < s.rows; ++i) {
      for (std::int64_t j = 0; j < s.columns; ++j) {
        const std::int64_t line = flipped_ ? j : i, place = flipped_ ? i : j;
        const T v = x_.data[line * x_.ld + place];
        if (!has_valid_weight(line, place)) {
          core::refuse_weight(i, j, static_cast<double>(*observed_.at(line, place).weights));
        }
        if (weight(line, place) == 0 || (v >= 0 && v <= std::numeric_limits<T>::max())) continue;
        core::refuse_value(i, j, static_cast<double>(v));
      }
    }
    throw InvalidArgument("X", "changing while it is read", "memory that nobody writes to");
  }

  int threads_;
  bool flipped_;  // column-major: x_ is its transpose, row-major, and the sides change places
  Block<T> x_;
  core::Observed<T> observed_;
  core::MatrixStatistics statistics_;
};

}  // namespace

template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_dense_matrix(const CpuRuntime& runtime, DenseView<const T> x,
                                                             const core::Observed<T>& observed) {
  return std::make_shared<DenseMatrix<T>>(runtime, x, observed);
}

std::int64_t dense_pass_bytes(const MatrixShape& shape, int rank, int element_size, int threads) {
  const Side side = core::local_side(shape);
  const std::int64_t local = side == Side::w ? shape.rows : shape.columns;
  const std::int64_t fixed = side == Side::w ? shape.columns : shape.rows;
  const PassPlan plan((side == Side::w) == (shape.layout == Layout::row_major), local, fixed, element_size, threads);
  return element_size == sizeof(float) ? PassMemory<float>::bytes(plan, fixed, rank)
                                       : PassMemory<double>::bytes(plan, fixed, rank);
}

std::int64_t dense_product_bytes(const MatrixShape& shape, Side side, int rank, int element_size, int threads) {
  const auto line = [&](std::int64_t count) {
    return element_size == sizeof(float) ? padded<float>(count) : padded<double>(count);
  };
  const bool with_rows = (core::other(side) == Side::w) == (shape.layout == Layout::row_major);
  return rank * element_size * (with_rows ? line(std::min(shape.rows, shape.columns)) : threads * line(kStrip));
}

template std::shared_ptr<const core::DataMatrix<float>> make_dense_matrix(const CpuRuntime&, DenseView<const float>,
                                                                          const core::Observed<float>&);
template std::shared_ptr<const core::DataMatrix<double>> make_dense_matrix(const CpuRuntime&, DenseView<const double>,
                                                                           const core::Observed<double>&);

}  // namespace orthant::cpu
