#!/usr/bin/env python3
"""Iterations and seconds to within 0.1 % of the best loss: --acceleration none and extrapolation, by numbers of sweeps.

usage: acceleration.py ORTHANT [--solver hals|mu] [--sweeps N|auto,...] [--seeds N] [--scale X] [DATA ...]

DATA: austen (tf-idf), digits, D1 (uniform numbers, 5000 x 4000), planted (rank 32 with noise, 2000 x 1500), moffett, raman,
swimmer and fashion (tests/data tells where they come from). Default: all. Every way is run from the same random starts
(seeds 0 to N - 1, default 5), in float, without stopping early, once to see the losses (a check each iteration) and
then to measure the time of an iteration (checked every 10th; the least of 3). --scale multiplies the iterations, --sweeps
names numbers beside 1 (default: 2,auto).

The best loss of a start is the least that any way found from it, and counts as at least 1e-6 of ||X||^2 / 2, what exact
data would bring below the rounding of float. A way that found a worse minimum has not reached it and is shown with the
number of starts from which it did; where it did not, it counts with its whole run, so that ratios favour it. Medians
over the starts. The last lines are geometric means over data and starts of the seconds beside those of `none 1`: to that
target, and, since ways that end in different minima cannot both reach it, to within 0.1 % of where `none 1` ends.
Needs numpy and scipy (tests/requirements.txt).
"""

import argparse
import gzip
import json
import math
import pathlib
import statistics
import subprocess
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
TEST_DATA = HERE.parent / "tests/data"


def planted(rows, columns, rank):
    random = np.random.default_rng(1)
    w, h = (random.random(shape) * (random.random(shape) < 0.4) for shape in ((rows, rank), (rank, columns)))
    x = w @ h
    return np.maximum(0, x + 0.1 * x.mean() * random.standard_normal(x.shape)).astype(np.float32)


def data_sets(folder):
    """Name: (file or function that makes X, rank, iterations, options)."""
    def load(name):
        return np.load(gzip.open(TEST_DATA / f"{name}.npy.gz"))

    def saved(name, make):
        def path():
            np.save(folder / f"{name}.npy", np.ascontiguousarray(make(), dtype=np.float32))
            return folder / f"{name}.npy"
        return path

    def fashion():
        return load("fashion_mnist2k/fashion2k").reshape(2000, -1) / 255

    def raman():
        return load("raman_smcr/W") @ load("raman_smcr/H")

    def swimmer():
        return load("swimmer/swimmer_32x32_W17").astype(np.float32) @ load("swimmer/swimmer_32x32_H17")

    return {
        "austen": (HERE / "data/austen/austen.mtx.gz", 10, 600, ["--tfidf"]),
        "digits": (HERE / "data/digits/digits.npy", 16, 1000, []),
        "D1": (saved("D1", lambda: np.random.default_rng(1).random((5000, 4000), dtype=np.float32)), 32, 250, []),
        "planted": (saved("planted", lambda: planted(2000, 1500, 32)), 32, 400, []),
        "moffett": (saved("moffett", lambda: load("moffett/moffett")), 10, 1500, []),
        "raman": (saved("raman", raman), 5, 1500, []),
        "swimmer": (saved("swimmer", swimmer), 17, 600, []),
        "fashion": (saved("fashion", fashion), 25, 600, []),
    }


def fit(command, x, options):
    run = subprocess.run([command, "factorize", str(x), "--json", "--quiet", "--tolerance", "0", *map(str, options)],
                         capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout)


def measure(command, ways, x, rank, iterations, options, solver, seeds):
    """By way, for every start: iterations to the target and to where `none 1` ends (None: not reached), and of the whole
    run; and seconds of an iteration."""
    common = ["--rank", rank, "--solver", solver, "--init", "random", *options]
    rows = {way: [] for way in ways}
    per_iteration = {way: math.inf for way in ways}
    for _ in range(3):  # interleaved, so that other loads hit all ways
        for way in ways:
            some = max(20, min(iterations, 100))
            result = fit(command, x, [*common, "--acceleration", way[0], "--sweeps", way[1], "--max-iterations", some])
            per_iteration[way] = min(per_iteration[way], result["seconds_per_iteration"])
    for seed in range(seeds):
        runs = {}
        for way in ways:
            runs[way] = fit(command, x, [*common, "--seed", seed, "--acceleration", way[0], "--sweeps", way[1],
                                         "--max-iterations", iterations, "--check-every", 1])
        first = next(iter(runs.values()))
        half_norm = first["loss"] / first["relative_error"] ** 2 if first["relative_error"] > 0 else 0
        best = min(min(r["loss_history"]) for r in runs.values())
        target = 1.001 * max(best, 1e-6 * half_norm)
        def iterations_to(r, limit):
            return next((i for i, loss in zip(r["iteration_history"], r["loss_history"]) if loss <= limit), None)

        plain = 1.001 * max(first["loss"], 1e-6 * half_norm)
        for way, r in runs.items():
            rows[way].append((iterations_to(r, target), iterations_to(r, plain), iterations))
    return rows, per_iteration


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", metavar="ORTHANT")
    parser.add_argument("--solver", choices=["hals", "mu"], default="hals")
    parser.add_argument("--sweeps", type=lambda text: text.split(","), default=["2", "auto"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("data", nargs="*", metavar="DATA")
    a = parser.parse_intermixed_args()
    ways = [(way, sweeps) for way in ("none", "extrapolation") for sweeps in ("1", *a.sweeps)]
    with tempfile.TemporaryDirectory() as folder:
        sets = data_sets(pathlib.Path(folder))
        ratios = {(way, goal): [] for way in ways for goal in (0, 1)}
        print(f"| {'X':8} | rank | " + " | ".join(f"{x} {s}" for x, s in ways) + " |")
        print("|---" * (2 + len(ways)) + "|")
        for name in a.data or sets:
            if name not in sets:
                parser.error(f"DATA is '{name}', expected one of {', '.join(sets)}")
            x, rank, iterations, options = sets[name]
            x = x() if callable(x) else x
            iterations = max(1, round(a.scale * iterations))
            rows, seconds = measure(a.command, ways, x, rank, iterations, options, a.solver, a.seeds)
            cells = []
            for way in ways:
                spent = [row[0] or row[2] for row in rows[way]]
                count = sum(row[0] is not None for row in rows[way])
                middle = statistics.median(spent)
                least = "" if 2 * count > len(spent) else "> "
                cells.append(f"{least}{middle:.0f}, {least}{1e3 * middle * seconds[way]:.3g} ms ({count}/{len(spent)})")
                for goal in (0, 1):
                    for row, plain in zip(rows[way], rows["none", "1"]):
                        ratio = (row[goal] or row[2]) / (plain[goal] or plain[2])
                        ratios[way, goal].append(ratio * seconds[way] / seconds["none", "1"])
            print(f"| {name:8} | {rank} | " + " | ".join(cells) + " |", flush=True)
        for goal, what in enumerate(("to the best loss", "to where `none 1` ends")):
            means = [math.exp(statistics.fmean(map(math.log, ratios[way, goal]))) for way in ways]
            print(f"| seconds {what} beside `none 1` | | " + " | ".join(f"{mean:.2f}" for mean in means) + " |")


if __name__ == "__main__":
    main()
