#!/bin/bash
# Installs what is missing, builds everything with warnings as errors, and runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== packages"
.ci/packages.sh build test

if command -v nvcc >/dev/null || [[ -x /usr/local/cuda/bin/nvcc ]]; then
  echo "CUDA toolkit: found, but not used: this version has the CPU backend only"
else
  echo "CUDA toolkit: none; this version has the CPU backend only"
fi

echo "== build"
cmake --preset release -DORTHANT_TESTS=ON -DORTHANT_BENCH=OFF >/dev/null
cmake --build build/release

echo "== tests"
# Waiting threads sleep: tests run side by side, each with threads of its own.
export OMP_WAIT_POLICY=passive
ctest --test-dir build/release --output-on-failure -j "$(nproc)"
