"""Missing and weighted entries, what is held out, and predictions of single entries, against numpy."""

import json
import subprocess

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose

GIVEN = ["--w0", "w0.npy", "--h0", "h0.npy", "--precision", "double", "--tolerance", 0]


def weighted_hals(x, weights, w, h, iterations):
    """HALS with a Gram matrix for each row and column."""
    w, h = w.copy(), h.copy()

    def update(f, fixed, x, weights):  # rows of f, from the rows of x
        for i in range(len(f)):
            gram = (fixed * weights[i]) @ fixed.T
            product = fixed @ (weights[i] * x[i])
            for c in range(f.shape[1]):
                if gram[c, c] > 0:
                    f[i, c] = max(0, f[i, c] + (product[c] - gram[c] @ f[i]) / gram[c, c])

    for _ in range(iterations):
        update(w, h, x, weights)
        update(h.T, w.T, x.T, weights.T)
    return w, h


@pytest.fixture
def mask(x):
    return np.random.default_rng(5).random(x.shape) < 0.7


@pytest.mark.parametrize("form", ["nan", "zeros", "weights", "sparse", "sparse weights"])
def test_hals_of_the_entries_that_count(orthant, folder, x, start, mask, form):
    weights = mask.astype(float)
    if "weights" in form:
        weights *= 1 + np.random.default_rng(6).integers(0, 4, x.shape)
    arguments = ["--missing", "nan" if form == "nan" else "zeros"]
    if form == "nan":
        np.save(folder / "in.npy", np.where(mask, x, np.nan))
    elif form == "zeros":
        np.save(folder / "in.npy", np.where(mask, x, 0))
    elif form == "weights":
        np.save(folder / "in.npy", np.where(mask, x, 1e30))
        np.save(folder / "weights.npy", np.asfortranarray(weights))
        arguments = ["--weights", "weights.npy"]
    else:
        scipy.sparse.save_npz(folder / "in.npz", scipy.sparse.csr_matrix(np.where(mask, x, 0)))
    if form == "sparse weights":
        scipy.sparse.save_npz(folder / "weights.npz", scipy.sparse.csr_matrix(weights))
        arguments += ["--weights", "weights.npz"]
    name = "in.npz" if "sparse" in form else "in.npy"
    w, h, report = orthant.factors(name, *GIVEN, *arguments, "--max-iterations", 4)
    w_expected, h_expected = weighted_hals(np.where(mask, x, 0), weights, *start, 4)
    assert_allclose(w, w_expected, rtol=1e-9, atol=1e-12)
    assert_allclose(h, h_expected, rtol=1e-9, atol=1e-12)
    squares = np.sum((weights * (x - w @ h) ** 2)[mask])
    assert_allclose(report["loss"], squares / 2, rtol=1e-10)
    assert_allclose(report["observed"], weights.sum(), rtol=1e-12)
    assert_allclose(report["rmse"], np.sqrt(squares / weights.sum()), rtol=1e-10)


def test_rmse_is_told_of_every_loss(orthant, x):
    w, h, report = orthant.factors("x.npy", "--rank", 3, "--loss", "kullback-leibler", "--precision", "double")
    assert_allclose(report["rmse"], np.sqrt(np.mean((x - w @ h) ** 2)), rtol=1e-10)
    assert report["observed"] == x.size


@pytest.mark.parametrize("sparse", [False, True])
def test_what_is_held_out_is_measured(orthant, folder, x, mask, sparse):
    name = "in.npz" if sparse else "in.npy"
    if sparse:
        scipy.sparse.save_npz(folder / name, scipy.sparse.csr_matrix(np.where(mask, x, 0)))
    else:
        np.save(folder / name, np.where(mask, x, 0))
    arguments = [name, "--missing", "zeros", "--rank", 3, "--seed", 4, "--holdout", 0.25, "--check-every", 5]
    w, h, report = orthant.factors(*arguments, "--precision", "double", "--max-iterations", 20, "--tolerance", 0)
    held_out = report["held_out"]
    assert 0.15 * mask.sum() < held_out["entries"] < 0.35 * mask.sum()
    assert report["observed"] == mask.sum() - held_out["entries"]
    assert len(held_out["loss_history"]) == len(report["loss_history"])
    assert held_out["loss_history"][-1] == held_out["loss"]
    assert_allclose(held_out["rmse"], np.sqrt(2 * held_out["loss"] / held_out["entries"]), rtol=1e-10)
    both = np.sum(((x - w @ h) ** 2)[mask]) / 2
    assert_allclose(report["loss"] + held_out["loss"], both, rtol=1e-10)
    assert orthant.report(*arguments, "--threads", 1)["held_out"]["entries"] == held_out["entries"]


