"""tests/data: relative errors as its README.md states them."""

import gzip
import pathlib

import numpy as np
import pytest
import reference
import scipy.io

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data"
MUTSIG = pathlib.Path(__file__).resolve().parents[3] / "shared/data/mutsig"


def load(name):
    with gzip.open(FOLDER / name) as file:
        return np.load(file)


@pytest.mark.parametrize(
    "name, rank, error",
    [
        ("moffett/moffett.npy.gz", 3, 0.02687),
        ("audio_mary/mary.npy.gz", 3, 0.15791),
        ("audio_mary/mary.npy.gz", 4, 0.12272),
    ],
)
@pytest.mark.parametrize("precision", ["float", "double"])
def test_spectra(orthant, name, rank, error, precision):
    arguments = [FOLDER / name, "--rank", rank, "--precision", precision, "--max-iterations", 2000, "--tolerance", 0]
    assert orthant.report(*arguments)["relative_error"] == pytest.approx(error, abs=1e-5)


def test_clothes(orthant):
    """Its many minima lie close together: a better one than the README's is found, if not below the SVD's error."""
    arguments = [FOLDER / "fashion_mnist2k/fashion2k.npy.gz", "--rank", 16, "--max-iterations", 300, "--tolerance", 0]
    report = orthant.report(*arguments)
    assert (report["rows"], report["columns"]) == (2000, 784)
    assert 0.31093 < report["relative_error"] < 0.32807 * 1.001


def errors(orthant, name, rank, seeds, *extra):
    arguments = [name, "--rank", rank, "--init", "random", "--tolerance", 0, "--max-iterations", 2000]
    arguments += ["--check-every", 500, "--threads", 1]
    return [orthant.report(*arguments, "--seed", s, *extra)["relative_error"] for s in range(seeds)]


@pytest.mark.parametrize("size, part_missing", [("20x11", 0.131336), ("32x32", 0.157846)])
def test_swimmer(orthant, folder, size, part_missing):
    if size == "20x11":
        x = load("swimmer/swimmer_20x11.npy.gz")
    else:
        x = load("swimmer/swimmer_32x32_W17.npy.gz") @ load("swimmer/swimmer_32x32_H17.npy.gz")
    np.save(folder / "x.npy", x)
    assert np.linalg.matrix_rank(x) == 13
    found = errors(orthant, "x.npy", 17, 12, *reference.STEPS)
    assert min(found) < 1e-6
    inexact = [e for e in found if e > 1e-6]
    assert all(e > part_missing - 1e-5 for e in inexact), "a local minimum that is not known"
    assert any(e == pytest.approx(part_missing, abs=1e-5) for e in inexact)
    # 17 parts are in it: as many components as its rank do not do.
    assert min(errors(orthant, "x.npy", 13, 4)) > 0.2


def test_swimmer_is_exact_in_double(orthant, folder):
    np.save(folder / "x.npy", load("swimmer/swimmer_32x32_W17.npy.gz") @ load("swimmer/swimmer_32x32_H17.npy.gz"))
    assert min(errors(orthant, "x.npy", 17, 3, "--precision", "double")) < 1e-14


@pytest.fixture
def raman(folder):
    w, h = load("raman_smcr/W.npy.gz").astype("f8"), load("raman_smcr/H.npy.gz").astype("f8")
    np.save(folder / "x.npy", w @ h)
    np.save(folder / "w.npy", w)
    return w, h


@pytest.mark.parametrize("precision, tolerance", [("float", 1e-4), ("double", 1e-12)])
def test_raman_concentrations_from_known_spectra(orthant, raman, precision, tolerance):
    """Convex: one right answer."""
    arguments = ["x.npy", "--transform", "w.npy", "--precision", precision, "--tolerance", 0, "--max-iterations", 5000]
    _, h, report = orthant.factors(*arguments)
    assert np.abs(h - raman[1]).max() < tolerance
    assert report["relative_error"] < tolerance


@pytest.mark.parametrize("precision", ["float", "double"])
def test_refit_of_mutational_signatures(orthant, folder, precision):
    """PCAWG's genomes on the COSMIC signatures that its authors used: convex, with the residual that README.md states."""
    if not MUTSIG.is_dir():
        pytest.skip(f"{MUTSIG} is not here: the data may not be redistributed")
    named = (MUTSIG / "cosmic_v3_names.txt").read_text().split()
    used = [named.index(name) for name in (MUTSIG / "pcawg_exposure_sigs.txt").read_text().split()]
    x, w = scipy.io.mmread(MUTSIG / "pcawg_96x2780.mtx.gz").toarray(), np.load(MUTSIG / "cosmic_v3_96x67.npy")[:, used]
    np.save(folder / "w.npy", w)
    arguments = [MUTSIG / "pcawg_96x2780.mtx.gz", "--transform", "w.npy", "--solver", "anls", "--max-iterations", 1]
    _, h, report = orthant.factors(*arguments, "--precision", precision)
    assert len(used) == report["rank"] == 65
    # Of the H that is returned: the loss that is reported carries the rounding of ||X||^2 in float.
    assert np.sum((x - w @ h.astype("f8")) ** 2) == pytest.approx(5.6084117e9, rel=1e-6)
    assert np.linalg.norm(x - w @ h.astype("f8")) / np.linalg.norm(x) == pytest.approx(0.04909236, rel=1e-6)
    assert h.sum(dtype="f8") == pytest.approx(49003628, rel=1e-6)
    if precision == "double":
        assert 2 * report["loss"] == pytest.approx(5.6084117e9, rel=1e-6)
        assert report["kkt_residual"] < 1e-12


def test_raman_is_exact_at_its_rank(orthant, raman):
    arguments = ["x.npy", "--rank", 5, "--precision", "double", "--tolerance", 0, "--max-iterations"]
    error = orthant.report(*arguments, 3000)["relative_error"]
    assert error < 1e-4
    assert orthant.report(*arguments, 0)["relative_error"] > 1000 * error
    # Four components leave more: the fit above is not a matter of a lax bound.
    assert orthant.report("x.npy", "--rank", 4, "--max-iterations", 3000, "--tolerance", 0)["relative_error"] > 10 * error
