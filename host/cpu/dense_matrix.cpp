#include "host/cpu/dense_matrix.hpp"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <vector>

#include "host/core/validate.hpp"
#include "host/cpu/factor_update.hpp"
#include "host/cpu/parallel.hpp"
#include "host/cpu/residual.hpp"
#include "host/cpu/skinny_product.hpp"

namespace orthant::cpu {

using core::Factor;
using core::Gram;
using core::KktSums;
using core::Side;
using core::Terms;
using core::Workspace;

namespace {

// Columns of the factor in a panel of X are a multiple of every tile of the skinny products.
constexpr std::int64_t kTileMultiple = 24;

std::int64_t level2_cache() {
  const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return bytes > 0 ? bytes : 1 << 20;
}

// How a pass divides X. `local` is the length of the side that is updated panel by panel, `fixed` that of the other.
// All but the number of threads follows from the shape, so that results do not depend on it.
struct PassPlan {
  std::int64_t panel = 0;  // of local
  bool fused = false;
  int chunks = 1;   // ranges of panels that have an accumulator of their own
  std::int64_t chunk = 0;  // panels' columns per chunk
  int threads = 1;

  PassPlan(std::int64_t local, std::int64_t fixed, int rank, int element_size, int max_threads) {
    // Half of the second-level cache holds the panel, the rest what is streamed past it.
    const std::int64_t fit = level2_cache() / 2 / (fixed * element_size);
    panel = std::clamp<std::int64_t>(fit / kTileMultiple * kTileMultiple, kTileMultiple, 3 * kTileMultiple);
    // Each chunk adds fixed x rank numbers to the sum; from 8 k columns on that is little beside its products. Where
    // there would be few chunks, X is small beside k^2 and reading it twice costs less than the accumulators.
    fused = local >= 32 * static_cast<std::int64_t>(rank);
    if (fused) {
      const std::int64_t most = std::min<std::int64_t>(local / (8 * static_cast<std::int64_t>(rank)), local / panel);
      chunks = 1;
      while (chunks < 64 && chunks * 2 <= most) chunks *= 2;
      chunk = (local + chunks - 1) / chunks;
    } else {
      chunk = panel;
      chunks = static_cast<int>((local + chunk - 1) / chunk);
    }
    threads = std::min(max_threads, chunks);
  }
  std::int64_t panel_elements(int rank) const { return panel * rank; }
};

struct ChunkSums {
  double sum = 0, squared = 0;
  std::int64_t empty_rows = 0;
  bool bad = false;
};

template <class T>
class DenseMatrix final : public core::DataMatrix<T> {
 public:
  DenseMatrix(const CpuRuntime& runtime, DenseView<const T> x)
      : threads_(runtime.threads()),
        flipped_(x.layout == Layout::column_major),
        x_{x.data, flipped_ ? x.columns : x.rows, flipped_ ? x.rows : x.columns, x.ld} {
    measure();
  }

  MatrixShape shape() const override {
    return {flipped_ ? x_.columns : x_.rows, flipped_ ? x_.rows : x_.columns, -1};
  }
  core::MatrixStatistics statistics() const override { return statistics_; }
  std::int64_t bytes() const override { return 0; }

  void product(Side side, Factor<const T> f, Factor<T> r, Workspace&) const override {
    const bool along = is_row_side(other(side));  // r belongs to the rows of x_
    const std::int64_t grain = along ? 2 * kTileMultiple : 128;
    for_chunks(Chunks(r.count, grain), threads_, [&](int, std::int64_t begin, std::int64_t length) {
      const Factor<T> part = r.panel(begin, length);
      local_product(along, begin, length, f, part);
    });
  }

  void loss(Factor<const T> w, Factor<const T> h, double* out, Workspace&) const override {
    const Factor<const T> rows = flipped_ ? h : w, columns = flipped_ ? w : h;
    *out = sum_chunks<double>(Chunks(x_.rows, kTileMultiple), threads_, [&](std::int64_t begin, std::int64_t length) {
      return residual_squares(x_.part(begin, 0, length, x_.columns), rows.panel(begin, length), columns);
    }) / 2;
  }

