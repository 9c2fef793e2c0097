"""Multiplicative updates for every beta are scikit-learn's `mu`, step by step, and so is the loss that is reported.

Not with l2 penalties for beta < 2, with which scikit-learn's steps may overshoot and raise the objective: ours are others
there, and end at the same stationary points.

Where WH comes near 0 both keep it from there, scikit-learn at 1.2e-7 and we at 1e-12 of the mean of X: with zeros in X
the two part ways after some tens of iterations."""

import pathlib
import re
import warnings

import numpy as np
import pytest
import reference
import scipy.sparse
from sklearn.decomposition import non_negative_factorization
from sklearn.decomposition._nmf import _beta_divergence
from sklearn.exceptions import ConvergenceWarning

HEADER = pathlib.Path(__file__).resolve().parents[1] / "tolerance.hpp"
TOLERANCE = float(re.search(r"kPeerTolerance = ([^;]+);", HEADER.read_text())[1])
M, N, K = 41, 29, 6
LOSSES = {-1: "beta=-1", 0: "itakura-saito", 0.5: "beta=0.5", 1: "kullback-leibler", 1.5: "beta=1.5", 2: "frobenius", 3: "beta=3"}


def dense():
    return np.random.default_rng(6).random((M, N)) + 0.1


def counts():
    return np.random.default_rng(5).poisson(0.8, (M, N)).astype("f8")


STORAGES = {
    "c": ("x.npy", dense, lambda path, x: np.save(path, x), np.asarray),
    "fortran": ("x.npy", dense, lambda path, x: np.save(path, np.asfortranarray(x)), np.asarray),
    "zeros": ("x.npy", counts, lambda path, x: np.save(path, x), np.asarray),
    "csr": ("x.npz", counts, lambda path, x: scipy.sparse.save_npz(path, scipy.sparse.csr_matrix(x)), scipy.sparse.csr_matrix),
}  # fmt: skip
CASES = [
    (storage, beta, iterations)
    for storage in STORAGES
    for beta in LOSSES
    for iterations in (1, 2, 10, 50)
    if not (storage == "zeros" and (beta <= 0 or iterations > 10)) and not (storage == "csr" and beta not in (1, 2))
]


@pytest.fixture
def start(folder):
    generator = np.random.default_rng(2)
    w, h = generator.random((M, K)) + 0.1, generator.random((K, N)) + 0.1
    np.save(folder / "w0.npy", w)
    np.save(folder / "h0.npy", h)
    return w, h


@pytest.mark.parametrize("storage, beta, iterations", CASES)
@pytest.mark.parametrize("alpha", [0, 0.01])
def test_steps(orthant, folder, start, storage, beta, iterations, alpha):
    name, make, write, form = STORAGES[storage]
    x = make()
    write(folder / name, x)
    l1_ratio = 0.5 if beta >= 2 else 1.0
    l1, l2 = alpha * l1_ratio, alpha * (1 - l1_ratio)
    w, h, report = orthant.factors(
        name, "--w0", "w0.npy", "--h0", "h0.npy", "--loss", LOSSES[beta], "--solver", "mu", "--precision", "double",
        "--tolerance", 0, "--max-iterations", iterations, *reference.STEPS, "--scaling", "sklearn",
        "--l1-w", l1, "--l2-w", l2, "--l1-h", l1, "--l2-h", l2,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # tol=0 never converges
        w_theirs, h_theirs, _ = non_negative_factorization(
            form(x), start[0].copy(), start[1].copy(), n_components=K, init="custom", solver="mu", beta_loss=beta, tol=0,
            max_iter=iterations, alpha_W=alpha, alpha_H=alpha, l1_ratio=l1_ratio,
        )  # fmt: skip
    for factor, e in ((w, w_theirs), (h, h_theirs)):
        assert np.abs(factor - e).max() <= TOLERANCE * np.abs(e).max()
    assert report["loss"] == pytest.approx(_beta_divergence(form(x), w, h, beta), rel=1e-9)


@pytest.mark.parametrize("beta", [beta for beta in LOSSES if beta < 2])
def test_l2(orthant, folder, start, beta):
    """At the end each entry of H is 0 or the derivative by it is."""
    x, l2 = dense(), 50
    np.save(folder / "x.npy", x)
    w, h, report = orthant.factors(
        "x.npy", "--w0", "w0.npy", "--h0", "h0.npy", "--loss", LOSSES[beta], "--solver", "mu", "--precision", "double",
        "--tolerance", 0, "--max-iterations", 20000, "--check-every", 1000, "--freeze", "w", "--l1-h", 0.1, "--l2-h", l2,
    )  # fmt: skip
    v = w @ h
    numerator = w.T @ (x * v ** (beta - 2))
    derivative = w.T @ v ** (beta - 1) + 0.1 + l2 * h - numerator
    assert np.abs(np.minimum(h / h.max(), derivative / numerator)).max() <= TOLERANCE
    assert report["objective"] == pytest.approx(_beta_divergence(x, w, h, beta) + 0.1 * h.sum() + l2 / 2 * np.sum(h**2))
