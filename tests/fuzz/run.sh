#!/bin/bash
# Builds the fuzz targets and runs each for so many seconds, from the corpus that is kept.
#   tests/fuzz/run.sh [SECONDS]     (20)
set -euo pipefail
cd "$(dirname "$0")/../.."

cmake --preset fuzz -DORTHANT_FUZZ_SECONDS="${1:-20}" >/dev/null
cmake --build build/fuzz --target orthant_fuzz
ctest --test-dir build/fuzz --tests-regex '^fuzz_' --no-tests=error --output-on-failure -j "$(nproc)"
grep -E "^stat::(number_of_executed_units|new_units_added)|^[0-9]+/[0-9]+ Test:" \
  build/fuzz/Testing/Temporary/LastTest.log
