#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orthant/matrix.hpp"
#include "tests/cases.hpp"

namespace orthant::bench {

/// Sizes that occur, by the short names that performance figures use. Dense ones of uniform numbers; sparse ones with a
/// power law over rows and columns, as word counts and ratings have.
inline constexpr struct {
  std::string_view name;
  std::int64_t rows, columns, nonzeros;  // -1: dense
  int rank;
} kWorkloads[] = {
    {"D1", 5000, 4000, -1, 32},
    {"D2", 20000, 2000, -1, 64},
    {"D3", 2000, 2000, -1, 16},
    {"F", 60000, 784, -1, 50},
    {"S1", 50000, 20000, 1'320'000, 32},
    {"T", 63660, 12914, 414'000, 50},
    {"S2", 200000, 30000, 26'300'000, 20},
};

/// The memory of an X made up for measuring, and the Matrix over it.
template <class T>
class SyntheticMatrix {
 public:
  SyntheticMatrix(const Context& context, const cases::MatrixCase& x);
  const Matrix<T>& matrix() const { return *matrix_; }

 private:
  std::vector<T> values_;
  std::vector<std::int64_t> offsets_;
  std::vector<std::int32_t> indices_;
  std::optional<Matrix<T>> matrix_;
};

}  // namespace orthant::bench
