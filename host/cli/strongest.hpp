#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "orthant/matrix.hpp"

namespace orthant::cli {

/// A row or column of X and its weight in a component.
struct Named {
  std::string name;
  double value = 0;
};

/// Of every component the `top` largest entries above zero, the largest first, ties in the order of X.
using Strongest = std::vector<std::vector<Named>>;

/// @param value value(c, j): entry of component c that belongs to names[j]
template <class Value>
Strongest strongest(int rank, const std::vector<std::string>& names, int top, const Value& value) {
  Strongest all(static_cast<std::size_t>(rank));
  std::vector<std::int64_t> order(names.size());
  const auto count = std::min(static_cast<std::size_t>(top), names.size());
  for (int c = 0; c < rank; ++c) {
    std::iota(order.begin(), order.end(), std::int64_t{0});
    const auto middle = order.begin() + static_cast<std::ptrdiff_t>(count);
    std::partial_sort(order.begin(), middle, order.end(), [&](std::int64_t a, std::int64_t b) {
      return value(c, a) != value(c, b) ? value(c, a) > value(c, b) : a < b;
    });
    for (auto j = order.begin(); j != middle && value(c, *j) > 0; ++j)
      all[static_cast<std::size_t>(c)].push_back({names[static_cast<std::size_t>(*j)], value(c, *j)});
  }
  return all;
}

inline void to_json(nlohmann::ordered_json& json, const Named& named) {
  json = {{"name", named.name}, {"value", named.value}};
}

}  // namespace orthant::cli
