"""Every option of the fit does what it says, against numpy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import reference

GIVEN = ["x.npy", "--w0", "w0.npy", "--h0", "h0.npy", "--precision", "double", "--tolerance", 0]


@pytest.mark.parametrize("sweeps", [1, 3])
@pytest.mark.parametrize("iterations", [0, 1, 5])
def test_hals_from_a_given_start(orthant, x, start, sweeps, iterations):
    w, h, report = orthant.factors(*GIVEN, "--max-iterations", iterations, "--sweeps", sweeps, "--acceleration", "none")
    w_expected, h_expected = reference.iterate(x, *start, iterations, sweeps=sweeps)
    assert_allclose(w, w_expected, rtol=1e-10, atol=1e-13)
    assert_allclose(h, h_expected, rtol=1e-10, atol=1e-13)
    assert report["iterations"] == iterations and report["stop_reason"] == "max_iterations"
    assert_allclose(report["loss"], reference.loss(x, w, h), rtol=1e-10)
    assert_allclose(report["relative_error"], reference.relative_error(x, w, h), rtol=1e-10)


def test_multiplicative_updates(orthant, x, start):
    w, h, report = orthant.factors(*GIVEN, "--max-iterations", 5, "--solver", "mu", *reference.STEPS)
    w_expected, h_expected = reference.iterate(x, *start, 5, reference.multiplicative)
    assert_allclose(w, w_expected, rtol=1e-10)
    assert_allclose(h, h_expected, rtol=1e-10)
    assert report["solver"] == "mu"


def test_multiplicative_updates_several_at_a_time(orthant, x, start):
    w, h, _ = orthant.factors(*GIVEN, "--max-iterations", 5, "--solver", "mu", "--sweeps", 3, "--acceleration", "none")
    w_expected, h_expected = reference.iterate(x, *start, 5, reference.multiplicative, sweeps=3)
    assert_allclose(w, w_expected, rtol=1e-10)
    assert_allclose(h, h_expected, rtol=1e-10)


def test_sweeps_chosen_by_their_cost(orthant, x, start):
    w, h, report = orthant.factors(*GIVEN, "--max-iterations", 1, "--acceleration", "none")
    (m, k), n = start[0].shape, x.shape[1]
    sweeps_w, sweeps_h = (
        min(8, int(1 + (m * n + k * fixed) / (k * (own + 1)) / 2)) for own, fixed in ((m, n), (n, m))
    )
    w_expected = reference.hals(start[0].T, start[1] @ start[1].T, start[1] @ x.T, sweeps=sweeps_w).T
    h_expected = reference.hals(start[1], w_expected.T @ w_expected, w_expected.T @ x, sweeps=sweeps_h)
    assert_allclose(w, w_expected, rtol=1e-10, atol=1e-13)
    assert_allclose(h, h_expected, rtol=1e-10, atol=1e-13)
    assert report["options"]["sweeps"] == "auto"


@pytest.mark.parametrize("solver, update", [("hals", reference.hals), ("mu", reference.multiplicative)])
def test_extrapolation(orthant, x, start, solver, update):
    w, h, report = orthant.factors(*GIVEN, "--max-iterations", 30, "--solver", solver, "--sweeps", 1)
    w_expected, h_expected = reference.extrapolate(x, *start, 30, update=update)
    assert_allclose(w, w_expected, rtol=1e-8, atol=1e-11)
    assert_allclose(h, h_expected, rtol=1e-8, atol=1e-11)
    assert report["options"]["acceleration"] == "auto"
    named = orthant.factors(*GIVEN, "--max-iterations", 30, "--solver", solver, "--sweeps", 1, "--acceleration", "extrapolation")
    assert np.array_equal(named[0], w) and named[2]["options"]["acceleration"] == "extrapolation"


def test_exact_alternating_least_squares(orthant, x, start):
    w, h, report = orthant.factors(*GIVEN, "--max-iterations", 5, "--solver", "anls", "--acceleration", "none")
    w_expected, h_expected = reference.iterate(x, *start, 5, reference.anls)
    assert_allclose(w, w_expected, rtol=1e-8, atol=1e-11)
    assert_allclose(h, h_expected, rtol=1e-8, atol=1e-11)
    assert report["solver"] == "anls"


@pytest.mark.parametrize("solver, update", [("hals", reference.hals), ("mu", reference.multiplicative)])
@pytest.mark.parametrize("scaling, w_scale, h_scale", [("none", 1, 1), ("sklearn", 20, 30)])
def test_penalties(orthant, x, start, solver, update, scaling, w_scale, h_scale):
    weights = ["--l1-w", 0.01, "--l2-w", 0.02, "--l1-h", 0.03, "--l2-h", 0.04, "--scaling", scaling]
    w, h, report = orthant.factors(*GIVEN, "--max-iterations", 5, "--solver", solver, *reference.STEPS, *weights)
    w_penalty = {"l1": 0.01 * w_scale, "l2": 0.02 * w_scale}
    h_penalty = {"l1": 0.03 * h_scale, "l2": 0.04 * h_scale}
    w_expected, h_expected = reference.iterate(x, *start, 5, update, w_penalty, h_penalty)
    assert_allclose(w, w_expected, rtol=1e-10, atol=1e-13)
    assert_allclose(h, h_expected, rtol=1e-10, atol=1e-13)
    penalty = sum(
        p["l1"] * f.sum() + p["l2"] / 2 * np.sum(f**2) for p, f in [(w_penalty, w), (h_penalty, h)]
    )
    assert_allclose(report["objective"], reference.loss(x, w, h) + penalty, rtol=1e-10)


@pytest.mark.parametrize("frozen", ["w", "h"])
def test_freeze_with_both_given(orthant, x, start, frozen):
    w, h, _ = orthant.factors(*GIVEN, "--max-iterations", 5, "--freeze", frozen, *reference.STEPS)
    w_expected, h_expected = reference.iterate(x, *start, 5, update_w=frozen != "w", update_h=frozen != "h")
    assert_allclose(w, w_expected, rtol=1e-10, atol=1e-13)
    assert_allclose(h, h_expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("frozen", ["w", "h"])
def test_freeze_with_one_given(orthant, x, start, frozen):
    common = ["x.npy", f"--{frozen}0", f"{frozen}0.npy", "--freeze", frozen, "--precision", "double", "--seed", 3]
    w_start, h_start, _ = orthant.factors(*common, "--max-iterations", 0)
    w, h, report = orthant.factors(*common, "--max-iterations", 5, "--tolerance", 0, *reference.STEPS)
    assert_array_equal(w if frozen == "w" else h, start[0] if frozen == "w" else start[1])
    w_expected, h_expected = reference.iterate(x, w_start, h_start, 5, update_w=frozen != "w", update_h=frozen != "h")
    assert_allclose(w, w_expected, rtol=1e-10, atol=1e-13)
    assert_allclose(h, h_expected, rtol=1e-10, atol=1e-13)
    assert report["options"]["init"] == "random" and report["rank"] == 4


def test_transform_solves_for_h(orthant, x, start):
    arguments = ["x.npy", "--transform", "w0.npy", "--precision", "double"]
    w, h, report = orthant.factors(*arguments, "--max-iterations", 2000, "--tolerance", 1e-12)
    assert_array_equal(w, start[0])
    gradient = w.T @ w @ h - w.T @ x
    assert np.all(h >= 0) and np.all(np.abs(np.minimum(h, gradient)) < 1e-4)
    assert report["rank"] == 4 and report["options"]["init"] is None
    assert_allclose(report["loss"], reference.loss(x, w, h), rtol=1e-10)


def test_transform_uses_the_penalty_of_h(orthant, x, start):
    arguments = ["x.npy", "--transform", "w0.npy", "--precision", "double", "--tolerance", 1e-12]
    w, h, _ = orthant.factors(*arguments, "--max-iterations", 2000, "--l1-h", 0.1, "--l2-h", 0.2)
    gradient = w.T @ w @ h - w.T @ x + 0.1 + 0.2 * h
    assert np.all(h >= 0) and np.all(np.abs(np.minimum(h, gradient)) < 1e-4)


@pytest.mark.parametrize("init", ["random", "nndsvd", "nndsvda", "nndsvdar"])
def test_starts(orthant, x, init):
    w, h, report = orthant.factors("x.npy", "--rank", 4, "--init", init, "--max-iterations", 0)
    assert report["options"]["init"] == init and w.shape == (30, 4) and h.shape == (4, 20)
    assert np.all(w >= 0) and np.all(h >= 0)
    zeros = np.sum(w == 0) + np.sum(h == 0)
    assert (zeros > 0) == (init == "nndsvd")
    if init == "nndsvda":  # in place of the zeros of nndsvd
        plain, _, _ = orthant.factors("x.npy", "--rank", 4, "--init", "nndsvd", "--max-iterations", 0)
        assert_allclose(w[plain == 0], np.sqrt(x.mean() / 4), rtol=1e-6)
    if init == "random":
        assert_allclose((w @ h).mean(), x.mean(), rtol=0.2)


def test_seed(orthant, x):
    def run(seed):
        return orthant.factors("x.npy", "--rank", 4, "--init", "random", "--max-iterations", 3, "--seed", seed)[0]

    assert_array_equal(run(7), run(7))
    assert not np.array_equal(run(7), run(8))
    assert not np.array_equal(run(2**64 - 1), run(8))


def test_rank_above_both_sides(orthant, x):
    w, h, _ = orthant.factors("x.npy", "--rank", 40, "--init", "random")
    assert w.shape == (30, 40) and h.shape == (40, 20) and np.isfinite(w).all() and np.isfinite(h).all()


def test_tolerance_stops_early_and_zero_never(orthant, x):
    loose = orthant.report("x.npy", "--rank", 4, "--tolerance", 1e-2, "--max-iterations", 500)
    tight = orthant.report("x.npy", "--rank", 4, "--tolerance", 1e-4, "--max-iterations", 500)
    never = orthant.report("x.npy", "--rank", 4, "--tolerance", 0, "--max-iterations", 500)
    assert loose["stop_reason"] == tight["stop_reason"] == "converged"
    assert loose["iterations"] < tight["iterations"] < never["iterations"] == 500
    assert never["stop_reason"] == "max_iterations"


def test_stopping_by_projected_gradient(orthant, x):
    arguments = ["x.npy", "--rank", 4, "--stopping", "projected-gradient", "--max-iterations", 20000]
    report = orthant.report(*arguments, "--tolerance", 1e-3, "--precision", "double")
    assert report["stop_reason"] == "converged" and 0 < report["kkt_residual"] < 2e-3


def test_check_every(orthant, x):
    report = orthant.report("x.npy", "--rank", 4, "--tolerance", 0, "--max-iterations", 20, "--check-every", 6)
    assert report["iteration_history"] == [0, 6, 12, 18, 20]
    assert len(report["loss_history"]) == 5
    assert report["loss_history"] == sorted(report["loss_history"], reverse=True)
    assert_allclose(report["loss_history"][-1], report["loss"], rtol=1e-4)


def test_precision(orthant, x):
    for name, dtype in [("float", np.float32), ("double", np.float64)]:
        w, h, report = orthant.factors("x.npy", "--rank", 4, "--precision", name)
        assert w.dtype == h.dtype == dtype and report["precision"] == name
    assert orthant.report("x.npy", "--rank", 4)["precision"] == "float"


def test_threads(orthant, x):
    one = orthant.factors("x.npy", "--rank", 4, "--threads", 1)
    three = orthant.factors("x.npy", "--rank", 4, "--threads", 3, "--deterministic")
    assert one[2]["threads"] == 1 and three[2]["threads"] == 3 and three[2]["options"]["deterministic"]
    assert_array_equal(one[0], three[0])
    assert_array_equal(one[1], three[1])


def test_dead_components_are_told(orthant, folder):
    np.save(folder / "x.npy", np.ones((6, 5)))
    w, h = np.ones((6, 2)), np.ones((2, 5))
    w[:, 1] = 0
    np.save(folder / "w0.npy", w)
    np.save(folder / "h0.npy", h)
    arguments = ["x.npy", "--w0", "w0.npy", "--h0", "h0.npy", "--solver", "mu"]
    assert orthant.report(*arguments)["dead_components"] == 1
    assert "1 dead component" in orthant("factorize", *arguments).stdout


def test_losses(orthant, x):
    """The loss that is asked for is what is reported, and falls; mu is the default where the loss has no hals."""
    for loss, solver in (("kullback-leibler", "hals"), ("itakura-saito", "mu"), ("beta=0.5", "mu")):
        report = orthant.report("x.npy", "--rank", 3, "--loss", loss)
        assert report["loss_function"] == report["options"]["loss"] == loss
        assert report["solver"] == solver and report["relative_error"] is None
        assert report["loss"] < report["loss_history"][0]
    assert f"mu for {loss}" in orthant("factorize", "x.npy", "--rank", 3, "--loss", loss).stdout
    assert "loss" in orthant("factorize", "x.npy", "--rank", 3, "--loss", loss).stderr


def test_zeros_that_a_loss_does_not_allow_are_named(orthant, folder):
    np.save(folder / "zero.npy", np.array([[1.0, 2.0], [3.0, 0.0]]))
    message = orthant.error("factorize", "zero.npy", "--rank", 1, "--loss", "itakura-saito", "--init", "random", code=1)
    assert "X(1, 1) is 0" in message and "beta > 0" in message
