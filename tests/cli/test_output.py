"""What is written and printed, and that files are whole or not there."""

import json
import os
import resource
import subprocess

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import reference

KEYS = """loss objective relative_error rmse observed iterations stop_reason kkt_residual rows columns rank nonzeros
storage skipped_line skipped_column empty_rows empty_columns dead_components loss_function solver precision backend device fallback threads matrix_seconds seconds
initialization_seconds seconds_per_iteration loss_history iteration_history seconds_history options versions""".split()

FIT = ["factorize", "x.npy", "--rank", 3]


def test_every_key(orthant, x):
    w, h, report = orthant.factors("x.npy", "--rank", 3, "--precision", "double", "--max-iterations", 50)
    assert list(report) == KEYS
    assert_allclose(report["loss"], reference.loss(x, w, h), rtol=1e-9)
    assert_allclose(report["objective"], report["loss"])
    assert_allclose(report["relative_error"], reference.relative_error(x, w, h), rtol=1e-9)
    assert (report["rows"], report["columns"], report["rank"]) == (30, 20, 3)
    assert report["nonzeros"] == 600 and report["storage"] == "dense"
    assert (report["empty_rows"], report["empty_columns"], report["dead_components"]) == (0, 0, 0)
    assert report["solver"] == "hals" and report["precision"] == "double"
    assert report["backend"] == "cpu" and report["device"] and report["threads"] >= 1
    assert 0 < report["seconds_per_iteration"] * report["iterations"] <= report["seconds"]
    assert 0 < report["initialization_seconds"] <= report["seconds"]
    times = report["seconds_history"]
    assert len(times) == len(report["loss_history"]) and times == sorted(times) and times[0] == 0
    assert 0 < times[-1] <= report["seconds"] and report["matrix_seconds"] > 0
    assert report["iteration_history"][0] == 0 and report["iteration_history"][-1] == report["iterations"]
    assert 0 <= report["kkt_residual"] < 1
    info = json.loads(orthant("info", "--json").stdout)
    assert report["versions"] == info["versions"]


@pytest.mark.parametrize("more", [{"l1_w": 1.0, "l2_w": 2.0}, {"freeze": "w", "holdout": 0.5, "seed": 5}])
def test_options_hold_what_was_asked_for(orthant, x, start, more):
    (orthant.folder / "names.txt").write_text("x\n" * 20)
    asked = {
        "w0": "w0.npy", "h0": "h0.npy", "loss": "beta=1.5", "solver": "mu", "max_iterations": 7, "tolerance": 0.5,
        "stopping": "projected-gradient", "check_every": 2, "precision": "double",
        "l1_h": 3.0, "l2_h": 4.0, "scaling": "sklearn", "threads": 1, "device": "cpu", "output": "here",
        "column_names": "names.txt", "top": 2, **more,
    }  # fmt: skip
    arguments = [a for key, value in asked.items() for a in ("--" + key.replace("_", "-"), value)]
    options = orthant.report("x.npy", *arguments, "--deterministic")["options"]
    assert options == {
        "x": "x.npy", "rank": 4, "sweeps": "auto", "acceleration": "auto", "tfidf": False, "header": "auto", "missing": "none", "weights": None, "holdout": None,
        "l1_w": 0.0, "l2_w": 0.0, "seed": 0, "freeze": None, "init": "given", "transform": None,
        "math": "strict", "storage": "plain", "deterministic": True, "row_names": None, **asked,
    }  # fmt: skip


def test_files(orthant, folder, x):
    printed = orthant(*FIT, "--output", "deep/er", "--json", "--quiet").stdout
    assert sorted(os.listdir(folder / "deep/er")) == ["H.npy", "W.npy", "result.json"]
    assert json.loads((folder / "deep/er/result.json").read_text()) == json.loads(printed)
    for name, shape in [("W", (30, 3)), ("H", (3, 20))]:
        array = np.load(folder / f"deep/er/{name}.npy")
        assert array.shape == shape and array.dtype == np.float32 and array.flags.c_contiguous


def test_files_replace_older_ones(orthant, folder, x):
    orthant(*FIT, "--output", "out")
    (folder / "out/mine.txt").write_text("mine")
    before = np.load(folder / "out/W.npy")
    orthant(*FIT, "--output", "out", "--max-iterations", 0)
    assert not np.array_equal(before, np.load(folder / "out/W.npy"))
    assert (folder / "out/mine.txt").read_text() == "mine"
    assert len(os.listdir(folder / "out")) == 4


