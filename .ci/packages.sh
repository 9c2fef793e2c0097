#!/bin/bash
# Installs the Debian packages that are missing, as root or by sudo. This is the one list of them.
#   .ci/packages.sh GROUP...    build: to build library and command   demo: to run bench/demo.sh
#                               test: to build and run all tests      bench: to build and compare the benchmarks
#                               peers: to run bench/peers/run.sh
set -euo pipefail

packages_build="g++ cmake ninja-build pkg-config libeigen3-dev libhwy-dev libcli11-dev nlohmann-json3-dev
                libfast-float-dev libzip-dev zlib1g-dev"
packages_demo="python3-numpy"
packages_test="libgtest-dev libgmock-dev clang libclang-rt-14-dev libomp-dev clang-format python3-venv git"
packages_bench="libbenchmark-dev git valgrind"
packages_peers="python3-venv"

missing=()
for group in "$@"; do
  list="packages_$group"
  for package in ${!list?unknown group $group: build, demo, test, bench or peers}; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
done
if ((${#missing[@]} == 0)); then exit 0; fi

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || { echo "missing packages: ${missing[*]} (run as root, or install sudo)" >&2; exit 1; }
  as_root=(sudo)
fi
echo "installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
