"""--tfidf is scikit-learn's TfidfTransformer."""

import gzip
import shutil

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from numpy.testing import assert_allclose
from sklearn.feature_extraction.text import TfidfTransformer

import reference


def fit_start(orthant, folder, name, tfidf, *extra):
    """relative_error and one iteration from a given start: both would tell a wrong entry."""
    m, n = tfidf.shape
    generator = np.random.default_rng(2)
    start = generator.random((m, 3)) / 10, generator.random((3, n)) / 10
    np.save(folder / "w0.npy", start[0])
    np.save(folder / "h0.npy", start[1])
    arguments = [name, "--tfidf", "--w0", "w0.npy", "--h0", "h0.npy", "--precision", "double", *extra]
    w, h, report = orthant.factors(*arguments, "--max-iterations", 1, *reference.STEPS)
    w_expected, h_expected = reference.iterate(tfidf, *start, 1)
    assert_allclose(w, w_expected, rtol=1e-12, atol=1e-14)
    assert_allclose(h, h_expected, rtol=1e-12, atol=1e-14)
    assert_allclose(report["relative_error"], reference.relative_error(tfidf, w, h), rtol=1e-12)
    return report


@pytest.fixture
def counts(folder):
    counts = np.random.default_rng(5).poisson(0.4, (40, 25)).astype("f8")
    counts[:, 9] = 0  # a word that does not occur
    counts[:, 4] = 1  # one that occurs in every document but the empty one
    counts[7] = 0
    return counts


@pytest.mark.parametrize("storage", ["dense", "fortran", "csr", "csc"])
def test_as_scikit_learn(orthant, folder, counts, storage):
    if storage in ("dense", "fortran"):
        name = "x.npy"
        np.save(folder / name, counts if storage == "dense" else np.asfortranarray(counts))
    else:
        name = "x.npz"
        scipy.sparse.save_npz(folder / name, getattr(scipy.sparse, storage + "_matrix")(counts))
    report = fit_start(orthant, folder, name, TfidfTransformer().fit_transform(counts).toarray())
    assert report["empty_rows"] == 1 and report["empty_columns"] == 1 and report["options"]["tfidf"]


def test_entries_given_twice_count_as_one(orthant, folder, counts):
    coo = scipy.sparse.coo_matrix(counts)
    half = scipy.sparse.coo_matrix(
        (np.tile(coo.data / 2, 2), (np.tile(coo.row, 2), np.tile(coo.col, 2))), shape=coo.shape
    )
    scipy.sparse.save_npz(folder / "x.npz", half)
    fit_start(orthant, folder, "x.npz", TfidfTransformer().fit_transform(counts).toarray())


def test_stored_zeros_do_not_count(orthant, folder, counts):
    csr = scipy.sparse.csr_matrix(counts + 1)
    csr.data -= 1
    scipy.sparse.save_npz(folder / "x.npz", csr)
    fit_start(orthant, folder, "x.npz", TfidfTransformer().fit_transform(scipy.sparse.csr_matrix(counts)).toarray())


def test_real_counts(orthant, folder, data):
    shutil.copy(data / "austen/austen.mtx.gz", folder / "x.mtx.gz")
    counts = scipy.io.mmread(gzip.open(folder / "x.mtx.gz"))
    fit_start(orthant, folder, "x.mtx.gz", TfidfTransformer().fit_transform(counts).toarray())
