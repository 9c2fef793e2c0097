"""The whole command on the CUDA backend, in the rig: real data, the same results as on the CPU."""

import json

import numpy as np
import pytest

DIGITS = "digits/digits.npy"
AUSTEN = "austen/austen.mtx.gz"


def test_info_names_the_device(orthant):
    cuda = json.loads(orthant("info", "--json").stdout)["backends"]["cuda"]
    assert cuda["available"] and cuda["device"]


@pytest.mark.parametrize("solver", ["hals", "mu", "anls"])
@pytest.mark.parametrize("start", [("--init", "random"), ("--init", "nndsvda")])
@pytest.mark.parametrize("x", [(DIGITS,), (AUSTEN, "--tfidf")], ids=["digits", "austen"])
def test_same_result_as_on_the_cpu(orthant, data, x, start, solver):
    options = (data / x[0], *x[1:], "--rank", 6, *start, "--solver", solver, "--max-iterations", 5, "--tolerance", 0)
    cpu = orthant.report(*options, "--device", "cpu")
    w, h, cuda = orthant.factors(*options, "--device", "cuda")
    assert (cpu["backend"], cuda["backend"]) == ("cpu", "cuda")
    assert cuda["loss"] == pytest.approx(cpu["loss"], rel=1e-4)
    assert cuda["kkt_residual"] == pytest.approx(cpu["kkt_residual"], rel=1e-2)
    assert np.isfinite(w).all() and (w >= 0).all() and np.isfinite(h).all() and (h >= 0).all()


def test_auto_takes_the_device(orthant, data):
    assert orthant.report(data / DIGITS, "--rank", 2, "--max-iterations", 1)["backend"] == "cuda"


def test_device_that_does_not_exist(orthant, data):
    message = orthant.error("factorize", data / DIGITS, "--rank", 2, "--device", "cuda:3", code=3)
    assert "device 3 does not exist" in message
