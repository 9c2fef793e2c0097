#pragma once

#include "host/cli/subcommand.hpp"

namespace orthant::cli {

/// `orthant bench compare A.json B.json`
Subcommand add_bench_compare(CLI::App& bench);

}  // namespace orthant::cli
