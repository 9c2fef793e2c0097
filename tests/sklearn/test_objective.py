"""What result.json reports is scikit-learn's objective."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition import NMF
from sklearn.decomposition._nmf import _beta_divergence

M, N, K = 41, 29, 4


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("solver", ["mu", "hals"])
def test_objective(orthant, folder, sparse, solver):
    x = np.random.default_rng(5).poisson(0.8, (M, N)).astype("f8")
    if sparse:
        name, form = "x.npz", scipy.sparse.csr_matrix(x)
        scipy.sparse.save_npz(folder / name, form)
    else:
        name, form = "x.npy", x
        np.save(folder / name, x)
    alpha_w, alpha_h, l1_ratio = 0.01, 0.02, 0.3
    options = {
        "--l1-w": alpha_w * l1_ratio, "--l2-w": alpha_w * (1 - l1_ratio),
        "--l1-h": alpha_h * l1_ratio, "--l2-h": alpha_h * (1 - l1_ratio),
    }  # fmt: skip
    arguments = [part for option, value in options.items() for part in (option, repr(value))]
    w, h, report = orthant.factors(
        name, "--rank", K, "--solver", solver, "--precision", "double", "--scaling", "sklearn", *arguments
    )
    assert report["loss"] == pytest.approx(_beta_divergence(form, w, h, 2), rel=1e-12)
    root = _beta_divergence(form, w, h, 2, square_root=True)
    assert report["relative_error"] == pytest.approx(root / np.linalg.norm(x), rel=1e-12)

    model = NMF(K, alpha_W=alpha_w, alpha_H=alpha_h, l1_ratio=l1_ratio)
    l1_w, l1_h, l2_w, l2_h = model._compute_regularization(form)
    penalty = l1_w * w.sum() + l1_h * h.sum() + l2_w / 2 * np.sum(w**2) + l2_h / 2 * np.sum(h**2)
    assert report["objective"] == pytest.approx(report["loss"] + penalty, rel=1e-12)
