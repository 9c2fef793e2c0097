"""Losses in double, of dense or sparse X (m x n), W (m x k) and H (k x n); the same for all peers.

The sum over the entries x of X and v of WH (Fevotte & Idier 2011) of 1/2 (x - v)^2, x log(x/v) - x + v or
x/v - log(x/v) - 1. Blocks of rows keep the memory small.
"""

import numpy as np
import scipy.sparse
from scipy.special import rel_entr

FROBENIUS, KULLBACK_LEIBLER, ITAKURA_SAITO = "frobenius", "kullback-leibler", "itakura-saito"
BETA = {FROBENIUS: 2, KULLBACK_LEIBLER: 1, ITAKURA_SAITO: 0}
BLOCK = 1 << 20  # entries of WH, or of X


def loss(name, x, w, h):
    w, h = np.asarray(w, dtype=np.float64), np.asarray(h, dtype=np.float64)
    if name != FROBENIUS:
        floor = 1e-12 * x.mean(dtype=np.float64)
    if not scipy.sparse.issparse(x):
        total = 0.0
        for rows in blocks(x.shape[0], x.shape[1]):
            v = w[rows] @ h
            if name == FROBENIUS:
                total += 0.5 * np.sum((x[rows] - v) ** 2)
                continue
            v = np.maximum(v, floor)
            if name == KULLBACK_LEIBLER:
                total += np.sum(rel_entr(x[rows].astype(np.float64), v) - x[rows] + v)
            else:
                ratio = x[rows] / v
                total += np.sum(ratio - np.log(ratio) - 1)
        return float(total)
    # All entries of WH in closed form, and what the stored entries of X change.
    per_row = max(1, x.nnz // x.shape[0]) * (1 if name == FROBENIUS else h.shape[0])
    if name == FROBENIUS:
        total, h = 0.5 * np.sum((w.T @ w) * (h @ h.T)), np.ascontiguousarray(h.T)
        for rows in blocks(x.shape[0], per_row):
            part = x[rows].astype(np.float64)
            total += 0.5 * np.sum(part.data**2) - np.sum((part @ h) * w[rows])
        return float(total)
    if name == ITAKURA_SAITO:
        raise ValueError("the Itakura-Saito divergence of zeros is infinite")
    total, h = w.sum(axis=0) @ h.sum(axis=1), np.ascontiguousarray(h.T)
    for rows in blocks(x.shape[0], per_row):
        part = x[rows].tocoo()
        values = part.data.astype(np.float64)
        v = np.einsum("pc,pc->p", w[rows][part.row], h[part.col])
        total += np.sum(rel_entr(values, np.maximum(v, floor)) - values)
    return float(total)


def blocks(rows, per_row):
    step = max(1, BLOCK // per_row)
    return (slice(i, min(i + step, rows)) for i in range(0, rows, step))
