"""MU and one-sweep HALS are scikit-learn's `mu` and `cd` (shuffle off), step by step: from the same W0 and H0 in double the
factors after the same number of iterations agree to kPeerTolerance (tests/tolerance.hpp) of each factor's largest entry."""

import pathlib
import re
import warnings

import numpy as np
import pytest
import reference
import scipy.sparse
from sklearn.decomposition import NMF, non_negative_factorization
from sklearn.exceptions import ConvergenceWarning

HEADER = pathlib.Path(__file__).resolve().parents[1] / "tolerance.hpp"
TOLERANCE = float(re.search(r"kPeerTolerance = ([^;]+);", HEADER.read_text())[1])
SOLVERS = {"mu": "mu", "hals": "cd"}
M, N, K = 41, 29, 6


def counts():
    return np.random.default_rng(5).poisson(0.8, (M, N)).astype("f8")


def uniform():
    return np.random.default_rng(6).random((M, N))


# How X is stored: its file, what it holds, how it is written, and the form in which scikit-learn gets it.
STORAGES = {
    "c": ("x.npy", uniform, lambda path, x: np.save(path, x), np.asarray),
    "fortran": ("x.npy", uniform, lambda path, x: np.save(path, np.asfortranarray(x)), np.asarray),
    "csr": ("x.npz", counts, lambda path, x: scipy.sparse.save_npz(path, scipy.sparse.csr_matrix(x)), scipy.sparse.csr_matrix),
    "csc": ("x.npz", counts, lambda path, x: scipy.sparse.save_npz(path, scipy.sparse.csc_matrix(x)), scipy.sparse.csr_matrix),
}  # fmt: skip


@pytest.fixture(params=STORAGES)
def x(request, folder):
    """The name of X's file, and X for scikit-learn."""
    name, make, write, form = STORAGES[request.param]
    write(folder / name, make())
    return name, form(make())


@pytest.fixture
def start(folder):
    generator = np.random.default_rng(2)
    w, h = generator.random((M, K)), generator.random((K, N))
    np.save(folder / "w0.npy", w)
    np.save(folder / "h0.npy", h)
    return w, h


def ours(orthant, name, solver, iterations, *extra):
    return orthant.factors(
        name, "--w0", "w0.npy", "--h0", "h0.npy", "--solver", solver, "--precision", "double", "--tolerance", 0,
        "--max-iterations", iterations, *reference.STEPS, *extra,
    )  # fmt: skip


