"""Films' ratings, nearly all of them missing: what is held out by the given folds is predicted."""

import gzip
import json
import pathlib

import numpy as np
import pytest
import scipy.sparse

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "shared/data/ml_latest_small"


@pytest.fixture(scope="module")
def ratings():
    if not FOLDER.is_dir():
        pytest.skip(f"{FOLDER} is not here: redistributed under its own conditions only")
    table = np.loadtxt(gzip.open(FOLDER / "ratings_fold.tsv.gz"), skiprows=1)
    return table[:, :2].astype(int) - 1, table[:, 2], table[:, 3].astype(int)


def test_held_out_folds(orthant, folder, ratings):
    """The README's figures are an RMSE of 0.9775 and an MAE of 0.7509; the mean of all ratings has an RMSE of 1.0679.
    Films and users that a fold has no rating of get that mean."""
    pairs, values, folds = ratings
    squares, sizes = [], []
    for fold in range(1, 6):
        fitted, held = folds != fold, folds == fold
        x = scipy.sparse.csr_matrix((values[fitted], tuple(pairs[fitted].T)), (706, 8552))
        scipy.sparse.save_npz(folder / "x.npz", x)
        np.savetxt(folder / "pairs.csv", np.column_stack([pairs[held], values[held]]), delimiter=",", fmt="%g")
        model = ["--rank", 1, "--l2-w", 1, "--l2-h", 1, "--max-iterations", 30, "--tolerance", 0]
        w, h, report = orthant.factors("x.npz", "--missing", "zeros", *model)
        assert report["observed"] == x.nnz and report["rmse"] < 0.9
        orthant("predict", "out", "--pairs", "pairs.csv", "--output", "predictions.npy")
        predictions = np.load(folder / "predictions.npy")[:, 0]
        unknown = ((w == 0).all(1))[pairs[held, 0]] | ((h == 0).all(0))[pairs[held, 1]]
        assert (predictions[unknown] == 0).all() and unknown.mean() < 0.05
        told = json.loads(orthant("predict", "out", "--pairs", "pairs.csv", "--json").stdout)
        assert told["rmse"] == pytest.approx(np.sqrt(np.mean((predictions - values[held]) ** 2)), rel=1e-9)
        errors = np.where(unknown, values[fitted].mean(), predictions) - values[held]
        squares.append(np.mean(errors**2))
        sizes.append(np.mean(np.abs(errors)))
    assert np.sqrt(np.mean(squares)) < 0.9775
    assert np.mean(sizes) < 0.7509
