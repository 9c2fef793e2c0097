"""Orthant by its command, which tells loss and seconds at its checks. No NumPy here: see measured()."""

import json
import os
import signal
import subprocess
import tempfile

FEW = 32  # iterations at the beginning, looked at one by one
LEAST = 3  # iterations, as of the peers


def variants(loss):
    """Options of `orthant factorize` by name, the first being what per-iteration figures are compared of.

    The names tell what is not the default."""
    if loss == "frobenius":
        return {
            "Orthant hals, 1 sweep": ["--solver", "hals", "--sweeps", "1", "--acceleration", "none"],
            "Orthant hals, sweeps": ["--solver", "hals", "--acceleration", "none"],
            "Orthant hals": ["--solver", "hals"],
            "Orthant mu": ["--solver", "mu", "--sweeps", "1", "--acceleration", "none"],
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
    def __init__(self, command, threads, device, environment):
        self.command, self.threads, self.device, self.environment = command, threads, device, environment

    def factorize(self, folder, about, options, iterations, check_every=None, output=None):
        """The report and the most memory; without `check_every` the loss is looked at once, at the end."""
        x = folder / ("X.npy" if about["nonzeros"] is None else "X.npz")
        command = [self.command, "factorize", x, "--w0", folder / "W0.npy", "--h0", folder / "H0.npy"]
        command += ["--rank", about["rank"], "--loss", about["loss"], *options, "--tolerance", 0]
        command += ["--max-iterations", iterations, "--check-every", check_every or iterations]
        command += ["--device", self.device, "--threads", self.threads]
        command += ["--json", "--quiet", *(["--output", output] if output else [])]
        printed, peak = measured([str(word) for word in command], self.environment)
        return json.loads(printed), peak

    def fit(self, folder, about, options, seconds, iterations, output=None):
        """Timed in fits that look at their loss once, at the end, so that iterations are those of a user's fit.

        The seconds of an iteration are those by which a long fit takes longer than a short one, the quickest of
        three. What the short one takes beyond its iterations, one look at the loss included, is before the first;
        so is what is done before any: X's other orientation and the like. `output` takes W and H, and asks for the
        losses on the way, of fits that look more often and do the same, but for rounding.
        """
        few = max(1, min(LEAST, iterations // 2))
        short, _ = min((self.factorize(folder, about, options, few) for _ in range(3)), key=lambda fit: ran(fit[0]))
        one = ran(short) / few  # too long, by its look at the loss
        for part in (1 / 8, 1):
            many = max(2 * few, min(iterations, int(part * seconds / one)))
            long, peak = self.factorize(folder, about, options, many)
            one = max(1e-9, ran(long) - ran(short)) / (many - few)
        before = short["matrix_seconds"] + short["initialization_seconds"] + max(0, ran(short) - few * one)
        losses = {0: long["loss_history"][0], few: short["loss"], many: long["loss"]}
        if output:
            losses |= self.losses(folder, about, options, min(FEW, many), 1)
            losses |= self.losses(folder, about, options, many, max(1, many // 50), output)
            if abs(losses[many] - long["loss"]) > 1e-4 * long["loss"]:
                raise RuntimeError(f"a loss of {losses[many]} where it is looked at often, of {long['loss']} otherwise")
        at = sorted(losses)
        return {
            "iterations": at,
            "seconds": [before + i * one if i > 0 else 0 for i in at],
            "losses": [losses[i] for i in at],
            "bytes": peak,  # of the whole process: what it has without X is less than what Linux counts of its parent
        }

    def losses(self, folder, about, options, iterations, check_every, output=None):
        report, _ = self.factorize(folder, about, options, iterations, check_every, output)
        return dict(zip(report["iteration_history"], report["loss_history"])) | {iterations: report["loss"]}


def ran(report):
    """Seconds of the iterations, and of the looks at the loss among them."""
    return report["seconds_history"][-1]