def theirs(x, start, solver, iterations, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # tol=0 never converges
        warnings.simplefilter("ignore", RuntimeWarning)  # update_H=False: W starts as it always does there
        w, h, done = non_negative_factorization(
            x, start[0].copy(), start[1].copy(), n_components=K, init="custom", solver=SOLVERS[solver], tol=0,
            max_iter=iterations, **keywords,
        )  # fmt: skip
    assert done == iterations
    return w, h


def assert_same(factors, expected):
    for factor, e, name in zip(factors, expected, "WH"):
        difference = np.abs(factor - e).max() / np.abs(e).max()
        assert difference <= TOLERANCE, f"{name} differs by {difference:.1e} of its largest entry"


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("iterations", [1, 2, 10, 100])
def test_plain(orthant, x, start, solver, iterations):
    name, form = x
    w, h, _ = ours(orthant, name, solver, iterations)
    assert_same((w, h), theirs(form, start, solver, iterations))


# alpha_W, alpha_H, l1_ratio
PENALTIES = {"l1": (0.002, 0.003, 1.0), "l2": (0.02, 0.03, 0.0), "both": (0.01, 0.005, 0.4), "of_h": (0.0, 0.01, 0.5)}


def penalty_options(alpha_w, alpha_h, l1_ratio, scaling):
    """scikit-learn multiplies W's weights by the columns of X and H's by its rows: --scaling sklearn."""
    w_scale, h_scale = (1, 1) if scaling == "sklearn" else (N, M)
    options = {
        "--l1-w": alpha_w * l1_ratio * w_scale,
        "--l2-w": alpha_w * (1 - l1_ratio) * w_scale,
        "--l1-h": alpha_h * l1_ratio * h_scale,
        "--l2-h": alpha_h * (1 - l1_ratio) * h_scale,
    }
    return [part for name, value in options.items() for part in (name, repr(value))] + ["--scaling", scaling]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("iterations", [1, 2, 10, 100])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("scaling", ["sklearn", "none"])
def test_penalties(orthant, x, start, solver, iterations, penalty, scaling):
    name, form = x
    alpha_w, alpha_h, l1_ratio = PENALTIES[penalty]
    w, h, _ = ours(orthant, name, solver, iterations, *penalty_options(*PENALTIES[penalty], scaling))
    assert_same(
        (w, h), theirs(form, start, solver, iterations, alpha_W=alpha_w, alpha_H=alpha_h, l1_ratio=l1_ratio)
    )


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("iterations", [1, 2, 10, 100])
@pytest.mark.parametrize("penalty", [None, "both"])
def test_frozen_h(orthant, x, start, solver, iterations, penalty):
    """update_H=False starts W anew: from zeros for `cd`, from the constant sqrt(mean(X) / k) for `mu`."""
    name, form = x
    w0 = np.zeros((M, K)) if solver == "hals" else np.full((M, K), np.sqrt(form.mean() / K))
    np.save(orthant.folder / "w0.npy", w0)
    extra, keywords = [], {}
    if penalty:
        alpha_w, alpha_h, l1_ratio = PENALTIES[penalty]
        extra = penalty_options(alpha_w, 0, l1_ratio, "sklearn")  # H is kept, and takes no weights
        keywords = {"alpha_W": alpha_w, "alpha_H": alpha_h, "l1_ratio": l1_ratio}
    w, h, _ = ours(orthant, name, solver, iterations, "--freeze", "h", *extra)
    assert_same((w, h), theirs(form, start, solver, iterations, update_H=False, **keywords))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("iterations", [1, 2, 10, 100])
def test_frozen_w(orthant, x, start, solver, iterations):
    """The frozen H of the transposed problem."""
    name, form = x
    h0 = np.zeros((K, N)) if solver == "hals" else np.full((K, N), np.sqrt(form.mean() / K))
    np.save(orthant.folder / "h0.npy", h0)
    w, h, _ = ours(orthant, name, solver, iterations, "--freeze", "w")
    transposed = scipy.sparse.csr_matrix(form.T) if scipy.sparse.issparse(form) else np.ascontiguousarray(form.T)
    fixed = np.ascontiguousarray(start[0].T)
    h_expected, w_expected = theirs(transposed, (h0.T, fixed), solver, iterations, update_H=False)
    assert_same((w, h), (w_expected.T, h_expected.T))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("iterations", [1, 2, 10, 100])
@pytest.mark.parametrize("scaled", [False, True])
def test_transform(orthant, x, start, solver, iterations, scaled):
    """--transform finds H for a fixed W as NMF.transform finds W for fixed components: of X', from the same start."""
    name, form = x
    transposed = scipy.sparse.csr_matrix(form.T) if scipy.sparse.issparse(form) else np.ascontiguousarray(form.T)
    alpha = 0.01 if scaled else 0.0
    model = NMF(
        K, solver=SOLVERS[solver], tol=0, max_iter=iterations, alpha_W=alpha, alpha_H=0.0, l1_ratio=0.4, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(transposed)
        model.components_ = np.ascontiguousarray(start[0].T)
        expected = model.transform(transposed).T
    options = ["--l1-h", repr(alpha * 0.4), "--l2-h", repr(alpha * 0.6), "--scaling", "sklearn"]
    w, h, _ = orthant.factors(
        name, "--transform", "w0.npy", "--solver", solver, "--precision", "double", "--tolerance", 0,
        "--max-iterations", iterations, *reference.STEPS, *options,
    )  # fmt: skip
    assert_same((w, h), (start[0], expected))


def test_components_that_die_may_grow_again(orthant, folder):
    """Where a row of H becomes zero, W's column is left as it is, and H may grow from it again."""
    generator = np.random.default_rng(9)
    x = generator.random((M, 3)) @ generator.random((3, N))
    start = generator.random((M, K)), generator.random((K, N))
    start[0][:, :3] *= 40  # too large: the first sweep must make H's rows zero
    np.save(folder / "x.npy", x)
    np.save(folder / "w0.npy", start[0])
    np.save(folder / "h0.npy", start[1])
    died = set()
    for iterations in [1, 2, 3, 5, 10]:
        w, h, report = ours(orthant, "x.npy", "hals", iterations)
        expected = theirs(x, start, "hals", iterations)
        assert_same((w, h), expected)
        died.add(report["dead_components"])
    assert max(died) > min(died), died
