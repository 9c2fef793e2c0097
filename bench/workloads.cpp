#include "bench/workloads.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace orthant::bench {
namespace {

// About `nonzeros` distinct places, row * columns + column, sorted; a power law in both directions.
std::vector<std::int64_t> places(const cases::MatrixCase& x) {
  std::mt19937_64 random(1);
  const auto skewed = [&](std::int64_t count) {
    const double u = std::ldexp(static_cast<double>(random() >> 11), -53);
    return static_cast<std::int64_t>(static_cast<double>(count) * u * u);
  };
  // Neither popular rows nor popular columns are neighbours in real data.
  const auto shuffled = [&](std::int64_t count) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) order[static_cast<std::size_t>(i)] = i;
    std::shuffle(order.begin(), order.end(), random);
    return order;
  };
  const auto rows = shuffled(x.rows), columns = shuffled(x.columns);
  std::vector<std::int64_t> all;
  all.reserve(static_cast<std::size_t>(x.nonzeros));
  for (std::int64_t p = 0; p < x.nonzeros; ++p) {
    const std::int64_t row = rows[static_cast<std::size_t>(skewed(x.rows))];
    all.push_back(row * x.columns + columns[static_cast<std::size_t>(skewed(x.columns))]);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace

template <class T>
SyntheticMatrix<T>::SyntheticMatrix(const Context& context, const cases::MatrixCase& x) {
  std::mt19937 random(2);
  const auto fill = [&](std::int64_t count) {
    values_.resize(static_cast<std::size_t>(count));
    for (T& value : values_) value = std::ldexp(static_cast<T>(random() >> 9) + T(0.5), -23);
  };
  if (!x.sparse()) {
    fill(x.rows * x.columns);
    const bool rows = x.layout == Layout::row_major;
    matrix_.emplace(context, rows ? row_major<const T>(values_.data(), x.rows, x.columns)
                                  : column_major<const T>(values_.data(), x.rows, x.columns));
    return;
  }
  const std::vector<std::int64_t> entries = places(x);
  offsets_.assign(static_cast<std::size_t>(x.rows) + 1, 0);
  indices_.reserve(entries.size());
  for (std::int64_t place : entries) {
    ++offsets_[static_cast<std::size_t>(place / x.columns) + 1];
    indices_.push_back(static_cast<std::int32_t>(place % x.columns));
  }
  for (std::size_t i = 1; i < offsets_.size(); ++i) offsets_[i] += offsets_[i - 1];
  fill(static_cast<std::int64_t>(entries.size()));
  matrix_.emplace(context, CsrView<T>{x.rows, x.columns, static_cast<std::int64_t>(entries.size()), offsets_.data(),
                                      indices_.data(), values_.data(), MemorySpace::host});
}

template class SyntheticMatrix<float>;
template class SyntheticMatrix<double>;

}  // namespace orthant::bench