def test_dense_and_sparse_hold_out_the_same(orthant, folder, x, mask):
    np.save(folder / "in.npy", np.asfortranarray(np.where(mask, x, 0)))
    scipy.sparse.save_npz(folder / "in.npz", scipy.sparse.csr_matrix(np.where(mask, x, 0)))
    dense, sparse = [
        orthant.report(name, "--missing", "zeros", "--rank", 3, "--holdout", 0.3, "--precision", "double")
        for name in ["in.npy", "in.npz"]
    ]
    assert dense["held_out"]["entries"] == sparse["held_out"]["entries"]
    assert_allclose(dense["held_out"]["loss"], sparse["held_out"]["loss"], rtol=1e-6)


@pytest.mark.parametrize("ending", ["csv", "npy"])
def test_predictions(orthant, folder, x, ending):
    w, h, _ = orthant.factors("x.npy", "--rank", 3, "--precision", "double")
    pairs = np.array([[0, 0], [29, 19], [7, 3], [7, 3]])
    values = x[pairs[:, 0], pairs[:, 1]]
    for columns in [pairs, np.column_stack([pairs, values])]:
        if ending == "csv":
            np.savetxt(folder / "pairs.csv", columns, delimiter=",", fmt="%.17g")
        else:
            np.save(folder / "pairs.npy", columns)
        expected = (w @ h)[pairs[:, 0], pairs[:, 1]]
        printed = orthant("predict", "out", "--pairs", f"pairs.{ending}")
        assert_allclose([float(line) for line in printed.stdout.split()], expected, rtol=1e-8)
        assert ("RMSE" in printed.stderr) == (columns.shape[1] == 3)
        orthant("predict", "out", "--pairs", f"pairs.{ending}", "--output", "predicted.npy")
        assert_allclose(np.load(folder / "predicted.npy")[:, 0], expected, rtol=1e-12)
    told = json.loads(orthant("predict", "out", "--pairs", f"pairs.{ending}", "--json").stdout)
    assert told["pairs"] == 4
    assert_allclose(told["rmse"], np.sqrt(np.mean((expected - values) ** 2)), rtol=1e-10)
    assert_allclose(told["mae"], np.mean(np.abs(expected - values)), rtol=1e-10)


def test_a_first_pair_that_counts_is_a_pair(orthant, folder, x):
    w, h, _ = orthant.factors("x.npy", "--rank", 3, "--precision", "double")
    (folder / "pairs.csv").write_text("0,1\n3,4\n")
    printed = orthant("predict", "out", "--pairs", "pairs.csv").stdout
    assert_allclose([float(line) for line in printed.split()], [(w @ h)[0, 1], (w @ h)[3, 4]], rtol=1e-8)
    (folder / "pairs.csv").write_text("row,column\n3,4\n")
    assert orthant("predict", "out", "--pairs", "pairs.csv").stdout == printed.splitlines()[1] + "\n"


