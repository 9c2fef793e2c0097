#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "host/cli/choices.hpp"
#include "host/cli/device.hpp"
#include "host/io/matrix_file.hpp"
#include "orthant/matrix.hpp"
#include "orthant/options.hpp"

namespace orthant::cli {

/// What was asked for on the command line of `orthant factorize`.
struct FactorizeArguments {
  std::string x;  ///< path of X
  io::HeaderLine header = io::HeaderLine::automatic;
  int rank = 0;  ///< 0: that of the given factors
  Options options;
  std::string w0, h0;  ///< paths of a given start; empty: none
  Freeze freeze = Freeze::none;
  std::string transform;  ///< path of the W to solve H for; empty: factorize
  bool tfidf = false;
  Missing missing = Missing::none;
  std::string weights;  ///< path; empty: none
  double holdout = 0;   ///< fraction of the entries that count
  Precision precision = Precision::float_;
  int threads = 0;  ///< 0: as many as this process may use
  Device device;
  MathMode math = MathMode::strict;
  Storage storage = Storage::element_type;
  std::string output;                   ///< folder to write to; empty: none
  std::string row_names, column_names;  ///< paths; empty: none
  int top = 10;
  bool quiet = false;
  bool json = false;
};

/// Adds the options of `orthant factorize` to `app`; parsing fills `arguments`, which must outlive it.
void add_factorize_options(CLI::App& app, FactorizeArguments& arguments);

/// Checks what no single option can know, and settles the initialization.
/// @throws UsageError
void settle(const CLI::App& app, FactorizeArguments& arguments);

/// Every option but --json and --quiet by its name on the command line, with _ for -; null where a file was not given.
nlohmann::ordered_json options_as_json(const FactorizeArguments& arguments);

}  // namespace orthant::cli
