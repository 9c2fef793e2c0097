"""scikit-learn's NMF by coordinate descent and by multiplicative updates, and MiniBatchNMF.

Seen after every iteration through the functions that its own loops call: the fit is one call, as one would write it.
"""

import warnings

import numpy as np
import sklearn.decomposition._nmf as nmf
from sklearn.decomposition import MiniBatchNMF, non_negative_factorization

from bench.peers.losses import FROBENIUS

warnings.filterwarnings("ignore")  # that it has not converged


def peers(loss, sparse):
    batches = {"scikit-learn MiniBatchNMF": mini_batches}
    if loss != FROBENIUS:
        return {"scikit-learn mu": multiplicative_updates, **batches}
    return {
        "scikit-learn cd": coordinate_descent,
        "scikit-learn defaults": defaults,
        "scikit-learn mu": multiplicative_updates,
        **batches,
    }


def fit(problem, x, w, h, course, **options):
    options = {"tol": 0, "max_iter": 10**9, **options}
    course.begin()
    non_negative_factorization(x, W=w, H=h, n_components=w.shape[1], init="custom", **options)


def coordinate_descent(problem, course):
    see_coordinate_descent(course)
    fit(problem, problem.x, problem.w.copy(), problem.h.copy(), course)


def defaults(problem, course):
    """In double, and to where its own stopping rule ends."""
    see_coordinate_descent(course)
    x, w, h = (a.astype(np.float64) for a in (problem.x, problem.w, problem.h))
    fit(problem, x, w, h, course, tol=1e-4, max_iter=200)


def see_coordinate_descent(course):
    update = nmf._update_coordinate_descent
    halves = []

    def seen(x, w, ht, *rest):
        violation = update(x, w, ht, *rest)
        halves.append((w, ht))
        if len(halves) == 2:
            (w, ht), _ = halves  # the first half updates W, the second is given H's transpose in its place
            halves.clear()
            course.after_iteration(lambda: (w, ht.T))
        return violation

    nmf._update_coordinate_descent = seen


def multiplicative_updates(problem, course):
    update = nmf._multiplicative_update_h

    def seen(x, w, h, *rest, **options):
        h = update(x, w, h, *rest, **options)
        course.after_iteration(lambda: (w, h))
        return h

    nmf._multiplicative_update_h = seen
    fit(problem, problem.x, problem.w.copy(), problem.h.copy(), course, solver="mu", beta_loss=problem.loss)


def mini_batches(problem, course):
    """An iteration is a pass over all batches of 1024 rows."""
    w, h = problem.w.copy(), problem.h.copy()

    class Seen(MiniBatchNMF):
        rows = 0

        def _minibatch_step(self, x, w_batch, h, update_h):
            cost = super()._minibatch_step(x, w_batch, h, update_h)
            self.rows += x.shape[0]
            if self.rows == w.shape[0]:
                self.rows = 0
                course.after_iteration(lambda: (w, h))
            return cost

    model = Seen(
        w.shape[1], init="custom", beta_loss=problem.loss, tol=0, max_no_improvement=None, max_iter=10**9
    )
    course.begin()
    model.fit_transform(problem.x, W=w, H=h)
