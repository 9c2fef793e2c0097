"""mlpack's multiplicative updates, in double. Its fit is one call that nothing can look into: what it has reached after n
iterations is seen by a fit of n from the start, timed whole."""

import itertools

import mlpack
import numpy as np

from bench.peers.losses import FROBENIUS, KULLBACK_LEIBLER

RULES = {FROBENIUS: "multdist", KULLBACK_LEIBLER: "multdiv"}


def peers(loss, sparse):
    return {"mlpack mu": fit} if loss in RULES and not sparse else {}  # from Python it takes dense X only


def fit(problem, course):
    x, w, h = (a.astype(np.float64) for a in (problem.x, problem.w, problem.h))
    for n in itertools.chain(range(1, 9), (int(8 * 1.5**i) for i in itertools.count(1))):
        n = min(n, course.limit_iterations)
        course.begin(unseen=n - 1)
        found = mlpack.nmf(
            input_=x,
            rank=w.shape[1],
            initial_w=w,
            initial_h=h,
            update_rules=RULES[problem.loss],
            max_iterations=n + 1,  # it stops before the last
            min_residue=1e-300,
        )
        course.after_iteration(lambda: (found["w"], found["h"]))
