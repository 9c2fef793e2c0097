#!/bin/bash
# Builds the fuzz targets and runs each for so many seconds, from the corpus that is kept. What it finds on the way lies in
# build/fuzz/found; a crash is an error, and its input is told.
#   tests/fuzz/run.sh [SECONDS]     (20)
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-20}

cmake --preset fuzz >/dev/null
cmake --build build/fuzz
export OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive
for folder in tests/fuzz/corpus/*/; do
  target=$(basename "$folder")
  found=build/fuzz/found/$target
  mkdir -p "$found"
  echo "-- fuzz_$target, $seconds s"
  if ! build/fuzz/tests/fuzz/fuzz_"$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -max_len=4096 \
    -print_final_stats=1 -artifact_prefix="$found/" "$found" "$folder" >"$found.log" 2>&1; then
    tail -n 40 "$found.log"
    exit 1
  fi
  grep -E "number_of_executed_units|new_units_added" "$found.log"
done
