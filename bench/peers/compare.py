"""Orthant beside what one would use instead: the same files, start and threads, one after the other, several rounds.

python -m bench.peers.compare ORTHANT [--quick] [NAME ...]       (bench/peers/run.sh installs, builds and calls it)

Every peer runs in a process of its own, for --seconds or --iterations, or until its loss has come to rest; where ten
times what Orthant took to within 0.1 % of its best loss are longer than --seconds, for as long. Orthant runs for twice
or four times --seconds where the best of its ways has not come to rest before. Its clock stands still
while losses are computed, in double and by the same code for all (bench/peers/losses.py). Orthant, a command, is timed
in fits that compute their loss once, at the end, and that once is on its clock; the losses of its curve are those of
other fits of as many iterations, and checked against that code. On the clock is all that is done from X, W0 and H0 in
memory on: checking X, bringing it into another order, iterations. The order is A B ... A B ...; later rounds are
shorter and tell time per iteration only. With --device cuda what comes before the first iteration counts for nobody:
making a context and loading kernels take longer than most fits. All is written to --output as JSON;
bench/peers/table.py and figure.py show it.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

from bench.peers.table import FAIR, PERMILLE, best_loss, fastest, figures
from bench.peers.with_orthant import Orthant, measured, variants

MADE_UP = ["D1", "D2", "D3", "F", "S1", "T", "S2", "D3-KL", "S1-KL"]
REAL = ["austen", "digits", "fashion_mnist2k", "moffett", "debian_descriptions", "pbmc_facs", "mutsig", "audio_piano4"]
PEERS = ["scikit_learn", "nimfa", "mlpack", "torchnmf", "torch", "numpy"]  # the modules with_*.py
QUICK = ["D3", "S1", "D3-KL", "S1-KL", "austen", "digits"]


def environment(threads):
    """The same threads for all; what chooses kernels of OpenBLAS by hand is left out, so that it is at its best."""
    variables = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
        variables[library + "_NUM_THREADS"] = str(threads)
    variables["PYTHONPATH"] = str(pathlib.Path(__file__).resolve().parents[2])
    variables["PYTHONDONTWRITEBYTECODE"] = "1"
    return variables


class Comparison:
    def __init__(self, options):
        self.options = options
        self.environment = environment(options.threads)
        self.orthant = Orthant(options.orthant, options.threads, options.device, self.environment)
        listed = self.python("peer", "list")
        self.missing = listed["missing"]
        self.peers = {(kind["loss"], kind["sparse"]): kind["peers"] for kind in listed["peers"]}

    def python(self, module, *arguments):
        command = [sys.executable, "-m", "bench.peers." + module, *map(str, arguments)]
        printed, _ = measured(command, env=self.environment)
        return json.loads(printed.splitlines()[-1]) if printed else None

    def data_set(self, name):
        """Its folder, made when it is first asked for; None where its files are not there."""
        folder = self.options.data / name
        if not (folder / "about.json").exists():
            shared = [word for place in self.options.shared for word in ("--shared", place)]
            self.python("data_sets", folder, name, *shared)
        return folder if (folder / "about.json").exists() else None

    def compare(self, name):
        folder = self.data_set(name)
        if folder is None:
            return None
        about = json.loads((folder / "about.json").read_text())
        runs = {peer: {"options": options} for peer, options in variants(about["loss"]).items()}
        peers = self.peers[about["loss"], about["nonzeros"] is not None]
        seconds = self.options.seconds
        for longer in (1, 2, 4):
            for peer, run in runs.items():
                if "error" in run:
                    continue
                run["rounds"] = self.attempt(folder, about, peer, run, longer * seconds, first=True)
            if at_rest(runs, self.options.iterations):
                break
        ours = set(runs)
        limit = max(seconds, FAIR * seconds_to_reach(runs, self.options.device))
        runs |= {p: {"module": m} for p, m in peers.items() if m.removeprefix("with_") in self.options.peers}
        for a_round in range(self.options.rounds):
            for peer, run in runs.items():
                if "error" in run or a_round == 0 and peer in ours:
                    continue
                if a_round > 0 and run["rounds"][0]["seconds"][-1] > 2 * limit:
                    continue  # so slow that three iterations took longer than all that was to be run
                first = a_round == 0
                run.setdefault("rounds", []).extend(
                    self.attempt(folder, about, peer, run, limit if first else seconds / 4, first)
                )
        for run in runs.values():
            run.pop("module", None)
        return {**about, "device": self.options.device, "seconds": limit, "iterations": self.options.iterations, "peers": runs}

    def attempt(self, folder, about, peer, run, seconds, first):
        """A list of its course; of nothing where it failed, which is kept in `run`."""
        try:
            return [self.fit(folder, about, peer, run, seconds, first)]
        except RuntimeError as e:
            run["error"] = str(e).splitlines()[-1]
            print(f"{about['name']}: {peer}: {run['error']}", file=sys.stderr)
            return []

    def fit(self, folder, about, peer, run, seconds, first):
        print(f"{about['name']}: {peer}", file=sys.stderr, flush=True)
        if "module" in run:
            limits = seconds, self.options.iterations
            return self.python("peer", "fit", run["module"], peer, folder, *limits, self.options.device)
        with tempfile.TemporaryDirectory() as factors:
            output = factors if first else None
            course = self.orthant.fit(folder, about, run["options"], seconds, self.options.iterations, output)
            if first:
                told, ours = course["losses"][-1], self.python("peer", "loss", folder, factors)
                if abs(told - ours) > 1e-4 * ours:
                    raise SystemExit(f"{about['name']}: {peer} tells a loss of {told}, it is {ours}")
            return course


def at_rest(runs, iterations):
    """Whether the best of these had its loss, but for 0.1 %, when half of its iterations were made, or may make no more."""
    courses = [run["rounds"][0] for run in runs.values() if run["rounds"]]
    if not courses:
        return True
    best = min(courses, key=lambda course: course["losses"][-1])
    last = best["iterations"][-1]
    half = min(loss for i, loss in zip(best["iterations"], best["losses"]) if i <= last / 2)
    return last >= iterations or half <= PERMILLE * best["losses"][-1]


def seconds_to_reach(runs, device="cpu"):
    """What the quickest of those that ran took to within 0.1 % of the best loss that they found; 0 if that cannot be told."""
    ran = {"device": device, "peers": {peer: run for peer, run in runs.items() if run.get("rounds")}}
    best, _ = best_loss(ran)
    return 0 if best is None else fastest(figures(ran)[0].values()).permille


def machine():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def versions():
    found = {}
    for package in ("numpy", "scipy", "scikit-learn", "nimfa", "mlpack", "torch", "torchnmf"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("orthant", help="path of the command")
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets; default: all that are there")
    parser.add_argument("--quick", action="store_true", help="some data sets, short runs: a few minutes")
    parser.add_argument("--seconds", type=float, help="of each peer's run in the first round [10; quick 2]")
    parser.add_argument("--iterations", type=int, default=5000, help="at most [5000]")
    parser.add_argument("--rounds", type=int, default=2, help="[2]")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS, help="[all]")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of every peer [all]")
    told = "of Orthant, PyTorch and torchnmf; the others stay on the CPU [cpu]"
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help=told)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("build/peers/data"))
    shared = [pathlib.Path("../shared/data"), pathlib.Path("build/peers/shared")]
    parser.add_argument("--shared", type=pathlib.Path, nargs="+", default=shared, help="folders of data sets")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("build/peers/result.json"))
    options = parser.parse_intermixed_args()
    unknown = set(options.names) - {*MADE_UP, *REAL}
    if unknown:
        parser.error(f"there is no data set {', '.join(sorted(unknown))}; there are {', '.join(MADE_UP + REAL)}")
    options.seconds = options.seconds or (2 if options.quick else 10)
    names = options.names or (QUICK if options.quick else MADE_UP + REAL)

    comparison = Comparison(options)
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "threads": options.threads,
        "device": options.device,
        "orthant": json.loads(subprocess.check_output([options.orthant, "info", "--json"])),
        "packages": versions(),
        "not_installed": comparison.missing,
        "seconds": options.seconds,
        "iterations": options.iterations,
        "rounds": options.rounds,
        "data_sets": [],
        "not_there": [],
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        try:
            compared = comparison.compare(name)
        except KeyboardInterrupt:
            print(f"interrupted; kept are the {len(result['data_sets'])} data sets before {name}", file=sys.stderr)
            result["interrupted"] = names[i:]
            options.output.write_text(json.dumps(result))
            sys.exit(130 if result["data_sets"] else 1)
        result["data_sets" if compared else "not_there"].append(compared or name)
        options.output.write_text(json.dumps(result))  # what is measured is kept, whatever happens next


if __name__ == "__main__":
    main()
