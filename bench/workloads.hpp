#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "orthant/factorize.hpp"

namespace orthant::bench {

/// How the entries of sparse X are spread over its rows and columns.
enum class Degrees {
  uniform,   ///< every row has as many, every column as likely as another
  power_law  ///< the row or column of popularity q has a share in proportion to q^(-1/2), as words and ratings do
};

/// What dense X holds.
enum class Content {
  parts,  ///< positive numbers
  counts  ///< integers of mean 10, as a catalogue of mutations has them; some are 0
};

/// An X to measure on: a shape, and what is in it. Entries are made by SyntheticMatrix.
struct Workload {
  std::string name;
  std::int64_t rows = 0, columns = 0;
  std::int64_t nonzeros = -1;  ///< -1: dense
  int rank = 0;                ///< that is usual for it, and that is planted in it
  Degrees degrees = Degrees::power_law;
  Content content = Content::parts;

  bool sparse() const { return nonzeros >= 0; }
  bool has_zeros() const { return sparse() || content == Content::counts; }
  MatrixShape shape(Layout layout = Layout::row_major) const { return {rows, columns, nonzeros, layout}; }
  /// Components that X is made of: `rank`; of sparse X at most columns / (4 nonzeros / rows), and at least 1: a
  /// component is a group of columns, which the rows that prefer it must not fill.
  int planted_rank() const;
};

/// Shapes by the names that performance figures use, and those of the data sets of the literature.
const std::vector<Workload>& known_workloads();

/// Shapes of the ranks that a scale is measured with.
inline constexpr int kScaleRanks[] = {8, 16, 32, 64, 128, 256};

/// Dense tall, square and wide; sparse uniform and by a power law. Some millions of entries (small, medium).
std::vector<Workload> small_workloads();
std::vector<Workload> medium_workloads();

/// The same shapes as large as `bytes_of` (of a shape: all that a fit takes) allows within `budget`.
std::vector<Workload> large_workloads(std::int64_t budget,
                                      const std::function<std::int64_t(const Workload&)>& bytes_of);

}  // namespace orthant::bench
