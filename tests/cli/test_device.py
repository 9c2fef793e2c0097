"""--device where there is a GPU that cannot be used."""

import json
import os
import pathlib

import pytest

WHY = "cudaSetDevice failed: cudaErrorDevicesUnavailable"


@pytest.fixture
def broken(orthant):
    module = pathlib.Path(orthant.path).parent / "tests/cli/liborthant_broken_module.so"
    if not module.exists():
        pytest.skip(f"{module} has not been built")
    return {**os.environ, "ORTHANT_CUDA_MODULE": str(module)}


def test_auto_takes_the_cpu_and_says_why(orthant, x, broken):
    report = orthant.report("x.npy", "--rank", 2, env=broken)
    assert report["backend"] == "cpu" and report["fallback"].startswith(WHY)
    assert orthant.report("x.npy", "--rank", 2, "--device", "cpu", env=broken)["fallback"] is None
    assert f"orthant: warning: {WHY}" in orthant("factorize", "x.npy", "--rank", 2, env=broken).stderr
    assert orthant("factorize", "x.npy", "--rank", 2, "--quiet", env=broken).stderr == ""


def test_what_is_asked_for_fails(orthant, x, broken):
    done = orthant("factorize", "x.npy", "--rank", 2, "--device", "cuda", code=6, env=broken)
    assert WHY in done.stderr


def test_info_tells_the_reason(orthant, broken):
    cuda = json.loads(orthant("info", "--json", env=broken).stdout)["backends"]["cuda"]
    assert not cuda["available"] and cuda["reason"].startswith(WHY)
    assert WHY in orthant("info", env=broken).stdout


def test_bench_says_that_it_measures_the_cpu_instead(orthant, broken):
    arguments = ("bench", "signatures21", "--iterations", 1, "--repeats", 1, "--json", "--device")
    done = orthant(*arguments, "auto", env=broken)
    report = json.loads(done.stdout)
    assert report["backend"] == "cpu" and report["fallback"].startswith(WHY)
    assert f"orthant: {WHY}" in done.stderr and "the CPU is measured instead" in done.stderr
    assert json.loads(orthant(*arguments, "cpu", env=broken).stdout)["fallback"] is None
    assert WHY in orthant(*arguments, "cuda", code=6, env=broken).stderr
