#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace orthant::cli {

/// A subcommand, as its own file adds it to the command: what parses it, and what runs it once it has been parsed.
/// To add one: write `Subcommand add_<name>(CLI::App&)`, declare it here and list it in main.cpp.
struct Subcommand {
  CLI::App* app;
  std::function<int()> run;  ///< returns the exit code
};

Subcommand add_factorize(CLI::App& command);
Subcommand add_info(CLI::App& command);
Subcommand add_predict(CLI::App& command);
Subcommand add_bench(CLI::App& command);

}  // namespace orthant::cli
