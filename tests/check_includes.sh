#!/bin/bash
# Who may include whom, from the root of the repository:
#   include      the standard library and itself (angle brackets or "orthant/...")
#   host/core    include, itself, and the libraries of the numerical core
#   host/cpu     include, host/core, itself
#   host/io      include, itself
#   host/cli     include, host/io, itself, what `orthant bench` measures with, and from
#                host/core the random numbers and which entries count
#   cuda         include, host/core, itself, and the rig's vocabulary in place of CUDA's
# And every public header compiles alone, with the compiler in CXX (c++).
set -uo pipefail
cd "${1:-$(dirname "$0")/..}"
failures=0

fail() { echo "$1" >&2; failures=$((failures + 1)); }

# check FOLDER ALLOWED: every #include "..." in FOLDER must begin with one of the words of ALLOWED.
check() {
  local folder=$1 allowed=$2 line name
  [[ -d $folder ]] || { fail "$folder: no such folder"; return; }
  while IFS= read -r line; do
    name=${line#*\"}
    name=${name%%\"*}
    [[ $name =~ ^($allowed) ]] || fail "${line%%:*}: includes \"$name\"; $folder may include only $allowed"
  done < <(grep -rHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' --include='*.hpp' --include='*.cpp' --include='*.cu' --include='*.cuh' "$folder")
}

check include 'orthant/'
check host/core 'orthant/|host/core/'
check host/cpu 'orthant/|host/core/|host/cpu/'
check host/io 'orthant/|host/io/'
check host/cli 'orthant/|host/io/|host/cli/|bench/|host/core/(philox|observed).hpp'
check cuda 'orthant/|host/core/|cuda/|tests/simt/device.hpp'

# CUDA's headers are for cuda/ alone.
while IFS= read -r line; do
  fail "$line: CUDA's headers belong to cuda/"
done < <(grep -rHE '#[[:space:]]*include[[:space:]]*<(cuda|cublas|cusparse|cub/|thrust/)' include host)

# Angle brackets reach the folders too, since the root is an include directory.
while IFS= read -r line; do
  fail "$line: own headers are included with quotes"
done < <(grep -rHE '#[[:space:]]*include[[:space:]]*<(orthant|host|bench|tests)/' include host)

# The standard library's headers have neither a folder nor an ending.
while IFS= read -r line; do
  fail "$line: public headers include the standard library only"
done < <(grep -rHE '#[[:space:]]*include[[:space:]]*<[^>]*[./][^>]*>' include)

for header in include/orthant/*.hpp; do
  "${CXX:-c++}" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -x c++ -I include -include "$header" /dev/null ||
    fail "$header does not compile alone"
done

((failures == 0)) || { echo "$failures violations" >&2; exit 1; }
