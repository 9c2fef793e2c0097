#!/bin/bash
# Runs a test program on a device under a tool of NVIDIA's compute-sanitizer.
#   compute_sanitizer.sh PATH_OF_COMPUTE_SANITIZER TOOL PROGRAM [ARGUMENT...]
# Exits with 77 (skipped) where there is no device or no compute-sanitizer, with 1 if ORTHANT_REQUIRE_CUDA is 1.
set -euo pipefail
sanitizer=$1 tool=$2
shift 2

# The program says what is missing, and exits as this script should.
"$1" '--gtest_filter=-*' || exit $?
if [[ ! -x $sanitizer ]]; then
  reason="no compute-sanitizer was found when this build was configured (it comes with the CUDA toolkit)"
  if [[ ${ORTHANT_REQUIRE_CUDA:-} == 1 ]]; then
    echo "failed: ORTHANT_REQUIRE_CUDA is 1, but $reason" >&2
    exit 1
  fi
  echo "skipped: $reason" >&2
  exit 77
fi

# Memory from cudaMalloc: memcheck takes reads of stream-ordered memory in the body of a conditional node for reads before
# it was allocated, unless the host has waited in between (https://github.com/NVIDIA/warp/issues/1406).
export ORTHANT_PLAIN_MEMORY=1

# Barriers and races are looked for in Orthant's kernels alone: in cuSPARSE's racecheck is documented to see races that
# are none. The other tools must see what the libraries' kernels write.
options=(--tool "$tool" --error-exitcode 99)
if [[ $tool == racecheck || $tool == synccheck ]]; then options+=(--kernel-name kns=orthant); fi
exec "$sanitizer" "${options[@]}" "$@"