  void pass(Side side, Factor<T> local, Factor<const T> fixed, Gram<const T> fixed_gram,
            const core::UpdateRule<T>& rule, Factor<T> r, KktSums* kkt, Workspace& workspace) const override {
    const bool along = is_row_side(side);
    const int k = local.rank;
    const PassPlan plan(local.count, fixed.count, k, sizeof(T), threads_);
    const std::int64_t accumulator_size = plan.fused ? fixed.count * k : 0;
    T* panels = workspace.get<T>(Workspace::panels, plan.threads * plan.panel_elements(k));
    T* accumulators = workspace.get<T>(Workspace::accumulators, plan.threads * accumulator_size);
    auto* sums = workspace.get<KktSums>(Workspace::partial_sums, plan.chunks);
    FirstException first;
#pragma omp parallel for ordered schedule(dynamic, 1) num_threads(plan.threads)
    for (int chunk = 0; chunk < plan.chunks; ++chunk) {
      const int thread = omp_get_thread_num();
      T* panel_memory = panels + thread * plan.panel_elements(k);
      T* accumulator_memory = accumulators + thread * accumulator_size;
      const Factor<T> accumulator{accumulator_memory, k, fixed.count, k};
      first.guard([&] {
        std::fill_n(accumulator_memory, accumulator_size, T(0));
        KktSums chunk_sums;
        const std::int64_t end = std::min(local.count, (chunk + 1) * plan.chunk);
        for (std::int64_t p = chunk * plan.chunk; p < end; p += plan.panel) {
          const std::int64_t n = std::min(plan.panel, end - p);
          const Factor<T> product{panel_memory, k, n, k};
          local_product(along, p, n, fixed, product);
          KktSums panel_sums;
          rule.apply(local.panel(p, n), Terms<T>{fixed_gram, product}, kkt != nullptr ? &panel_sums : nullptr);
          chunk_sums += panel_sums;
          if (!plan.fused) continue;
          const Factor<const T> updated = local.panel(p, n);
          if (along) {
            accumulate_columns(x_.part(p, 0, n, x_.columns), updated, accumulator);
          } else {
            accumulate_rows(x_.part(0, p, x_.rows, n), updated, accumulator);
          }
        }
        sums[chunk] = chunk_sums;
      });
      // In the order of the chunks, whichever thread made them: same bits for any number of threads.
#pragma omp ordered
      if (plan.fused) {
        for (std::int64_t j = 0; j < fixed.count; ++j) {
          const T* part = accumulator.column(j);
          T* total = r.column(j);
          if (chunk == 0) {
            std::copy_n(part, k, total);
          } else {
            for (int c = 0; c < k; ++c) total[c] += part[c];
          }
        }
      }
    }
    first.rethrow();
    if (!plan.fused) product(side, local, r, workspace);
    if (kkt != nullptr) {
      *kkt = {};
      for (int chunk = 0; chunk < plan.chunks; ++chunk) *kkt += sums[chunk];
    }
  }

 private:
  // Whether the factor of this side belongs to the rows of x_, as it lies in memory.
  bool is_row_side(Side side) const { return (side == Side::w) != flipped_; }

  // r = the product of `length` rows (along) or columns of x_, from `begin` on, with the factor of the other side.
  void local_product(bool along, std::int64_t begin, std::int64_t length, Factor<const T> fixed, Factor<T> r) const {
    for (std::int64_t j = 0; j < length; ++j) std::fill_n(r.column(j), r.rank, T(0));
    if (along) {
      accumulate_rows(x_.part(begin, 0, length, x_.columns), fixed, r);
    } else {
      accumulate_columns(x_.part(0, begin, x_.rows, length), fixed, r);
    }
  }

