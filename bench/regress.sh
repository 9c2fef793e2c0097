#!/bin/bash
# Is the checked-out commit slower than another? Builds both, times their iterations interleaved, and counts
# instructions with callgrind, which has hardly any noise.
#   bash bench/regress.sh BASE [OPTION ...]       options: python3 bench/regress.py --help
# BASE is a commit; what is not committed is not measured. Both are built in build/regress, CPU backend only.
set -euo pipefail
cd "$(dirname "$0")/.."
base=$(git rev-parse --verify --short "${1:?usage: regress.sh BASE [OPTION ...]}^{commit}")
head=$(git rev-parse --short HEAD)
shift

.ci/packages.sh build bench
for commit in "$base" "$head"; do
  tree=build/regress/$commit
  if [[ ! -d $tree ]]; then
    git worktree prune
    git worktree add --detach "$tree" "$commit" >/dev/null 2>&1
  fi
  if [[ ! -f $tree/build/release/CMakeCache.txt ]]; then
    (cd "$tree" && cmake --preset release -DORTHANT_TESTS=OFF -DORTHANT_BENCH=OFF -DORTHANT_CUDA=OFF >/dev/null)
  fi
  cmake --build "$tree/build/release" --target orthant_command
done
exec python3 bench/regress.py "build/regress/$base" "build/regress/$head" "$@"
