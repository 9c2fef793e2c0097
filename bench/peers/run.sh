#!/bin/bash
# Orthant beside scikit-learn, nimfa, mlpack, torchnmf, PyTorch and NumPy: installs them into build/peers-venv, builds
# the command, measures, prints the table and draws the figure.
#   bash bench/peers/run.sh [--torch] [--readme] [OPTION ...] [NAME ...]
#   --torch   also PyTorch and torchnmf, whose packages bring gigabytes along; once installed they are used
#   --readme  put a table with a row for each data set into the README's section "How fast", and the figure unless it is
#             of a device
#   others    --quick for a few minutes, --seconds, --rounds, names of data sets, --device cuda for Orthant, PyTorch and
#             torchnmf on a GPU: bench/peers/compare.py --help
# Writes build/peers/: result.json, table.md, how_fast.png, how_fast.svg; the data sets stay in build/peers/data. Interrupted
# by Ctrl-C it shows the data sets that are complete, and leaves the README as it is.
set -euo pipefail
cd "$(dirname "$0")/../.."

torch= readme= options=()
for argument in "$@"; do
  case $argument in
    --torch) torch=1 ;;
    --readme) readme=1 ;;
    *) options+=("$argument") ;;
  esac
done

.ci/packages.sh build peers
python=build/peers-venv/bin/python
install() {  # what the file tells, if it is not there yet
  if ! cmp -s "bench/peers/$1" "build/peers-venv/$1"; then
    [[ -x $python ]] || python3 -m venv build/peers-venv
    $python -m pip install --quiet --disable-pip-version-check -r "bench/peers/$1"
    cp "bench/peers/$1" build/peers-venv/
  fi
}
install requirements.txt
if [[ $torch ]]; then install requirements-torch.txt; fi

cuda=OFF
if [[ " ${options[*]} " == *[\ =]cuda\ * ]]; then cuda=ON; fi
# A build folder that is already configured stays as it is.
if [[ ! -f build/release/CMakeCache.txt ]]; then
  cmake --preset release -DORTHANT_TESTS=OFF -DORTHANT_BENCH=OFF -DORTHANT_CUDA=$cuda >/dev/null
fi
cmake --build build/release --target orthant_command

# The descriptions of Debian's packages are read from apt's lists, with the program beside the other data.
shared=../shared/data
descriptions=build/peers/shared/debian_descriptions
maker=$shared/debian_descriptions/make_debian_corpus.py
if [[ -f $maker && ! -f $descriptions/descriptions.mtx.gz ]]; then
  if ! compgen -G '/var/lib/apt/lists/*Translation-en*' >/dev/null && ((EUID == 0)); then
    apt-get update -qq -o Acquire::Languages=en
  fi
  mkdir -p "$descriptions"
  if compgen -G '/var/lib/apt/lists/*Translation-en*' >/dev/null; then python3 "$maker" "$descriptions"; fi
fi

unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
export PYTHONPATH=$PWD PYTHONDONTWRITEBYTECODE=1
result=build/peers/result.json
trap : INT  # ends the measuring, not what shows it
status=0
$python -m bench.peers.compare build/release/orthant --output $result "${options[@]}" || status=$?
trap - INT
if ((status == 130)); then
  readme=
elif ((status != 0)); then
  exit $status
fi
$python -m bench.peers.figure $result build/peers/how_fast
$python -m bench.peers.table $result ${readme:+--readme README.md} | tee build/peers/table.md
if [[ $readme && $cuda == OFF ]]; then cp build/peers/how_fast.{png,svg} bench/peers/; fi
exit $status
