"""NNDSVD starts are scikit-learn's, to the accuracy of the SVD.

Both take a randomized SVD; here scikit-learn's formulas are fed with the exact one, so that only ours is judged. We differ
on purpose:
* Entries below 1e-6 sqrt(mean(X)) count as zeros; scikit-learn's bound is 1e-6, whatever the unit of X. Entries about there
  are left out of the comparison.
* nndsvda fills with sqrt(mean(X) / k), which has the unit of W and H; scikit-learn with mean(X).
* nndsvdar fills with uniform numbers up to a hundredth of that, of a generator that gives the same bits on every machine;
  scikit-learn with |normal| * mean(X) / 100.
* random draws uniform numbers of mean sqrt(mean(X) / k), so that the mean of WH is the mean of X; scikit-learn |normal|.
"""

import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition import _nmf

M, N, K = 60, 45, 5


def spectrum():
    """Singular values well apart, so that the vectors are determined: to about eps over the gap."""
    generator = np.random.default_rng(4)
    u = generator.random((M, 8)) ** 3
    return u * 0.5 ** np.arange(8) @ generator.random((8, N)) ** 3


def sparse_counts():
    """Five blocks, of falling weight, well above the noise."""
    blocks = np.kron(np.diag([200, 150, 110, 80, 60]), np.ones((M // 5, N // 5)))
    return np.random.default_rng(3).poisson(blocks + 0.05).astype("f8")


MATRICES = {"dense": spectrum, "sparse": sparse_counts, "in_other_units": lambda: 1e4 * spectrum()}


@pytest.fixture(params=MATRICES)
def x(request, folder):
    x = MATRICES[request.param]()
    if request.param == "sparse":
        scipy.sparse.save_npz(folder / "x.npz", scipy.sparse.csr_matrix(x))
        return "x.npz", x
    np.save(folder / "x.npy", x)
    return "x.npy", x


def ours(orthant, name, init, precision="double"):
    return orthant.factors(name, "--rank", K, "--init", init, "--precision", precision, "--max-iterations", 0)[:2]


@pytest.fixture
def theirs(monkeypatch):
    """scikit-learn's start, from the exact SVD."""

    def exact(x, k, **_):
        u, s, v = np.linalg.svd(x, full_matrices=False)
        return u[:, :k], s[:k], v[:k]

    assert hasattr(_nmf, "_randomized_svd"), "scikit-learn takes its SVD elsewhere"
    monkeypatch.setattr(_nmf, "_randomized_svd", exact)
    return lambda x, init, eps: _nmf._initialize_nmf(x, K, init, eps=eps)


# Of the largest entry. Rounding of the singular vectors is eps * sigma_1 / gap, here 100 eps at most.
TOLERANCES = {"double": 1e-10, "float": 2e-4}


def assert_same(factors, expected, x, precision):
    threshold = 1e-6 * np.sqrt(x.mean())
    for factor, e in zip(factors, expected):
        tolerance = TOLERANCES[precision] * e.max()
        np.testing.assert_allclose(factor, e, rtol=0, atol=max(tolerance, 2 * threshold))
        apart = e > max(tolerance, 2 * threshold)
        assert apart.mean() > 0.2
        np.testing.assert_allclose(factor[apart], e[apart], rtol=0, atol=tolerance)


@pytest.mark.parametrize("precision", TOLERANCES)
def test_nndsvd(orthant, x, theirs, precision):
    name, form = x
    assert_same(ours(orthant, name, "nndsvd", precision), theirs(form, "nndsvd", 1e-6 * np.sqrt(form.mean())), form, precision)


@pytest.mark.parametrize("init", ["nndsvda", "nndsvdar"])
def test_fills(orthant, x, init):
    name, form = x
    plain, filled = ours(orthant, name, "nndsvd"), ours(orthant, name, init)
    for p, f in zip(plain, filled):
        np.testing.assert_array_equal(f[p > 0], p[p > 0])
        fills = f[p == 0]
        assert fills.size > 50
        even = np.sqrt(form.mean() / K)
        if init == "nndsvda":
            np.testing.assert_allclose(fills, even, rtol=1e-12)
        else:
            top = even / 100
            assert 0 < fills.min() and fills.max() < top
            assert fills.mean() == pytest.approx(top / 2, rel=4 / np.sqrt(12 * fills.size) * 2)  # four sigma


@pytest.mark.parametrize("init", ["nndsvd", "nndsvda"])
def test_real_data(orthant, folder, data, theirs, init):
    """Digits, in double: the same zeros but for a few entries about the bound."""
    path = data / "digits/digits.npy"
    x = np.load(path).astype("f8")
    if init == "nndsvda":  # where both fill alike
        x /= K * x.mean()
        path = folder / "x.npy"
        np.save(path, x)
    w, h = ours(orthant, path, init)
    w_expected, h_expected = theirs(x, init, 1e-6 * np.sqrt(x.mean()))
    for factor, e in [(w, w_expected), (h, h_expected)]:
        near = np.abs(factor - e) < 1e-3 * e.max()
        assert near.mean() > 0.999


def test_random(orthant, folder):
    x = np.random.default_rng(6).random((300, 200))
    np.save(folder / "x.npy", x)
    w, h = ours(orthant, "x.npy", "random")
    for factor in (w, h):
        mean = np.sqrt(x.mean() / K)
        assert factor.mean() == pytest.approx(mean, rel=4 / np.sqrt(3 * factor.size))  # four sigma
        assert 0 < factor.min() and factor.max() < 2 * mean
    assert (w @ h).mean() == pytest.approx(x.mean(), rel=0.1)
