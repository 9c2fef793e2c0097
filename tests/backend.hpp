#pragma once

#include <limits>
#include <span>
#include <vector>

#include "host/core/backend.hpp"
#include "tests/cases.hpp"
#include "tests/simd_targets.hpp"

namespace orthant::test {

/// A value that T cannot tell from 0 when it is a part of a normal sum.
template <class T>
inline constexpr double kSmallest = std::numeric_limits<T>::min();

/// The suite of the primitives of the backend, in several files.
template <class Value>
class Backend : public SimdTest<Value> {
 public:
  struct Problem {
    FactorStorage<Value> f, r;
    std::vector<Value> g;
    oracle::Dense gram;  ///< what g holds

    core::Terms<Value> terms() const { return {{g.data(), f.factor().rank}, r.factor()}; }
  };
  /// A factor with the terms of a real problem: G the Gram of a fixed factor, R of the size of G F.
  Problem problem(const cases::FactorCase& c) {
    const auto fixed = cases::make_factor(c.rank, c.rank + 20, 5, c.content);
    const auto truth = cases::make_factor(c.rank, c.count, 6);
    Problem p{FactorStorage<Value>(cases::make_factor(c.rank, c.count, 7, c.content), c.padding),
              FactorStorage<Value>(c.rank, c.count, c.padding),
              {},
              {}};
    DenseStorage<Value> g(oracle::gram(fixed));
    p.gram = g.oracle();
    p.g = g.values();
    p.r = FactorStorage<Value>(oracle::multiply(p.gram, truth), c.padding);
    return p;
  }
};

/// A penalty, as the backend and the oracle take it.
struct Weights {
  core::ScaledPenalty scaled;
  oracle::Penalty penalty;
};
/// Of the size of the problem's terms, so that every one changes the result.
inline constexpr Weights kPenalties[] = {
    {{0, 0}, {0, 0}}, {{0.5, 0}, {0.5, 0}}, {{0, 2}, {0, 2}}, {{0.25, 4}, {0.25, 4}}};
/// Those that the n-th case, of so many columns, is tested with: all, or each in turn where cases are few or the
/// oracle, which takes long, has many columns.
inline std::span<const Weights> penalties_of_case(std::size_t n, std::int64_t count) {
  const std::span<const Weights> all = kPenalties;
  return cases::few_cases() || count > 257 ? all.subspan(n % all.size(), 1) : all;
}

}  // namespace orthant::test
