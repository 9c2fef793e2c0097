#!/usr/bin/env python3
"""Compares two builds of the command: milliseconds per iteration, interleaved, and instructions per iteration.

usage: regress.py BASE HEAD [OPTION ...]       (folders with build/release/orthant; bench/regress.sh makes them)

Milliseconds are the least of `orthant bench`, run A B A B ...; the spread is that of the rounds of one build. Of small
data the instructions of 20 iterations on one thread are counted, as the difference of fits of 30 and of 10; valgrind
knows no AVX-512, so that they are those of the instruction set that is printed. From run to run they differ by what Highway
takes at its start to learn how fine the clock is: up to 0.15 million, or 0.01 an iteration.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile

DATA = pathlib.Path(__file__).resolve().parent / "data"
KULLBACK_LEIBLER = ["--solver", "mu", "--loss", "kullback-leibler"]
PLAIN, EXTRAPOLATED = (["--acceleration", way, "--sweeps"] for way in ("none", "extrapolation"))  # whatever the defaults are
COUNTED = [
    ("digits, hals", "digits/digits.npy", ["--rank", "16", *PLAIN, "1"]),
    ("digits, hals, 3 sweeps", "digits/digits.npy", ["--rank", "16", *PLAIN, "3"]),
    ("digits, hals, extrapolated", "digits/digits.npy", ["--rank", "16", *EXTRAPOLATED, "auto"]),
    ("digits, mu, Kullback-Leibler", "digits/digits.npy", ["--rank", "16", *KULLBACK_LEIBLER]),
    ("austen, hals", "austen/austen.mtx.gz", ["--rank", "6", *PLAIN, "1"]),
    ("austen, mu, Kullback-Leibler", "austen/austen.mtx.gz", ["--rank", "6", *KULLBACK_LEIBLER]),
]


def output_of(*command, **keywords):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, **keywords).stdout


def milliseconds(command, workload, threads):
    """The least, and the stored entries: where they differ, the two commits make up X in different ways."""
    printed = output_of(command, "bench", workload, "--repeats", 3, "--threads", threads, "--json")
    row = json.loads(printed)["results"][0]
    return row["milliseconds"]["least"], row["nonzeros"]


def time(commands, workload, rounds, threads):
    seen = [[], []]
    for _ in range(rounds):
        for build, command in enumerate(commands):
            seen[build].append(milliseconds(command, workload, threads))
    base, head = ([ms for ms, _ in s] for s in seen)
    spread = max(max(s) / min(s) for s in (base, head)) - 1
    ratio = min(head) / min(base)
    verdict = "within the noise" if abs(ratio - 1) <= spread else "slower" if ratio > 1 else "faster"
    if seen[0][0][1] != seen[1][0][1]:
        verdict = "of different X"
    change = f"{100 * (ratio - 1):+9.1f} %   {verdict} ({100 * spread:.0f} %)"
    print(f"{workload:30}{min(base):14.3f}{min(head):14.3f}{change}", flush=True)


def callgrind(command, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        out = f"--callgrind-out-file={folder}/out"
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", out, str(command), *map(str, arguments)],
            check=True, capture_output=True, text=True, env=environment,
        )  # fmt: skip
        return done.stdout, int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def instructions(command, x, options):
    def of(iterations):
        fixed = ["--init", "random", "--threads", 1, "--tolerance", 0, "--check-every", 1000, "--quiet"]
        return callgrind(command, "factorize", DATA / x, *options, *fixed, "--max-iterations", iterations)[1]

    return (of(30) - of(10)) / 20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=pathlib.Path)
    parser.add_argument("head", type=pathlib.Path)
    parser.add_argument("--workloads", nargs="*", default=["D3", "D1", "S1"], help="of `orthant bench` [D3 D1 S1]")
    parser.add_argument("--rounds", type=int, default=5, help="[5]")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="[all]")
    options = parser.parse_args()
    commands = [folder / "build/release/orthant" for folder in (options.base, options.head)]

    print(f"{'':30}{options.base.name:>14}{options.head.name:>14}{'':>11}   (largest spread over the rounds)")
    print("milliseconds per iteration")
    for workload in options.workloads:
        time(commands, workload, options.rounds, options.threads)
    told, _ = callgrind(commands[1], "info")
    counted = re.search(r"^\s*cpu\s+(.*),", told, flags=re.MULTILINE).group(1)
    print(f"million instructions per iteration ({counted}, 1 thread)")
    for name, x, arguments in COUNTED:
        base, head = (instructions(command, x, arguments) for command in commands)
        print(f"{name:30}{base / 1e6:14.4f}{head / 1e6:14.4f}{100 * (head / base - 1):+9.2f} %", flush=True)


if __name__ == "__main__":
    main()
