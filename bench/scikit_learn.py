#!/usr/bin/env python3
"""Milliseconds per HALS iteration: orthant beside scikit-learn's coordinate descent, in one run.

usage: scikit_learn.py ORTHANT [WORKLOAD ...]      (workloads: see `orthant bench --help`; default: D3 D1 D2 S1)

Both in float, with X of the same shape and distribution, from a random start. scikit-learn is timed as the difference of
fits of 6 and of 1 iterations, so that what it does around them is left out. Needs numpy, scipy and scikit-learn
(tests/requirements.txt). Unset OPENBLAS_CORETYPE and the like, if they are set, to see NumPy at its best.
"""

import json
import subprocess
import sys
import time
import warnings

import numpy as np
import scipy.sparse
from sklearn.decomposition import non_negative_factorization


def synthetic(rows, columns, nonzeros, random):
    if nonzeros is None:
        return random.random((rows, columns), dtype=np.float32)
    # A power law in both directions, popular rows and columns anywhere (the degrees of bench/synthetic.cpp).
    i = random.permutation(rows)[(rows * random.random(nonzeros) ** 2).astype(np.int64)]
    j = random.permutation(columns)[(columns * random.random(nonzeros) ** 2).astype(np.int64)]
    values = random.random(nonzeros, dtype=np.float32)
    return scipy.sparse.csr_matrix((values, (i, j)), shape=(rows, columns))


def seconds_of(x, rank, iterations, random):
    mean = np.sqrt(x.mean() / rank)
    w = (2 * mean * random.random((x.shape[0], rank))).astype(np.float32)
    h = (2 * mean * random.random((rank, x.shape[1]))).astype(np.float32)
    start = time.perf_counter()
    non_negative_factorization(
        x, W=w, H=h, n_components=rank, init="custom", solver="cd", tol=0, max_iter=iterations, shuffle=False
    )
    return time.perf_counter() - start


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    command, workloads = sys.argv[1], sys.argv[2:] or ["D3", "D1", "D2", "S1"]
    warnings.simplefilter("ignore")  # that it has not converged
    random = np.random.default_rng(1)
    print(f"{'workload':10}{'orthant ms':>12}{'scikit-learn ms':>17}{'ratio':>8}")
    for name in workloads:
        run = subprocess.run([command, "bench", name, "--json"], capture_output=True, text=True, check=True)
        result = json.loads(run.stdout)["results"][0]
        ours = result["milliseconds"]["least"]
        x = synthetic(result["rows"], result["columns"], result["nonzeros"], random)
        theirs = min(
            (seconds_of(x, result["rank"], 6, random) - seconds_of(x, result["rank"], 1, random)) / 5 * 1e3
            for _ in range(3)
        )
        print(f"{name:10}{ours:12.2f}{theirs:17.1f}{theirs / ours:8.1f}", flush=True)


if __name__ == "__main__":
    main()
