"""What one writes by hand: multiplicative updates (Lee & Seung 2001; Fevotte & Idier 2011) in NumPy and SciPy."""

import numpy as np
import scipy.sparse

from bench.peers.losses import BETA, FROBENIUS, ITAKURA_SAITO, KULLBACK_LEIBLER

TINY = 1e-12


def peers(loss, sparse):
    return {"NumPy mu": multiplicative_updates} if loss != ITAKURA_SAITO or not sparse else {}


def multiplicative_updates(problem, course):
    x, w, h = problem.x, problem.w.copy(), problem.h.copy()
    course.begin()
    half = {FROBENIUS: euclidean, KULLBACK_LEIBLER: kullback_leibler_sparse if problem.sparse else divergence}
    half = half.get(problem.loss, divergence)
    # Both halves update rows of a factor: W (m x k), and the transpose of H (n x k).
    transposed = x.T.tocsr() if problem.sparse else x.T
    h = np.ascontiguousarray(h.T)
    while True:
        half(x, w, h, BETA[problem.loss])
        half(transposed, h, w, BETA[problem.loss])
        course.after_iteration(lambda: (w, h.T))


def euclidean(x, w, h, _):
    w *= (x @ h) / np.maximum(w @ (h.T @ h), TINY)


def divergence(x, w, h, beta):
    v = np.maximum(w @ h.T, TINY)
    ratio = ((x * v ** (beta - 2)) @ h) / np.maximum(v ** (beta - 1) @ h, TINY)
    w *= ratio ** (1 / (2 - beta)) if beta < 1 else ratio


def kullback_leibler_sparse(x, w, h, _):
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    v = np.zeros(x.nnz, dtype=w.dtype)
    for c in range(w.shape[1]):  # the products at the stored entries, without an nnz x k array
        v += w[rows, c] * h[x.indices, c]
    quotient = scipy.sparse.csr_matrix((x.data / np.maximum(v, TINY), x.indices, x.indptr), shape=x.shape)
    w *= (quotient @ h) / np.maximum(h.sum(axis=0), TINY)
