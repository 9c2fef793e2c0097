#pragma once

#include <cstdint>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <optional>

#include "host/cli/factorize_arguments.hpp"
#include "host/cli/strongest.hpp"
#include "orthant/context.hpp"
#include "orthant/result.hpp"

namespace orthant::cli {

/// A finished fit, and what its report tells of X.
struct Fit {
  std::int64_t rows = 0, columns = 0, nonzeros = 0, empty_rows = 0, empty_columns = 0;
  bool sparse = false;
  io::SkippedNames skipped;
  double observed = 0, rmse = 0;
  std::int64_t held_out = 0;  ///< entries; 0: none
  double held_out_rmse = 0;
  double matrix_seconds = 0;  ///< to make the Matrix over X
  Context context;
  std::string fallback;  ///< why the CPU was taken; empty: it was asked for, or is not what runs
  Result result;
  std::optional<Strongest> top_rows, top_columns;
};

/// What result.json holds; the help of `orthant factorize` documents every key.
nlohmann::ordered_json report(const FactorizeArguments& arguments, const Fit& fit);

/// The same in a few lines for people.
void print_summary(std::ostream& out, const FactorizeArguments& arguments, const Fit& fit);

}  // namespace orthant::cli
