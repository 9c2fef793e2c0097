"""The programs of bench/ beside `orthant bench`: they run, and print what they should."""

import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import scipy.io

ROOT = pathlib.Path(__file__).resolve().parents[2]


def script(name):
    """A program of bench/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"bench/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(folder, *command, **keywords):
    return subprocess.run(
        [*map(str, command)], cwd=folder, capture_output=True, text=True, timeout=300, check=True, **keywords
    ).stdout


@pytest.mark.parametrize("order", ["row", "column", "random"])
def test_make_mtx(folder, orthant, order):
    sizes = ("--rows", 300, "--columns", 80, "--entries", 4000, "--order", order)
    run(folder, sys.executable, ROOT / "bench/make_mtx.py", "x.mtx", *sizes)
    x = scipy.io.mmread(folder / "x.mtx")
    assert x.shape == (300, 80) and 1000 < x.nnz < 4000 and x.data.min() > 0
    rows, columns = x.coords
    by_row, by_column = rows.astype(np.int64) * 80 + columns, columns.astype(np.int64) * 300 + rows
    assert len(set(by_row)) == x.nnz
    assert [bool((np.diff(place) > 0).all()) for place in (by_row, by_column)] == [order == "row", order == "column"]
    degrees = np.sort(np.bincount(columns, minlength=80))
    assert degrees[-8:].sum() > 0.3 * x.nnz  # a tenth of the columns
    assert orthant.report("x.mtx", "--rank", 2, "--max-iterations", 1)["rows"] == 300


def test_acceleration_of_given_data(folder, request):
    command = pathlib.Path(request.config.getoption("--command")).resolve()
    few = ("--seeds", 1, "--scale", 0.02, "digits")
    one = {**os.environ, "OMP_NUM_THREADS": "1"}
    printed = run(folder, sys.executable, ROOT / "bench/acceleration.py", command, *few, env=one)
    titles, _, *rows = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in printed.splitlines()]
    assert titles[2:] == [f"{way} {sweeps}" for way in ("none", "extrapolation") for sweeps in (1, 2, "auto")]
    digits, *means = rows
    assert digits[:2] == ["digits", "16"]
    assert all(re.fullmatch(r"(> )?\d+, (> )?[\d.e+-]+ ms \([01]/1\)", cell) for cell in digits[2:]), digits
    assert any(cell.endswith("(1/1)") for cell in digits[2:])  # whoever found the best loss
    assert len(means) == 2 and all(row[2] == "1.00" and all(float(cell) > 0 for cell in row[2:]) for row in means)


def test_acceleration_has_its_data(folder):
    sets = script("acceleration").data_sets(folder)
    shapes = {"moffett": (159, 2500), "raman": (2478, 151), "swimmer": (1024, 256), "fashion": (2000, 784)}
    for name, shape in shapes.items():
        x = np.load(sets[name][0]())
        assert x.shape == shape and x.dtype == np.float32 and (x >= 0).all()
    assert sets["austen"][0].exists() and sets["digits"][0].exists()


# Milliseconds of one build and of the other, in turn.
@pytest.mark.parametrize(
    "base, head, entries, verdict",
    [
        ([10, 10.1], [12, 12.1], (5, 5), "+20.0 %   slower (1 %)"),
        ([10, 10.1], [8, 8.1], (5, 5), "-20.0 %   faster (1 %)"),
        ([10, 13], [12, 12.1], (5, 5), "+20.0 %   within the noise (30 %)"),
        ([10, 10.1], [12, 12.1], (5, 6), "+20.0 %   of different X (1 %)"),
    ],
)
def test_regress_calls_it_what_it_is(monkeypatch, capsys, base, head, entries, verdict):
    regress = script("regress")
    seen = [turn for pair in zip(zip(base, [entries[0]] * 2), zip(head, [entries[1]] * 2)) for turn in pair]
    asked = []
    monkeypatch.setattr(regress, "milliseconds", lambda command, *_: asked.append(command) or seen.pop(0))
    regress.time(["base", "head"], "D3", 2, 1)
    assert asked == ["base", "head"] * 2
    assert capsys.readouterr().out.rstrip().endswith(verdict)


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind, which counts instructions, is not installed")
def test_regress_of_a_build_with_itself(folder, request, monkeypatch, capsys):
    for build in ("base", "head"):
        (folder / build / "build/release").mkdir(parents=True)
        command = pathlib.Path(request.config.getoption("--command")).resolve()
        (folder / build / "build/release/orthant").symlink_to(command)
    np.save(folder / "x.npy", np.random.default_rng(1).random((300, 200), dtype=np.float32))
    regress = script("regress")
    monkeypatch.setattr(regress, "COUNTED", [("small", folder / "x.npy", ["--rank", "8"])])
    arguments = ["--workloads", "signatures21", "--rounds", "1", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["regress.py", str(folder / "base"), str(folder / "head"), *arguments])
    regress.main()
    _, _, timed, counts, counted = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"signatures21 +[\d.]+ +[\d.]+ +[+-][\d.]+ %   (slower|faster|within the noise) \(0 %\)", timed)
    assert re.match(r"million instructions per iteration \(.*, 1 thread\)", counts)
    base, head, change = re.fullmatch(r"small +([\d.]+) +([\d.]+) +([+-][\d.]+) %", counted).groups()
    assert 0.1 < float(base) < 10 and abs(float(change)) < 5  # of Highway's start, as regress.py tells


def test_regress_builds_both_commits(folder):
    """In a repository of two commits, whose command is a text and whose regress.py tells what it is given."""
    (folder / "bench").mkdir(), (folder / ".ci").mkdir()
    shutil.copy(ROOT / "bench/regress.sh", folder / "bench")
    (folder / ".ci/packages.sh").write_text("#!/bin/bash\n")
    (folder / ".ci/packages.sh").chmod(0o755)
    (folder / "bench/regress.py").write_text(
        "import pathlib, sys\n"
        "print(*((pathlib.Path(build) / 'build/release/orthant').read_text() for build in sys.argv[1:3]), *sys.argv[3:])\n"
    )
    preset = {"name": "release", "generator": "Ninja", "binaryDir": "${sourceDir}/build/release"}
    (folder / "CMakePresets.json").write_text(json.dumps({"version": 3, "configurePresets": [preset]}))
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\n"
        "project(two NONE)\n"
        "set(unused ${ORTHANT_TESTS} ${ORTHANT_BENCH} ${ORTHANT_CUDA})\n"
        "configure_file(command orthant COPYONLY)\n"
        "add_custom_target(orthant_command)\n"
    )
    me = {"NAME": "me", "EMAIL": "me@localhost"}
    variables = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in me.items()}
    environment = {**os.environ, **variables, "GIT_CONFIG_GLOBAL": os.devnull}
    for key in [key for key in environment if key in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")]:
        del environment[key]
    run(folder, "git", "init", "--quiet", env=environment)
    for text in ("first", "second"):
        (folder / "command").write_text(text)
        run(folder, "git", "add", ".", env=environment)
        run(folder, "git", "commit", "--quiet", "--message", text, env=environment)
    printed = run(folder, "bash", "bench/regress.sh", "HEAD~", "--rounds", 3, env=environment)
    assert printed.splitlines()[-1] == "first second --rounds 3"
    done = subprocess.run(["bash", "bench/regress.sh"], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode != 0 and "usage: regress.sh BASE" in done.stderr