@pytest.mark.parametrize("ending", ["csv", "npy"])
def test_errors_are_of_the_pairs_whose_values_are_known(orthant, folder, x, ending):
    w, h, _ = orthant.factors("x.npy", "--rank", 3, "--precision", "double")
    pairs = np.array([[0, 0, np.nan], [29, 19, 0.5], [7, 3, np.nan], [2, 5, -1]])
    if ending == "csv":
        (folder / "pairs.csv").write_text("row,column,x\n0,0,\n29,19,0.5\n7,3,NA\n2,5,-1\n")
    else:
        np.save(folder / "pairs.npy", pairs)
    told = json.loads(orthant("predict", "out", "--pairs", f"pairs.{ending}", "--json").stdout)
    errors = np.array([0.5, -1]) - (w @ h)[[29, 2], [19, 5]]
    assert told["pairs"] == 4 and told["known"] == 2
    assert_allclose([told["rmse"], told["mae"]], [np.sqrt(np.mean(errors**2)), np.mean(np.abs(errors))], rtol=1e-10)
    printed = orthant("predict", "out", "--pairs", f"pairs.{ending}")
    assert len(printed.stdout.split()) == 4 and printed.stderr.startswith("2 pairs, RMSE ")
    np.save(folder / "pairs.npy", pairs[[0, 2]])
    told = json.loads(orthant("predict", "out", "--pairs", "pairs.npy", "--json").stdout)
    assert told == {"pairs": 2, "known": 0, "rmse": None, "mae": None}
    assert orthant("predict", "out", "--pairs", "pairs.npy").stderr == ""
    np.save(folder / "pairs.npy", [[0, 0, 1], [0, 1, np.inf]])
    error = orthant.error("predict", "out", "--pairs", "pairs.npy", code=1)
    assert error == "pairs.npy: pair 1 has value inf, expected a finite number, or nan where it is not known"


def test_predictions_into_a_pipe(orthant, folder, x):
    """A process substitution, which is a name of a pipe, and a link: neither is replaced."""
    orthant.factors("x.npy", "--rank", 3)
    (folder / "pairs.csv").write_text("0,1\n3,4\n")
    printed = orthant("predict", "out", "--pairs", "pairs.csv").stdout
    line = '"$0" predict out --pairs pairs.csv --output >(cat)'
    piped = subprocess.run(["bash", "-c", line, orthant.path], cwd=folder, capture_output=True, text=True, timeout=60)
    assert piped.stdout == printed and piped.returncode == 0, piped.stderr
    (folder / "link").symlink_to("out/there.txt")
    (folder / "out/there.txt").write_text("old")
    orthant("predict", "out", "--pairs", "pairs.csv", "--output", "link")
    assert (folder / "link").is_symlink() and (folder / "out/there.txt").read_text() == printed


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.5])
@pytest.mark.parametrize("name, place", [("W", (7, 1)), ("H", (2, 11))])
def test_factors_that_no_fit_has_are_refused(orthant, folder, x, bad, name, place):
    factors = dict(zip("WH", orthant.factors("x.npy", "--rank", 3)))
    factors[name][place] = bad
    np.save(folder / f"out/{name}.npy", factors[name])
    (folder / "pairs.csv").write_text("0,0,1\n7,11,1\n")
    error = orthant.error("predict", "out", "--pairs", "pairs.csv", code=1)
    assert error == f"out/{name}.npy: {name}{place} is {bad:g}, expected a finite number that is not negative"


@pytest.mark.parametrize("name", ["p.npy.gz", "p.csv.gz"])
def test_predictions_are_not_gzipped(orthant, folder, name):
    error = orthant.error("predict", "out", "--pairs", "pairs.csv", "--output", name, code=2)
    assert error.startswith(f"--output is '{name}', expected a name without .gz")