  void measure() {
    const Chunks chunks(x_.rows, 1);
    std::vector<std::uint8_t> used(static_cast<std::size_t>(x_.columns), 0);
    std::vector<ChunkSums> parts(static_cast<std::size_t>(chunks.chunks()));
    std::mutex mutex;
    for_chunks(chunks, threads_, [&](int chunk, std::int64_t begin, std::int64_t length) {
      ChunkSums& part = parts[static_cast<std::size_t>(chunk)];
      std::vector<std::uint8_t> seen(static_cast<std::size_t>(x_.columns), 0);
      for (std::int64_t i = begin; i < begin + length; ++i) {
        const T* row = x_.data + i * x_.ld;
        double sum[8] = {}, squared[8] = {};
        bool good = true;
        for (std::int64_t j = 0; j < x_.columns; ++j) {
          const T v = row[j];
          good &= v >= 0 && v <= std::numeric_limits<T>::max();
          seen[static_cast<std::size_t>(j)] |= static_cast<std::uint8_t>(v != 0);
          const auto d = static_cast<double>(v);
          sum[j % 8] += d;
          squared[j % 8] += d * d;
        }
        part.bad |= !good;
        double row_sum = 0;
        for (int l = 0; l < 8; ++l) {
          row_sum += sum[l];
          part.squared += squared[l];
        }
        part.sum += row_sum;
        part.empty_rows += row_sum == 0;
      }
      const std::scoped_lock lock(mutex);
      for (std::size_t j = 0; j < seen.size(); ++j) used[j] |= seen[j];
    });
    std::int64_t empty_rows = 0;
    for (const ChunkSums& part : parts) {
      if (part.bad) throw_first_bad();
      statistics_.sum += part.sum;
      statistics_.squared_norm += part.squared;
      empty_rows += part.empty_rows;
    }
    const std::int64_t empty_columns = std::count(used.begin(), used.end(), 0);
    statistics_.empty_rows = flipped_ ? empty_columns : empty_rows;
    statistics_.empty_columns = flipped_ ? empty_rows : empty_columns;
  }

  [[noreturn]] void throw_first_bad() const {
    const MatrixShape s = shape();
    for (std::int64_t i = 0; i < s.rows; ++i) {
      for (std::int64_t j = 0; j < s.columns; ++j) {
        const T v = flipped_ ? x_.data[j * x_.ld + i] : x_.data[i * x_.ld + j];
        if (v >= 0 && v <= std::numeric_limits<T>::max()) continue;
        throw InvalidArgument("X(" + core::text(i) + ", " + core::text(j) + ")", core::text(static_cast<double>(v)),
                              "a finite number that is not negative");
      }
    }
    throw InvalidArgument("X", "changing while it is read", "memory that nobody writes to");
  }

  int threads_;
  bool flipped_;  // column-major: x_ is its transpose, row-major, and the sides change places
  Block<T> x_;
  core::MatrixStatistics statistics_;
};

}  // namespace

template <class T>
std::shared_ptr<const core::DataMatrix<T>> make_dense_matrix(const CpuRuntime& runtime, DenseView<const T> x) {
  return std::make_shared<DenseMatrix<T>>(runtime, x);
}

std::int64_t dense_workspace_bytes(const MatrixShape& shape, int rank, int element_size, int threads) {
  const std::int64_t local = std::max(shape.rows, shape.columns), fixed = std::min(shape.rows, shape.columns);
  const PassPlan plan(local, fixed, rank, element_size, threads);
  return plan.threads * (plan.panel_elements(rank) + (plan.fused ? fixed * rank : 0)) * element_size +
         plan.chunks * static_cast<std::int64_t>(sizeof(KktSums));
}

template std::shared_ptr<const core::DataMatrix<float>> make_dense_matrix(const CpuRuntime&, DenseView<const float>);
template std::shared_ptr<const core::DataMatrix<double>> make_dense_matrix(const CpuRuntime&, DenseView<const double>);

}  // namespace orthant::cpu