def test_names_of_files_may_be_any_bytes(orthant, folder, x):
    name = os.fsdecode(b"caf\xe9.npy")
    np.save(folder / name, x)
    told = orthant.report(name, "--rank", 2, "--output", os.fsdecode(b"d\xe9j\xe0"))["options"]
    assert told["x"] == "caf\ufffd.npy" and told["output"] == "d\ufffdj\ufffd"
    assert sorted(os.listdir(folder / os.fsdecode(b"d\xe9j\xe0"))) == ["H.npy", "W.npy", "result.json"]


def test_transform_of_the_written_w(orthant, folder, x):
    orthant(*FIT, "--output", "out", "--precision", "double")
    w = np.load(folder / "out/W.npy")
    again, h, _ = orthant.factors("x.npy", "--transform", "out/W.npy", "--precision", "double")
    assert_array_equal(w, again)
    assert h.shape == (3, 20)


def test_summary(orthant, folder, x):
    text = orthant(*FIT, "--output", "out").stdout
    report = json.loads((folder / "out/result.json").read_text())
    assert f"relative error {report['relative_error']:.6g}" in text
    assert f"after {report['iterations']} iterations" in text
    assert "30 x 20" in text and "rank 3" in text and report["device"] in text and "to out" in text


def test_without_output_nothing_is_written(orthant, folder, x):
    orthant(*FIT)
    assert os.listdir(folder) == ["x.npy"]


def test_quiet(orthant, x):
    done = orthant(*FIT, "--quiet", "--output", "out")
    assert done.stdout == done.stderr == ""


def test_json_is_alone_on_standard_output(orthant, x):
    done = orthant(*FIT, "--json")
    assert set(json.loads(done.stdout)) == set(KEYS)
    assert "iteration" in done.stderr


@pytest.mark.parametrize("blocked", ["file", "below_a_file"])
def test_output_that_cannot_be_made_is_told_before_the_fit(orthant, folder, x, blocked):
    (folder / "out").write_text("a file")
    message = orthant.error(*FIT, "--output", "out" if blocked == "file" else "out/in", code=1)
    assert "out" in message
    assert (folder / "out").read_text() == "a file"


def test_read_only_output(orthant, folder, x):
    (folder / "out").mkdir()
    (folder / "out").chmod(0o555)
    user = {} if os.geteuid() != 0 else {"user": 65534}
    if user:
        for path in [folder, *folder.parents]:  # that other user must get here
            if path.stat().st_uid == 0 and path.stat().st_mode & 0o777 == 0o700:
                path.chmod(0o711)
        (folder / "x.npy").chmod(0o644)
    done = orthant(*FIT, "--output", "out", "--quiet", code=1, **user)
    assert "out" in done.stderr and "Permission denied" in done.stderr
    assert os.listdir(folder / "out") == []


@pytest.mark.parametrize("first", ["W.npy", "H.npy"])
def test_full_disk_leaves_the_files_before(orthant, folder, first):
    """The first file that does not fit is W or H (the limit of the file size stands in for a full disk)."""
    shape = (3000, 20) if first == "W.npy" else (20, 3000)
    np.save(folder / "x.npy", np.random.default_rng(1).random(shape, np.float32))
    orthant(*FIT, "--output", "out", "--max-iterations", 0)
    read = lambda: {name: (folder / "out" / name).read_bytes() for name in os.listdir(folder / "out")}
    before = read()
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
    done = orthant(*FIT, "--output", "out", "--quiet", code=1, preexec_fn=limit)
    assert first in done.stderr and "File too large" in done.stderr, done.stderr
    assert read() == before


def test_killed_at_any_time_leaves_whole_files(orthant, folder):
    np.save(folder / "x.npy", np.random.default_rng(1).random((4000, 50), np.float32))
    arguments = ["factorize", "x.npy", "--rank", 40, "--output", "out", "--quiet", "--max-iterations", 1]
    import time

    started = time.monotonic()
    orthant(*arguments)
    whole = time.monotonic() - started
    for part in np.linspace(0.5, 1.1, 13):
        process = orthant.start(*arguments, stdout=subprocess.DEVNULL)
        time.sleep(part * whole)
        process.kill()
        process.wait()
        assert np.load(folder / "out/W.npy").shape == (4000, 40)
        assert np.load(folder / "out/H.npy").shape == (40, 50)
        json.loads((folder / "out/result.json").read_text())


def test_standard_output_that_is_full(orthant, x):
    with open("/dev/full", "w") as full:
        process = orthant.start(*FIT, "--json", "--quiet", stdout=full, stderr=subprocess.PIPE)
        message = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and "standard output" in message
