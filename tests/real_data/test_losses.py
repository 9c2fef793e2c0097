"""Other losses than the Frobenius norm on real data: results that its READMEs state."""

import gzip
import pathlib

import numpy as np
import pytest
import scipy.io

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data"
SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared/data"
KL = ("--loss", "kullback-leibler", "--tolerance", 0)


def shared(name):
    if not (SHARED / name).is_dir():
        pytest.skip(f"{SHARED / name} is not here: too large for the repository, or not to be redistributed")
    return SHARED / name


@pytest.mark.parametrize("rank, best", [(3, 1436.96), (4, 1137.33)])
def test_notes_of_a_melody(orthant, folder, rank, best):
    """The best of ten starts by 500 multiplicative updates each; ours may be a little better, not worse."""
    np.save(folder / "x.npy", np.load(gzip.open(FOLDER / "audio_mary/mary.npy.gz")))
    found = [
        orthant.report("x.npy", "--rank", rank, *KL, "--init", "random", "--seed", seed, "--max-iterations", 300)["loss"]
        for seed in range(4)
    ]
    assert 0.999 * best < min(found) <= best


@pytest.mark.parametrize("precision, tolerance", [("float", 1e-6), ("double", 1e-8)])
def test_refit_of_breast_cancers(orthant, folder, precision, tolerance):
    """Convex: one right answer, which EM needs 100000 iterations for."""
    data = shared("mutsig")
    np.save(folder / "w.npy", np.load(data / "cosmic_v3_96x67.npy"))
    report = orthant.report(
        data / "breast21_96x21.npy", "--transform", "w.npy", *KL, "--max-iterations", 1000, "--precision", precision
    )
    assert report["loss"] == pytest.approx(1825.12345, abs=1e-5)
    assert report["kkt_residual"] < tolerance


@pytest.mark.parametrize("rank, best", [(4, 1566.58), (5, 1301.03)])
def test_signatures_of_breast_cancers(orthant, rank, best):
    """The best of ten starts by 3000 multiplicative updates each, to 0.5 % as its README allows."""
    arguments = [shared("mutsig") / "breast21_96x21.npy", "--rank", rank, *KL, "--init", "random", "--precision", "double"]
    found = [orthant.report(*arguments, "--seed", seed, "--max-iterations", 500)["loss"] for seed in range(10)]
    assert 0.995 * best < min(found) < 1.005 * best


@pytest.mark.parametrize("solver, iterations", [("hals", 100), ("mu", 300)])
def test_poisson_model_of_cells(orthant, solver, iterations):
    """fastTopics' fit of 200 iterations has a divergence of 5423941.96; purity of its topics 0.9621."""
    data = shared("pbmc_facs")
    arguments = [data / "pbmc_facs.mtx.gz", "--rank", 6, *KL, "--solver", solver, "--init", "random", "--seed", 1]
    w, h, report = orthant.factors(*arguments, "--max-iterations", iterations)
    assert 0.995 * 5423941.96 < report["loss"] < 5423941.96
    topics = np.argmax(w * h.sum(1), axis=1)
    labels = (data / "labels.txt").read_text().split("\n")[: len(topics)]
    groups = [[label for label, topic in zip(labels, topics) if topic == c] for c in range(6)]
    majority = sum(max(map(group.count, set(group))) for group in groups if group)
    assert majority / len(topics) > 0.94


def test_deviance_of_the_given_fit(orthant, folder):
    """The loss of fastTopics' own factors is the one that it reports."""
    data = shared("pbmc_facs")
    np.save(folder / "w.npy", np.load(data / "fasttopics_fit_L_k6.npy"))
    np.save(folder / "h.npy", np.ascontiguousarray(np.load(data / "fasttopics_fit_F_k6.npy").T))
    report = orthant.report(
        data / "pbmc_facs.mtx.gz", "--w0", "w.npy", "--h0", "h.npy", *KL, "--max-iterations", 0, "--precision", "double"
    )
    assert report["loss"] == pytest.approx(5423941.96, abs=0.01)


def test_itakura_saito_follows_the_notes_better(orthant, folder):
    """Activations follow the notes held, best match of a component for each note (Fevotte, Bertin, Durrieu 2009)."""
    data = shared("audio_piano4")
    power, notes = np.load(data / "piano4_power_513x610.npy"), np.load(data / "notes_4x610.npy")
    np.save(folder / "x.npy", np.maximum(power, 1e-12 * power.max()))

    def correlation(loss, iterations):
        best = None
        for seed in range(3):
            arguments = ["x.npy", "--rank", 6, "--loss", loss, "--init", "random", "--seed", seed, "--tolerance", 0]
            _, h, report = orthant.factors(*arguments, "--max-iterations", iterations)
            if best is None or report["loss"] < best[0]:
                best = report["loss"], h
        activations = np.log(best[1] + 1e-12)
        return np.mean([max(np.corrcoef(a, note)[0, 1] for a in activations if a.std() > 0) for note in notes])

    assert correlation("itakura-saito", 1000) > max(0.8, correlation("kullback-leibler", 200))
