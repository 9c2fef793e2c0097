#pragma once

#include <string>

#include "host/cli/factorize_arguments.hpp"
#include "host/cli/input.hpp"

namespace orthant::cli {

template <class T>
struct Factors {
  FactorData<T> w, h;
};

/// W (m x K) and H (K x n): those whose files were given are read, the others are zero. Sets `arguments.rank` where it
/// was left to the files.
/// @throws FileError if a shape does not fit X or the other factor, UsageError if it contradicts --rank
template <class T>
Factors<T> read_factors(FactorizeArguments& arguments, std::int64_t m, std::int64_t n);

}  // namespace orthant::cli
