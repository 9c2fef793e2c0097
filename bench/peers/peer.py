"""Runs one peer on one data set, in a process of its own (compare.py starts it).

python -m bench.peers.peer list                                          the peers that are installed
python -m bench.peers.peer fit MODULE NAME FOLDER SECONDS ITERATIONS DEVICE  its course, as JSON
python -m bench.peers.peer loss FOLDER FACTORS                           the loss of FACTORS/W.npy and H.npy, in double
"""

import importlib
import json
import os
import pathlib
import resource
import signal
import sys
from typing import NamedTuple

import numpy as np
import scipy.sparse

from bench.peers.course import Course, Enough
from bench.peers.losses import BETA, loss

MODULES = {
    "with_scikit_learn": "scikit-learn",
    "with_nimfa": "nimfa",
    "with_mlpack": "mlpack",
    "with_torchnmf": "torchnmf",
    "with_torch": "PyTorch",
    "with_numpy": "NumPy",
}


class Problem(NamedTuple):
    """X (float; dense or CSR), the start W0 (m x k) and H0 (k x n), the loss, and the device of peers that have one."""

    x: object
    w: np.ndarray
    h: np.ndarray
    loss: str
    sparse: bool
    device: str = "cpu"


def load(folder, device="cpu"):
    about = json.loads((folder / "about.json").read_text())
    sparse = about["nonzeros"] is not None
    x = scipy.sparse.load_npz(folder / "X.npz") if sparse else np.load(folder / "X.npy")
    return Problem(x, np.load(folder / "W0.npy"), np.load(folder / "H0.npy"), about["loss"], sparse, device)


def installed():
    """For each loss and storage the peers' names and modules; and what is not installed."""
    modules, missing = {}, []
    for module, package in MODULES.items():
        try:
            modules[module] = importlib.import_module("bench.peers." + module)
        except ImportError:
            missing.append(package)
    peers = [
        {"loss": name, "sparse": sparse, "peers": {peer: m for m in modules for peer in modules[m].peers(name, sparse)}}
        for name in BETA
        for sparse in (False, True)
    ]
    return {"peers": peers, "missing": missing}


def resident_bytes():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def fit(module, name, folder, seconds, iterations, device):
    module = importlib.import_module("bench.peers." + module)
    threads = int(os.environ["OMP_NUM_THREADS"])
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    # A peer that makes WH whole shall fail, and not take the machine with it.
    limit = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 6 // 10
    if device == "cpu" or "torch" not in sys.modules:  # a device's driver reserves more addresses than there is memory
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    before = resident_bytes()
    problem = load(folder, device)
    signal.alarm(int(30 + 10 * seconds))  # where one iteration takes that long, the process ends
    course = Course(lambda w, h: loss(problem.loss, problem.x, w, h), seconds, iterations)
    try:
        module.peers(problem.loss, problem.sparse)[name](problem, course)
    except Enough:
        pass
    start = loss(problem.loss, problem.x, problem.w, problem.h)
    return {
        "iterations": [0, *course.iterations],
        "seconds": [0, *course.seconds],
        "losses": [start, *course.losses],
        "bytes": course.peak_bytes - before,
    }


def main():
    job, *arguments = sys.argv[1:]
    if job == "list":
        told = installed()
    elif job == "fit":
        module, name, folder, seconds, iterations, device = arguments
        told = fit(module, name, pathlib.Path(folder), float(seconds), int(iterations), device)
    else:
        problem = load(pathlib.Path(arguments[0]))
        told = loss(problem.loss, problem.x, *(np.load(pathlib.Path(arguments[1]) / f) for f in ("W.npy", "H.npy")))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
