"""nimfa's multiplicative updates, without its test of convergence, which makes WH whole."""

import numpy as np

from bench.peers.losses import FROBENIUS, KULLBACK_LEIBLER

# nimfa 1.4.0 is of the time of NumPy 1: these names went with NumPy 2.
np.mat, np.infty = np.asmatrix, np.inf

import nimfa  # noqa: E402


def peers(loss, sparse):
    if loss == FROBENIUS:
        return {"nimfa mu": lambda problem, course: fit(problem, course, "euclidean", "fro")}
    if loss == KULLBACK_LEIBLER and not sparse:  # of sparse X it makes WH whole
        return {"nimfa mu": lambda problem, course: fit(problem, course, "divergence", "div")}
    return {}


def fit(problem, course, update, objective):
    model = nimfa.Nmf(
        problem.x,
        W=problem.w,
        H=problem.h,
        rank=problem.w.shape[1],
        update=update,
        objective=objective,
        max_iter=10**9,
        min_residuals=None,
        test_conv=10**9,
    )
    once = model._adjustment  # the end of an iteration

    def seen():
        once()
        course.after_iteration(lambda: (as_array(model.W), as_array(model.H)))

    model._adjustment = seen
    course.begin()
    model()


def as_array(factor):
    return factor.toarray() if hasattr(factor, "toarray") else np.asarray(factor)
