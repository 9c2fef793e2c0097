"""The course of a fit: seconds and loss after some of its iterations, on a clock that stands still while we look."""

import resource
import time


LEAST = 3  # iterations, so that one can be told from what comes before the first


class Enough(Exception):
    """Ends a peer's own loop, from within a hook in it."""


class Course:
    """A peer calls `begin` when X, W0 and H0 are in memory as it takes them, and `after_iteration` after each.

    Some iterations are looked at: the first 8, and from there on every one that is a fifth further than the last. What
    they cost is not on the clock. `loss` is called with W (m x k) and H (k x n).
    """

    def __init__(self, loss, seconds, iterations):
        self.loss, self.limit_seconds, self.limit_iterations = loss, seconds, iterations
        self.wait = lambda: None  # until what was enqueued on a device is done
        self.iterations, self.seconds, self.losses = [], [], []
        self.peak_bytes = None

    def begin(self, unseen=0):
        """Again for every fit of a peer without a hook, from the start: `unseen` are its iterations before the last."""
        self.begun, self.done, self.paused = time.perf_counter(), unseen, 0.0

    def after_iteration(self, factors):
        """`factors` returns W and H; it is called where the iteration is looked at, outside the clock."""
        self.done += 1
        if not self.over() and self.done > 8 and self.done < 1.2 * self.iterations[-1]:
            return
        self.wait()
        now = time.perf_counter()
        seconds, over = self.elapsed(), self.over()
        if self.peak_bytes is None:  # of the peer alone: before the first loss of ours
            self.peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self.iterations.append(self.done)
        self.seconds.append(seconds)
        self.losses.append(self.loss(*factors()))
        if over or self.stagnant():
            raise Enough
        self.paused += time.perf_counter() - now

    def elapsed(self):
        return time.perf_counter() - self.begun - self.paused

    def over(self):
        return self.elapsed() >= self.limit_seconds and self.done >= LEAST or self.done >= self.limit_iterations

    def stagnant(self):
        """The loss has not fallen by a millionth since half as many iterations."""
        if self.done < 100:
            return False
        half = max(i for i, done in enumerate(self.iterations) if 2 * done <= self.done)
        return self.losses[half] - self.losses[-1] <= 1e-6 * self.losses[half]
