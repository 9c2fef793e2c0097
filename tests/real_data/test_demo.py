"""The main job of the demo."""

import subprocess
import sys

import numpy as np
import pytest
import reference
import scipy.io
import scipy.sparse
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import TfidfTransformer


def error_of(model, x):
    return model.reconstruction_err_ / scipy.sparse.linalg.norm(x)


def test_topics_of_austen(orthant, folder, data):
    x = data / "austen/austen.mtx.gz"
    words = data / "austen/vocab.txt"
    arguments = [x, "--tfidf", "--rank", 6, "--init", "nndsvda", "--max-iterations", 500, "--column-names", words]
    _, _, report = orthant.factors(*arguments)
    tfidf = TfidfTransformer().fit_transform(scipy.io.mmread(x))
    peer = NMF(6, init="nndsvda", max_iter=500, random_state=0).fit(tfidf)
    assert report["relative_error"] == pytest.approx(error_of(peer, tfidf), abs=2e-5)
    assert (report["rows"], report["columns"], report["nonzeros"]) == (269, 6799, 124857)
    assert len(report["top_columns"]) == 6
    assert "emma" in {t["name"] for told in report["top_columns"] for t in told}
    script = data.parent / "austen_chapters.py"
    counted = subprocess.run(
        [sys.executable, "-B", script, folder / "out", data / "austen/labels.txt"], capture_output=True, text=True
    )
    assert counted.stdout.endswith("269 of 269 chapters fall to their own novel\n"), counted.stdout + counted.stderr


def test_figure_of_austen_in_its_readme(orthant, folder, data):
    """It is of tf-idf without smoothing."""
    counts = scipy.io.mmread(data / "austen/austen.mtx.gz")
    tfidf = TfidfTransformer(smooth_idf=False).fit_transform(counts)
    scipy.sparse.save_npz(folder / "x.npz", tfidf)
    report = orthant.report("x.npz", "--rank", 6, "--max-iterations", 500)
    assert report["relative_error"] == pytest.approx(0.82129, abs=2e-5)


@pytest.mark.parametrize("rank, error, least", [(10, 0.32645, 0.28922), (16, 0.25988, 0.21801)])
def test_parts_of_digits(orthant, folder, data, rank, error, least):
    arguments = [data / "digits/digits.npy", "--rank", rank, "--max-iterations", 300, "--tolerance", 0]
    _, _, report = orthant.factors(*arguments, *reference.STEPS)
    # Many local minima lie close together here, and which is found hangs on the steps; none below the SVD's error.
    assert least < report["relative_error"] < 1.002 * error
    assert report["dead_components"] == 0
    shown = subprocess.run(
        [sys.executable, "-B", data.parent / "digit_parts.py", folder / "out"], capture_output=True, text=True
    )
    assert shown.stdout.count("█") > rank, shown.stderr
