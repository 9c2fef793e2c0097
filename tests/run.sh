#!/bin/bash
# Installs what is missing, builds everything with warnings as errors, and runs all tests:
#   1. the release build with g++: every test, the Python suites, the outside projects; where the CUDA toolkit is, the
#      CUDA backend for real devices, and in the rig (tests/simt) the same suites on it, compiled and from PTX
#   2. the C++ tests, those in the rig too, of fewer cases each under the address and undefined-behaviour sanitizers
#   3. the same of float under the thread sanitizer, with clang (whose warnings are errors too)
#   4. the rig and the CUDA backend under the memory sanitizer, and their memory traffic counted
#   5. the fuzz targets of the readers, for a bounded time
set -euo pipefail
cd "$(dirname "$0")/.."

stage() { echo "== $1 (after $((SECONDS / 60)) min $((SECONDS % 60)) s)"; }

stage "packages"
.ci/packages.sh build test bench
python=build/venv/bin/python
if ! cmp -s tests/requirements.txt build/venv/requirements.txt; then
  python3 -m venv --clear build/venv
  $python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
  cp tests/requirements.txt build/venv/
fi

# The CUDA backend is built where nvcc is: for the GPUs of this machine, or else for one generation of them. What it is on
# others, tests/ptx says, from PTX and by ptxas.
if command -v nvcc >/dev/null || [[ -x /usr/local/cuda/bin/nvcc ]]; then
  architectures=90
  if nvidia-smi >/dev/null 2>&1; then architectures=native; fi
  simt=ON
  echo "CUDA toolkit: found; the CUDA backend is built for $architectures, and run in the rig"
else
  architectures=
  simt=OFF
  echo "CUDA toolkit: none; the CPU backend is built alone"
fi

stage "format"
git ls-files '*.cpp' '*.hpp' '*.cu' '*.cuh' | xargs -P "$(nproc)" -n 50 clang-format --dry-run --Werror

# Waiting threads sleep: tests run side by side, each with threads of its own.
export OMP_WAIT_POLICY=passive

stage "release: build"
cmake --preset release -DORTHANT_TESTS=ON -DORTHANT_BENCH=ON -DORTHANT_PYTHON="$PWD/$python" \
  -DORTHANT_SIMT=$simt -DORTHANT_CUDA_ARCHITECTURES="$architectures" >/dev/null
cmake --build build/release
stage "release: tests"
ctest --test-dir build/release --output-on-failure -j "$(nproc)"

stage "address and undefined-behaviour sanitizers: build"
cmake --preset asan -DORTHANT_SIMT=$simt >/dev/null
cmake --build build/asan
stage "address and undefined-behaviour sanitizers: tests"
ctest --test-dir build/asan --output-on-failure -j "$(nproc)"

stage "thread sanitizer: build"
cmake --preset tsan -DORTHANT_SIMT=$simt >/dev/null
cmake --build build/tsan
stage "thread sanitizer: tests"
# The tool by which clang's OpenMP runtime tells the sanitizer what it synchronises.
OMP_TOOL_LIBRARIES=$(find /usr/lib/llvm-* -name libarcher.so | head -n 1)
export OMP_TOOL_LIBRARIES
TSAN_OPTIONS="ignore_noninstrumented_modules=1" ctest --test-dir build/tsan --output-on-failure -j "$(nproc)"

if [[ $simt == ON ]]; then
  stage "memory sanitizer: build"
  cmake --preset msan >/dev/null
  cmake --build build/msan --target orthant_simt_tests orthant_rig_tests orthant_cuda_rig
  stage "memory sanitizer: tests"
  build/msan/tests/simt/orthant_simt_tests --gtest_brief=1
  ctest --test-dir build/msan --output-on-failure -j "$(nproc)" --no-tests=error -L rig

  stage "memory traffic"
  cmake --preset traffic -DORTHANT_PYTHON="$PWD/$python" >/dev/null
  cmake --build build/traffic --target orthant_simt_tests orthant_traffic_tests orthant_cuda_rig orthant_command
  build/traffic/tests/simt/orthant_simt_tests --gtest_brief=1
  ctest --test-dir build/traffic --output-on-failure --verbose --no-tests=error -L traffic
fi

stage "fuzz targets"
bash tests/fuzz/run.sh 10
stage "done"
