"""The whole command on the CUDA backend, in the rig: real data, the same results as on the CPU."""

import json
import re

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


# Digits are integers to 16, which no storage changes.
@pytest.mark.parametrize("storage", ["uint8", "fp16", "bf16"])
def test_narrow_storage_of_what_fits_changes_nothing(orthant, data, storage):
    options = (data / DIGITS, "--rank", 4, "--init", "random", "--max-iterations", 3, "--device", "cuda")
    plain, narrow = orthant.report(*options), orthant.report(*options, "--storage", storage)
    assert narrow["loss"] == pytest.approx(plain["loss"], rel=1e-4)
    assert narrow["options"]["storage"] == storage


def test_storage_refuses_what_it_cannot_keep(orthant, data, folder):
    x = np.load(data / DIGITS)[:20].astype(np.float32)
    x[3, 5] = 0.5
    np.save(folder / "x.npy", x)
    options = ("--rank", 2, "--init", "random", "--device", "cuda", "--storage", "uint8")
    assert "X(3, 5)" in orthant("factorize", "x.npy", *options, code=1).stderr
    assert "--storage is uint8, expected plain for sparse X" in orthant("factorize", data / AUSTEN, *options, code=2).stderr


@pytest.mark.parametrize("loss, solver", [("frobenius", "hals"), ("kullback-leibler", "mu")])
@pytest.mark.parametrize("math, rounding", [("tf32", 2**-11), ("bf16", 2**-8)])
def test_math_modes_round_products(orthant, data, loss, solver, math, rounding):
    options = (data / DIGITS, "--rank", 4, "--init", "random", "--loss", loss, "--solver", solver)
    options += ("--max-iterations", 3, "--tolerance", 0, "--device", "cuda")
    strict, rounded = orthant.report(*options), orthant.report(*options, "--math", math)
    assert rounded["loss"] != strict["loss"]
    assert rounded["loss"] == pytest.approx(strict["loss"], rel=4 * rounding)
    assert rounded["options"]["math"] == math


def test_math_is_for_dense_x(orthant, data):
    message = orthant("factorize", data / AUSTEN, "--rank", 2, "--device", "cuda", "--math", "tf32", code=2).stderr
    assert "--math is for dense X, and does nothing with" in message


def test_auto_takes_the_device(orthant, data):
    assert orthant.report(data / DIGITS, "--rank", 2, "--max-iterations", 1)["backend"] == "cuda"


def test_bench_measures_the_device_and_its_limits(orthant, folder):
    sizes = [
        {"name": "dense", "rows": 60, "columns": 50, "rank": 4},
        {"name": "sparse", "rows": 90, "columns": 80, "nonzeros": 900, "rank": 5},
    ]
    (folder / "sizes.json").write_text(json.dumps(sizes))
    options = ("--scale", "sizes.json", "--iterations", 2, "--repeats", 1, "--device", "cuda", "--time-to", 0.1)
    report = json.loads(orthant("bench", *options, "--until", 5, "--json").stdout)
    assert report["backend"] == "cuda" and report["device"]
    assert {"cuda_driver", "cuda_runtime", "cublas", "cusparse"} <= set(report["versions"]) and report["simd"]
    assert all(re.fullmatch(r"\d+(\.\d+)+", report["versions"][v]) for v in ("cuda_driver", "cublas", "cusparse"))
    assert report["limits"]["gemm_gflops"] > 0 and report["limits"]["copy_gbytes"] > 0
    assert [(r["workload"], r["loss"], r["solver"]) for r in report["results"]] == [
        ("dense", "frobenius", "hals"),
        ("dense", "frobenius", "mu"),
        ("dense", "frobenius", "anls"),
        ("dense", "kullback-leibler", "hals"),
        ("dense", "kullback-leibler", "mu"),
        ("dense", "itakura-saito", "mu"),
        ("dense", "beta=0.5", "mu"),
        ("sparse", "frobenius", "hals"),
        ("sparse", "frobenius", "mu"),
        ("sparse", "frobenius", "anls"),
        ("sparse", "kullback-leibler", "hals"),
        ("sparse", "kullback-leibler", "mu"),
    ]
    for row in report["results"]:
        assert row["seconds_per_iteration"] > 0 and row["share_of_limit"] > 0 and row["limit_by"] in ("flops", "bytes")
    on_cpu = json.loads(orthant("bench", *options[:-4], "--time-to", 0.1, "--until", 5, "--json").stdout)
    for here, there in zip(report["results"], on_cpu["results"], strict=True):
        assert here["best_loss"] == pytest.approx(there["best_loss"], rel=1e-3)  # the same X, start and fit


def test_device_that_does_not_exist(orthant, data):
    message = orthant.error("factorize", data / DIGITS, "--rank", 2, "--device", "cuda:3", code=3)
    assert "device 3 does not exist" in message