def test_pairs_that_are_not(orthant, folder, x):
    orthant.factors("x.npy", "--rank", 3)
    for line, place in [("30,0", "row 30"), ("0,-1", "column -1"), ("0.5,0", "row 0.5"), ("nan,0", "row nan")]:
        (folder / "pairs.csv").write_text("i,j\n\n0,0\n\n\n" + line + "\n")
        error = orthant.error("predict", "out", "--pairs", "pairs.csv", code=1)
        assert error.startswith("pairs.csv:6: pair 1 has " + place), error
    np.save(folder / "pairs.npy", [[0, 0], [30, 0]])
    error = orthant.error("predict", "out", "--pairs", "pairs.npy", code=1)
    assert error == "pairs.npy: pair 1 has row 30, expected an integer from 0 to 29"
    (folder / "pairs.csv").write_text("user,item\n1,2,0.5\n")
    assert orthant.error("predict", "out", "--pairs", "pairs.csv", code=1) == "pairs.csv:2: 3 fields, expected 2"
    (folder / "pairs.csv").write_text("1\n2\n")
    assert "2 or 3 columns" in orthant.error("predict", "out", "--pairs", "pairs.csv", code=1)
    assert "did you mean --pairs" in orthant.error("predict", "out", "--pair", "pairs.csv", code=2)


def test_what_cannot_be_is_refused(orthant, folder, x, mask):
    np.save(folder / "nan.npy", np.where(mask, x, np.nan))
    scipy.sparse.save_npz(folder / "x.npz", scipy.sparse.csr_matrix(np.where(mask, x, 0)))
    np.save(folder / "weights.npy", np.where(mask, 1.0, -1.0))
    np.save(folder / "small.npy", np.ones((3, 3)))
    rank = ["--rank", 3]
    assert "--missing nan" in orthant.error("factorize", "nan.npy", *rank, code=1)
    for arguments, expected, code in [
        (["x.npz", "--missing", "nan"], "--missing is nan, expected none or zeros", 2),
        (["x.npz", "--weights", "weights.npy"], "weights.npy: the weights are dense", 1),
        (["x.npy", "--weights", "weights.npy"], "weights.npy: weights(", 1),
        (["x.npy", "--weights", "small.npy"], "small.npy: the weights are 3 x 3", 1),
        (["x.npz", "--holdout", 0.1], "--missing zeros", 2),
        (["x.npy", "--holdout", 1], "--holdout is '1', expected a number above 0 and below 1", 2),
        (["x.npz", "--loss", "beta=0"], "--loss is itakura-saito, expected frobenius or kullback-leibler for sparse X", 2),
        *[
            (["x.npy", *some, *what], " ".join(what[:2]) + " needs all entries of X, without --missing, --weights and --holdout", 2)
            for some in (["--missing", "zeros"], ["--weights", "weights.npy"], ["--holdout", 0.1])
            for what in (["--init", "nndsvda"], ["--solver", "anls"], ["--acceleration", "extrapolation"])
        ],
        # Documents would be counted, and rows be scaled, by entries that are not known or held out.
        (["x.npy", "--missing", "nan", "--tfidf"], "--tfidf needs all entries of X", 2),
        (["x.npy", "--tfidf", "--holdout", 0.1], "--tfidf needs all entries of X, without --missing, --weights and --holdout", 2),
        (["x.npy", "--solver", "mu", "--sweeps", 3, "--holdout", 0.1], "--sweeps with --solver mu needs all entries of X", 2),
        (["x.npy", "--missing", "none", "--holdout", 1e-9], "keeps 0 of the 600 entries", 1),
    ]:
        error = orthant.error("factorize", *arguments, *rank, code=code)
        assert expected in error, error


def test_weights_of_sparse_x_have_its_pattern(orthant, folder, x, mask):
    scipy.sparse.save_npz(folder / "x.npz", scipy.sparse.csr_matrix(np.where(mask, x, 0)))
    other = mask.copy()
    other[4, np.flatnonzero(mask[4])[0]] = False
    scipy.sparse.save_npz(folder / "weights.npz", scipy.sparse.csr_matrix(other.astype(float)))
    error = orthant.error("factorize", "x.npz", "--missing", "zeros", "--weights", "weights.npz", "--rank", 3, code=1)
    assert error == "weights.npz: row 4 has weights at other places than X has entries"
    scipy.sparse.save_npz(folder / "weights.npz", scipy.sparse.csr_matrix(mask.astype(float)))
    error = orthant.error("factorize", "x.npz", "--weights", "weights.npz", "--rank", 3, code=2)
    assert error.startswith("--missing is none, expected zeros for sparse X with weights")
