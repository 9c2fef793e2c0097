#!/bin/bash
# The main job on real data, from a fresh Debian machine: installs what is missing, builds the command, and finds the
# topics of Jane Austen's six novels and the parts of handwritten digits.
set -euo pipefail
cd "$(dirname "$0")/.."

.ci/packages.sh build demo

# The CUDA backend is built where nvcc is: for the GPUs of this machine, or else for some generations of them.
if command -v nvcc >/dev/null || [[ -x /usr/local/cuda/bin/nvcc ]]; then
  architectures="80-real;90-real;120"
  if nvidia-smi >/dev/null 2>&1; then architectures=native; fi
  echo "CUDA toolkit: found; the CUDA backend is built for $architectures"
else
  architectures=
  echo "CUDA toolkit: none; the CPU backend is built alone"
fi

# A build folder that is already configured stays as it is.
if [[ ! -f build/release/CMakeCache.txt ]]; then
  cmake --preset release -DORTHANT_TESTS=OFF -DORTHANT_BENCH=OFF \
    -DORTHANT_CUDA_ARCHITECTURES="$architectures" >/dev/null
fi
cmake --build build/release --target orthant_command

orthant=build/release/orthant
python=python3
if [[ -x /usr/bin/python3 ]]; then python=/usr/bin/python3; fi  # the one that Debian's numpy belongs to
austen=bench/data/austen
topics=build/demo/austen
parts=build/demo/digits
started=$(date +%s%N)

run() {
  echo "\$ $*"
  "$@"
}

echo
echo "== Topics of Jane Austen's six novels: 269 chapters by 6799 words"
run $orthant factorize $austen/austen.mtx.gz --tfidf --rank 6 --init nndsvda --max-iterations 500 \
  --column-names $austen/vocab.txt --output $topics
$python bench/austen_chapters.py $topics $austen/labels.txt

echo
echo "== Parts of 1797 handwritten digits of 8 x 8 pixels"
run $orthant factorize bench/data/digits/digits.npy --rank 16 --init nndsvda --max-iterations 300 --output $parts
$python bench/digit_parts.py $parts

echo
echo "== Results, after $((($(date +%s%N) - started) / 1000000)) ms"
ls -l $topics/{W.npy,H.npy,result.json} $parts/{W.npy,H.npy,result.json} | awk '{print $5 " bytes  " $NF}'
