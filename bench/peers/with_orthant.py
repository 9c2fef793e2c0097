"""Orthant by its command, which tells loss and seconds at its checks. No NumPy here: see measured()."""

import json
import os
import signal
import subprocess
import tempfile

FEW = 32  # iterations at the beginning, looked at one by one
LEAST = 3  # iterations, as of the peers


def variants(loss):
    """Options of `orthant factorize` by name, the first being what per-iteration figures are compared of."""
    if loss == "frobenius":
        return {
            "Orthant hals": ["--solver", "hals"],
            "Orthant hals, 4 sweeps": ["--solver", "hals", "--sweeps", "4"],
            "Orthant mu": ["--solver", "mu"],
        }
    names = {"Orthant mu": ["--solver", "mu"]}
    if loss == "kullback-leibler":
        names["Orthant hals"] = ["--solver", "hals"]
    return names


def measured(command, env):
    """What a process prints, and the most memory it had. Linux counts its parent's too: that is to be small."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors, env=env)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), errors.seek(0)
        if process.returncode == -signal.SIGALRM:
            raise RuntimeError("took too long")
        if process.returncode != 0:
            raise RuntimeError(errors.read().strip() or f"ended with {process.returncode}")
        return out.read(), usage.ru_maxrss * 1024


class Orthant:
    def __init__(self, command, threads, environment):
        self.command, self.threads, self.environment = command, threads, environment
        _, self.alone = measured([command, "info"], environment)  # what the process has without X, as of the peers

    def factorize(self, folder, about, options, iterations, check_every, output=None):
        x = folder / ("X.npy" if about["nonzeros"] is None else "X.npz")
        command = [self.command, "factorize", x, "--w0", folder / "W0.npy", "--h0", folder / "H0.npy"]
        command += ["--rank", about["rank"], "--loss", about["loss"], *options, "--tolerance", 0]
        command += ["--max-iterations", iterations, "--check-every", check_every, "--threads", self.threads]
        command += ["--json", "--quiet", *(["--output", output] if output else [])]
        printed, peak = measured([str(word) for word in command], self.environment)
        report = json.loads(printed)
        # X's other orientation and the like are made before the first iteration begins.
        before = report["matrix_seconds"] + report["initialization_seconds"]
        seconds = [before + s for s in report["seconds_history"]]
        seconds[0] = 0
        course = {"iterations": report["iteration_history"], "seconds": seconds, "losses": report["loss_history"]}
        course["losses"][-1] = report["loss"]
        return {**course, "bytes": peak - self.alone}

    def fit(self, folder, about, options, seconds, iterations, output=None):
        """As long as asked for; before it a few, looked at one by one, and three to know how long one takes."""
        trial = self.factorize(folder, about, options, min(LEAST, iterations), 1)
        one = (trial["seconds"][-1] - trial["seconds"][1]) / max(1, trial["iterations"][-1] - 1)
        many = max(LEAST, min(iterations, int(seconds / one))) if one > 0 else iterations
        first = self.factorize(folder, about, options, min(FEW, many), 1, output if many <= FEW else None)
        if many <= FEW:
            return first
        long = self.factorize(folder, about, options, many, max(1, many // 100), output)
        beyond = [i for i, done in enumerate(long["iterations"]) if done > first["iterations"][-1]]
        whole = {key: first[key] + [long[key][i] for i in beyond] for key in ("iterations", "seconds", "losses")}
        return {**whole, "bytes": long["bytes"]}
