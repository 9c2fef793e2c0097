"""Textbook updates in numpy, in double. `f` is one factor with a component per row, `g` the other one's Gram, `r` its product with X."""

import numpy as np
import scipy.optimize

# An iteration is one update of each factor, and begins where the last one ended: what iterate() does.
STEPS = ["--sweeps", 1, "--acceleration", "none"]


def hals(f, g, r, l1=0, l2=0, sweeps=1):
    f = f.copy()
    for _ in range(sweeps):
        for c in range(len(f)):
            rest = r[c] - l1 - g[c] @ f + g[c, c] * f[c]
            f[c] = np.maximum(0, rest / (g[c, c] + l2))
    return f


def multiplicative(f, g, r, l1=0, l2=0, sweeps=1):
    for _ in range(sweeps):
        f = f * r / (g @ f + l1 + l2 * f)
    return f


def anls(f, g, r, l1=0, l2=0):
    """Exact: by scipy's active set, for the square root of the Gram."""
    root = np.linalg.cholesky(g + l2 * np.eye(len(g)))
    return np.stack([scipy.optimize.nnls(root.T, np.linalg.solve(root, column - l1))[0] for column in r.T], axis=1)


def iterate(x, w, h, iterations, update=hals, w_penalty={}, h_penalty={}, update_w=True, update_h=True, **keywords):
    for _ in range(iterations):
        if update_w:
            w = update(w.T, h @ h.T, h @ x.T, **w_penalty, **keywords).T
        if update_h:
            h = update(h, w.T @ w, w.T @ x, **h_penalty, **keywords)
    return w, h


def extrapolate(x, w, h, iterations, **keywords):
    """`iterate` from extrapolated factors, with the weights and the restart of Ang & Gillis 2019."""
    weight, most, least, start, restarted = 0.5, 1, loss(x, w, h), (w, h), True
    for _ in range(iterations):
        candidate = iterate(x, *start, 1, **keywords)
        value = loss(x, *candidate)
        if not restarted and value > least:
            start, most, weight, restarted = (w, h), weight, weight / 1.5, True
            continue
        weight, most = min(1.01 * weight, most), min(1.005 * most, 1)
        further = [now + weight * (now - before) for now, before in zip(candidate, (w, h))]
        start = tuple(np.where(f > 0, f, now) for f, now in zip(further, candidate))
        (w, h), least, restarted = candidate, value, False
    return w, h


def loss(x, w, h):
    return 0.5 * np.sum((x - w @ h) ** 2)


def relative_error(x, w, h):
    return np.linalg.norm(x - w @ h) / np.linalg.norm(x)
