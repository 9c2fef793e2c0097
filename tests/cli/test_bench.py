"""orthant bench: rows, their figures, comparisons, predictions, and what wrong usage is told."""

import json
import pathlib
import re
import signal
import subprocess
import time

import pytest

QUICK = ("--iterations", 2, "--repeats", 2)
SIZES = [
    {"name": "dense", "rows": 60, "columns": 50, "rank": 4},
    {"name": "sparse", "rows": 300, "columns": 200, "nonzeros": 3000, "rank": 5, "degrees": "uniform"},
    {"rows": 40, "columns": 30, "content": "counts"},
]


@pytest.fixture
def sizes(folder):
    (folder / "sizes.json").write_text(json.dumps(SIZES))
    return ("--scale", "sizes.json", *QUICK)


@pytest.fixture
def bench(orthant):
    """What --json prints."""
    return lambda *arguments: json.loads(orthant("bench", *arguments, "--json").stdout)


def test_help_tells_every_option_key_and_workload(orthant, bench, sizes):
    text = orthant("bench", "--help").stdout
    report = bench(*sizes, "dense", "--explain", "--time-to", 0.1)
    for option in ("--" + key.replace("_", "-") for key in report["options"] if key != "workloads"):
        assert re.search(rf"^  {option}\b", text, re.M), option
    for key in report["results"][0]:
        assert re.search(rf"\b{key}\b", text), key
    known = orthant.error("bench", "D9", code=2).split("expected some of ")[1].split(" (see")[0].split(", ")
    assert {"D1", "D2", "D3", "F", "S1", "S2", "T", "newsgroups", "signatures21"} <= set(known)
    for workload in known:
        assert re.search(rf"\b{workload}\b", text), workload
    assert max(map(len, text.splitlines())) <= 120


def test_rows_are_every_combination_that_there_is(bench, sizes):
    rows = bench(*sizes)["results"]
    combinations = {(r["workload"], r["loss"], r["solver"]) for r in rows}
    with_zeros = {
        ("frobenius", "hals"),
        ("frobenius", "mu"),
        ("frobenius", "anls"),
        ("kullback-leibler", "hals"),
        ("kullback-leibler", "mu"),
    }
    dense = with_zeros | {("itakura-saito", "mu"), ("beta=0.5", "mu")}
    expected = {"dense": dense, "sparse": with_zeros, "3": with_zeros | {("beta=0.5", "mu")}}
    assert combinations == {(name, *pair) for name, pairs in expected.items() for pair in pairs}
    assert {(r["workload"], r["rank"], r["nonzeros"]) for r in rows} == {
        ("dense", 4, None),
        ("sparse", 5, 3000),
        ("3", 32, None),
    }


def test_figures_agree_with_each_other(bench, sizes):
    report = bench(*sizes, "sparse", "--rank", "3,8", "--explain")
    assert report["backend"] == "cpu" and report["device"] and report["threads"] >= 1
    assert report["driver"] is None  # which a CPU does not have
    assert report["simd"] and report["device"].strip("()").endswith(report["simd"])
    assert report["cpu"] is None or report["cpu"] in pathlib.Path("/proc/cpuinfo").read_text()
    limits = report["limits"]
    assert limits["multiply_add_gflops"] > 0 and limits["read_gbytes"] > 0 and len(limits["gathers"]) == 2
    assert set(report["versions"]) == {"orthant", "compiler", "openmp", "eigen", "highway"}
    assert report["options"]["rank"] == [3, 8] and report["options"]["repeats"] == 2
    for row in report["results"]:
        times = row["milliseconds"]
        assert len(times["repeats"]) == 2 and times["least"] == min(times["repeats"])
        assert times["median"] == pytest.approx(sum(times["repeats"]) / 2)
        assert row["seconds_per_iteration"] == pytest.approx(1e-3 * times["median"])
        least = 1e-3 * times["least"]
        assert row["flops"] == sum(p["flops"] for p in row["phases"])
        assert row["bytes"] == sum(p["bytes"] for p in row["phases"])
        assert row["gathers"] == 3000
        assert row["gflops"] == pytest.approx(row["flops"] / least / 1e9)
        assert row["gbytes"] == pytest.approx(row["bytes"] / least / 1e9)
        assert row["share_of_peak"] == pytest.approx(row["gflops"] / row["peak_gflops"])
        assert row["share_of_limit"] == pytest.approx(row["limit_milliseconds"] / times["least"])
        assert row["limit_by"] in ("flops", "bytes", "gathers")
        assert row["limit_milliseconds"] >= 0.999e3 * row["flops"] / (1e9 * row["peak_gflops"])
        assert row["peak_memory"] > 3000 * 8 + 500 * row["rank"] * 4
    hals = next(r for r in report["results"] if (r["rank"], r["loss"], r["solver"]) == (8, "frobenius", "hals"))
    assert hals["flops"] == 4 * 3000 * 8 + 4 * 64 * 500
    assert hals["bytes"] == 2 * 3000 * 8 + 2 * 500 * 8 * 4


def test_table_and_explanation(orthant, bench, sizes):
    text = orthant("bench", *sizes, "--loss", "frobenius", "--solver", "hals", "--explain").stdout
    assert re.search(r"^limits: multiply-adds .* GFLOP/s, reads .* GB/s, gathers .* M/s of", text, re.M)
    assert re.search(r"^dense +60 +50 +dense +4 frobenius +hals ", text, re.M)
    assert re.search(r"^sparse +300 +200 +3000 +5 frobenius +hals ", text, re.M)
    assert "    products of X with H and with W: 4 e k = 48000 flops; e s = 12000 bytes\n" in text
    assert "    gathers: e = 3000 columns of H and of W\n" in text


def test_named_workload_with_its_own_rank(orthant, bench):
    (row,) = bench("signatures2780", *QUICK)["results"]
    assert (row["workload"], row["rows"], row["columns"], row["rank"]) == ("signatures2780", 96, 2780, 21)
    assert (row["loss"], row["solver"], row["precision"]) == ("frobenius", "hals", "float")
    (row,) = bench("signatures21", *QUICK, "--loss", "beta=1.5", "--rank", 2, "--precision", "double")["results"]
    assert (row["rank"], row["loss"], row["solver"], row["precision"]) == (2, "beta=1.5", "mu", "double")


def test_time_to_a_loss_is_relative_to_the_best_of_all_solvers(bench, sizes):
    rows = bench(*sizes, "dense", "--loss", "frobenius", "--time-to", "10,0.01,0", "--until", 50)["results"]
    assert len(rows) == 3 and len({r["best_loss"] for r in rows}) == 1
    for row in rows:
        iterations = [reached["iterations"] for reached in row["time_to"]]
        assert [reached["share"] for reached in row["time_to"]] == [10, 0.01, 0]
        for reached in row["time_to"]:
            assert reached["loss"] == pytest.approx((1 + reached["share"]) * row["best_loss"])
            if reached["iterations"] is not None:
                assert reached["iterations"] <= 50
                assert reached["seconds"] == pytest.approx(reached["iterations"] * row["seconds_per_iteration"])
        reached = [i for i in iterations if i is not None]
        assert reached == sorted(reached)
    assert any(row["time_to"][-1]["iterations"] is not None for row in rows)


def test_sweeps_and_acceleration_are_rows(orthant, bench, sizes):
    arguments = ("--scale", "sizes.json", "dense", "--loss", "frobenius", "--iterations", 1, "--repeats", 1)
    ways = ("--solver", "hals,mu", "--sweeps", "1,3,auto", "--acceleration", "none,extrapolation")
    report = bench(*arguments, *ways, "--time-to", 0, "--until", 5)
    rows = {(r["solver"], r["sweeps"], r["acceleration"]): r for r in report["results"]}
    assert len(rows) == 12 and len({r["best_loss"] for r in rows.values()}) == 1
    # floor(1 + a (60 50 + 4 c) / (4 (f + 1))) with a = 1/2, or 2 for mu: f = 60 columns for W, 50 for H
    for solver, auto in (("hals", (7, 8)), ("mu", (27, 32))):
        for acceleration in ("none", "extrapolation"):
            for sweeps, (w, h) in ((1, (1, 1)), (3, (3, 3)), ("auto", auto)):
                row = rows[solver, sweeps, acceleration]
                assert (row["w_sweeps"], row["h_sweeps"]) == (w, h)
                more = 2 * 16 * (60 * (w - 1) + 50 * (h - 1))
                assert row["flops"] == rows[solver, 1, acceleration]["flops"] + more
    extra = 2 * 50 * 4 + 2 * 16 * 51 + 3 * 110 * 4
    assert rows["hals", 1, "extrapolation"]["flops"] == rows["hals", 1, "none"]["flops"] + extra
    assert rows["hals", 1, "extrapolation"]["peak_memory"] >= rows["hals", 1, "none"]["peak_memory"] + 110 * 4 * 4
    ways = ("--solver", "hals", "--sweeps", "auto", "--acceleration", "extrapolation")
    text = orthant("bench", *arguments, *ways).stdout
    assert re.search(r"^dense +60 +50 +dense +4 frobenius +hals +auto 7, 8 +extrapolation ", text, re.M)


def test_sweeps_and_acceleration_that_do_not_exist_are_told(orthant, sizes):
    done = orthant("bench", *sizes, "3", "--loss", "beta=0.5", "--sweeps", "1,2", "--rank", 2, "--json")
    assert [r["sweeps"] for r in json.loads(done.stdout)["results"]] == [1]
    assert "left out: 3, rank 2, beta=0.5, mu: --sweeps is 2, expected 1, or auto: more are for hals, and for mu" in done.stderr
    arguments = ("--loss", "frobenius,kullback-leibler", "--acceleration", "extrapolation", "--rank", 2, "--json")
    done = orthant("bench", *sizes, "3", *arguments)
    rows = json.loads(done.stdout)["results"]
    assert {(r["loss"], r["acceleration"]) for r in rows} == {("frobenius", "extrapolation")}
    assert "kullback-leibler, hals: --acceleration is extrapolation, expected auto or none" in done.stderr
    message = orthant.error("bench", "D3", "--solver", "anls", "--sweeps", 2, code=2)
    assert "no row is left: D3, rank 16, frobenius, anls: --sweeps is 2, expected 1" in message


def test_fits_are_shorter_where_time_is_short(bench, sizes):
    arguments = ("--scale", "sizes.json", "dense", "--solver", "hals", "--loss", "frobenius", "--iterations", 1000)
    assert bench(*arguments, "--seconds", 0)["results"][0]["iterations"] == 1
    assert bench(*arguments, "--seconds", 10_000)["results"][0]["iterations"] == 1000


def test_what_does_not_exist_is_told_if_it_was_asked_for(orthant, sizes):
    done = orthant("bench", *sizes, "--loss", "itakura-saito,kullback-leibler", "--solver", "mu,anls", "--json")
    rows = {(r["workload"], r["loss"], r["solver"]) for r in json.loads(done.stdout)["results"]}
    assert rows == {("dense", "itakura-saito", "mu")} | {(w, "kullback-leibler", "mu") for w in ("dense", "sparse", "3")}
    assert "left out: sparse, rank 5, itakura-saito, mu: X has zeros" in done.stderr
    assert "left out: dense, rank 4, kullback-leibler, anls: --solver is anls, expected hals or mu" in done.stderr
    message = orthant.error("bench", *sizes, "sparse", "--loss", "itakura-saito", code=2)
    assert "no row is left: sparse, rank 5, itakura-saito, hals: X has zeros" in message


def test_without_a_device_the_cpu_is_measured_and_that_is_said(orthant, sizes):
    if json.loads(orthant("info", "--json").stdout)["backends"]["cuda"]["available"]:
        pytest.skip("CUDA can be used here")
    done = orthant("bench", *sizes, "dense", "--solver", "hals", "--device", "cuda", "--json")
    report = json.loads(done.stdout)
    assert (report["backend"], report["options"]["device"]) == ("cpu", "cuda:0")
    assert "the cuda backend is not available" in done.stderr and "the CPU is measured instead" in done.stderr
    assert "the cuda backend is not available" in report["fallback"]


def test_prediction_is_labelled_and_measures_nothing(orthant, bench):
    text = orthant("bench", "D1", "S1", "--model", "h100").stdout
    assert text.startswith("PREDICTED for NVIDIA H100 SXM from published peaks (3350 GB/s, 67000 GFLOP/s); nothing was")
    assert "predicted ms" in text and "GFLOP/s " not in text.splitlines()[1]
    report = bench("D1", "--model", "a100")
    (row,) = report["results"]
    assert report["prediction_for"] == "NVIDIA A100 80GB SXM" and "limits" not in report
    assert "seconds_per_iteration" not in row and "milliseconds" not in row
    assert row["predicted_seconds_per_iteration"] >= row["bytes"] / 2.039e12


def run_of(times, **changes):
    row = {"workload": "D1", "rows": 5, "columns": 4, "rank": 2, "loss": "frobenius", "solver": "hals", "sweeps": 1}
    row |= {"nonzeros": None, "acceleration": "none", "precision": "float"}
    median = sorted(times)[len(times) // 2]
    row["milliseconds"] = {"least": min(times), "median": median, "repeats": times}
    return {"device": "some", "threads": 2, "results": [row | changes]}


def compare(orthant, folder, a, b):
    (folder / "a.json").write_text(json.dumps(a))
    (folder / "b.json").write_text(json.dumps(b))
    return orthant("bench", "compare", "a.json", "b.json").stdout


@pytest.mark.parametrize(
    "a, b, verdict",
    [
        ([10, 10.1, 10.2], [5, 5.1, 5.2], "B is faster"),
        ([5, 5.1, 5.2], [10, 10.1, 10.2], "B is slower"),
        ([10, 10.1, 10.2], [9.95, 10.05, 10.1], "within noise"),
        ([10, 10.05, 10.1], [9.7, 9.75, 9.8], "B is faster"),
        ([10, 13, 14], [8, 8.1, 8.2], "within noise"),  # a spread of 30 %
        ([10, 10.1, 10.2], [5, 10.1, 10.2], "within noise"),  # least and median disagree
        ([10], [5], "one repeat"),
    ],
)
def test_verdict(orthant, folder, a, b, verdict):
    text = compare(orthant, folder, run_of(a), run_of(b))
    ratio = f"{sorted(a)[len(a) // 2] / sorted(b)[len(b) // 2]:.4g}"
    assert re.search(rf"^D1 +2 frobenius +hals +float .* {ratio} .* {verdict}$", text, re.M), text


def test_compare_what_was_measured(orthant, folder, sizes):
    orthant("bench", *sizes, "--json", "a.json", "--loss", "frobenius")
    orthant("bench", *sizes, "dense", "--json", "b.json")
    text = orthant("bench", "compare", "a.json", "b.json").stdout
    assert len(re.findall(r"^dense +4 frobenius +(?:hals|mu|anls)", text, re.M)) == 3
    assert "rows in one of the files only: 6 of A, 4 of B" in text  # of other workloads, of other losses
    assert re.match(r"A: a.json, .* threads\nB: b.json, ", text)
    assert "not measured alike" not in text  # other rows were asked for, nothing else


def test_compare_gives_each_row_one_partner(orthant, folder):
    twice = run_of([1, 2])
    twice["results"] *= 2
    text = compare(orthant, folder, twice, run_of([1, 2]))
    assert len(re.findall("^D1 ", text, re.M)) == 1 and "rows in one of the files only: 1 of A, 0 of B" in text
    text = compare(orthant, folder, run_of([1, 2]), twice)
    assert len(re.findall("^D1 ", text, re.M)) == 1 and "rows in one of the files only: 0 of A, 1 of B" in text
    text = compare(orthant, folder, twice, twice)
    assert len(re.findall("^D1 ", text, re.M)) == 2 and "only" not in text


def test_compare_tells_what_differs_beside_the_rows(orthant, folder):
    a, b = run_of([1, 2]), run_of([1, 2])
    a |= {"options": {"iterations": 10, "rank": [2], "device": "cpu"}, "versions": {"orthant": "1", "compiler": "gcc 12"}}
    b |= {"options": {"iterations": 20, "rank": None, "device": "auto"}, "versions": {"orthant": "2", "compiler": "gcc 13"}}
    b |= {"threads": 4, "device": "other", "cpu": "a CPU"}
    text = compare(orthant, folder, a, b)
    assert text.endswith(
        """WARNING: A and B were not measured alike, and ratios tell of that too:
  --iterations: 10 and 20
  compiler: gcc 12 and gcc 13
  cpu: not told and a CPU
  device: some and other
  threads: 2 and 4
"""
    )


@pytest.mark.parametrize("key", ["device", "cpu", "threads", "options", "versions"])
def test_compare_survives_what_is_nested(orthant, folder, key):
    deep = "[" * 200000 + "]" * 200000
    (folder / "a.json").write_text(json.dumps(run_of([1, 2], **{key: 0}))[:-1] + f', "{key}": {deep}}}')
    (folder / "b.json").write_text(json.dumps(run_of([1, 2])))
    if key in ("options", "versions"):
        assert f"a.json: {key}: expected an object" in orthant.error("bench", "compare", "a.json", "b.json", code=1)
    else:
        assert "an array" in orthant("bench", "compare", "a.json", "b.json").stdout


def test_compare_shows_sweeps_and_acceleration_where_there_are_some(orthant, folder):
    row = {"sweeps": "auto", "acceleration": "extrapolation"}
    text = compare(orthant, folder, run_of([1, 2], **row), run_of([1, 2], **row))
    assert re.search(r"^workload +rank loss +solver +sweeps acceleration +precision ", text, re.M)
    assert re.search(r"^D1 +2 frobenius +hals +auto extrapolation +float ", text, re.M)
    for change in ({"sweeps": 2}, {"acceleration": "extrapolation"}, {"nonzeros": 3}):
        (folder / "b.json").write_text(json.dumps(run_of([1, 2], **change)))
        (folder / "a.json").write_text(json.dumps(run_of([1, 2])))
        assert "have no row in common" in orthant.error("bench", "compare", "a.json", "b.json", code=1)


@pytest.mark.parametrize(
    "text, message",
    [
        ("[{", "s.json:1:3: this is not JSON"),
        ('[{"rows": 3,\n  "columns" 4}]', "s.json:2:13: this is not JSON"),
        ('[{"rows": 1e999}]', "s.json: a number is too large, expected those of double"),
        ("{}", "s.json: expected a list of workloads"),
        ("[]", "s.json: expected a list of workloads"),
        ("[3]", "s.json: workload 1 is 3, expected an object"),
        pytest.param("[" * 200000 + "]" * 200000, "s.json: workload 1 is an array, expected an object", id="deep"),
        pytest.param(f'[{{"rows": "{"3" * 99}"}}]', f'rows is "{"3" * 60}" and so on, expected an integer', id="long"),
        ('[{"rows": 3, "columns": 4}, {"rows": 3}]', "s.json: workload 2 has no 'columns'"),
        ('[{"rows": 0, "columns": 4}]', "s.json: workload 1: rows is 0, expected an integer from 1"),
        ('[{"rows": 3.5, "columns": 4}]', "s.json: workload 1: rows is 3.5, expected an integer from 1"),
        ('[{"rows": 3, "columns": "4"}]', 's.json: workload 1: columns is "4", expected an integer'),
        ('[{"rows": 3, "columns": 4, "nonzeros": 13}]', "nonzeros is 13, expected an integer from 0 to 12"),
        ('[{"rows": 3, "columns": 4, "rank": 0}]', "workload 1: rank is 0, expected an integer from 1"),
        ('[{"rows": 3, "colums": 4}]', "workload 1 has 'colums', expected name, rows, columns"),
        ('[{"rows": 3, "columns": 4, "name": 7}]', "workload 1: name is 7, expected a text"),
        ('[{"rows": 3, "columns": 4, "name": "2"}, {"rows": 5, "columns": 6}]', "s.json: workloads 1 and 2 are both named '2'"),
        ('[{"rows": 3, "columns": 4, "nonzeros": 5, "degrees": "zipf"}]', 'degrees is "zipf", expected "power-law" or'),
        ('[{"rows": 3, "columns": 4, "degrees": "uniform"}]', "degrees is \"uniform\", expected it together with nonz"),
        ('[{"rows": 3, "columns": 4, "nonzeros": 5, "content": "parts"}]', "expected it for dense X only"),
    ],
)
def test_malformed_sizes(orthant, folder, text, message):
    (folder / "s.json").write_text(text)
    assert message in orthant.error("bench", "--scale", "s.json", code=1)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"milliseconds": None}, "b.json: results[0].milliseconds: expected least, median and repeats"),
        ({"milliseconds": {"least": 1, "median": 2}}, "b.json: results[0].milliseconds.repeats: expected a list"),
        ({"milliseconds": {"least": 0, "median": 2, "repeats": [1]}}, "b.json: results[0].milliseconds.least: expected a"),
        ({"rank": None}, "b.json: results[0].rank: expected a text or an integer"),
        ({"predicted_seconds_per_iteration": 1}, "b.json: results[0]: expected a time that was measured"),
        ({"workload": "D2"}, "a.json and b.json have no row in common"),
    ],
)
def test_files_that_cannot_be_compared(orthant, folder, change, message):
    (folder / "a.json").write_text(json.dumps(run_of([1, 2])))
    (folder / "b.json").write_text(json.dumps(run_of([1, 2], **change)))
    assert message in orthant.error("bench", "compare", "a.json", "b.json", code=1)


def test_file_that_is_no_run(orthant, folder):
    (folder / "a.json").write_text("[1]")
    assert "a.json: results: expected a list" in orthant.error("bench", "compare", "a.json", "a.json", code=1)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--scle", "small"], "unknown option --scle, did you mean --scale? (see orthant bench --help)"),
        (["--scale", "huge"], "--scale is 'huge', expected small, medium, large or a file FILE.json"),
        (["--scale", "small", "D1"], "there is no workload 'D1', expected some of tall, square, wide, uniform, power-law"),
        (["D1", "--rank", "8,x"], "--rank is 'x', expected an integer from 1"),
        (["D1", "--rank", "8,"], "--rank is '8,', expected values between commas"),
        (["D1", "--loss", "frobenius,kl"], "--loss is 'kl', expected frobenius"),
        (["D1", "--solver", "hals,als"], "--solver is 'als', expected one of mu, hals, anls"),
        (["D1", "--sweeps", "1,0"], "--sweeps is '0', expected an integer from 1, or auto"),
        (["D1", "--acceleration", "momentum"], "--acceleration is 'momentum', expected one of auto, none, extrapolation"),
        (["D1", "--model", "v100"], "--model is 'v100', expected one of h100, h200, a100, rtx4090"),
        (["D1", "--time-to", "-1"], "--time-to is '-1', expected a finite number >= 0"),
        (["D1", "--traffic"], "--traffic counts in the rig: ORTHANT_CUDA_MODULE must name the module of the build 'traf"),
        (["D1", "--model", "h100", "--time-to", 0.1], "--time-to does nothing with --model, which measures nothing"),
        (["D1", "--model", "h100", "--repeats", 2], "--repeats does nothing with --model"),
        (["D1", "--model", "h100", "--device", "cpu"], "--device does nothing with --model"),
        (["D1", "--model", "h100", "--threads", 2], "--threads does nothing with --model"),
        (["D1", "--model", "h100", "--iterations", 2], "--iterations does nothing with --model"),
        (["D1", "--traffic", "--seconds", 2], "--seconds does nothing with --traffic"),
        (["D1", "--iterations", 2**31 - 1], "--iterations is '2147483647', expected an integer from 1 to 1000000000"),
        (["D1", "--until", 20], "--until does nothing without --time-to"),
        (["D1", "compare", "a.json", "b.json"], "WORKLOAD does nothing with compare"),
        (["--rank", 3, "compare", "a.json", "b.json"], "--rank does nothing with compare"),
        (["--json", "D1"], "--json is followed by the workload D1: name workloads first"),
        (["compare", "a.json"], "B is required (see orthant bench compare --help)"),
        (["compare", "a.json", "b.json", "--noise", 3], "unknown option --noise (see orthant bench compare --help)"),
    ],
)
def test_wrong_usage(orthant, arguments, message):
    assert message in orthant.error("bench", *arguments, code=2)


def test_file_that_cannot_be_written_is_known_before_measuring(orthant, folder):
    (folder / "file").write_text("")
    message = orthant.error("bench", "--scale", "medium", "--json", "file/out.json", code=1)
    assert "file: the folder cannot be made" in message or "file: no file can be made there" in message


@pytest.mark.parametrize("path", ["there", "there/", "not/there/"])
def test_a_folder_is_no_file(orthant, folder, path):
    (folder / "there").mkdir()
    message = orthant.error("bench", "--scale", "medium", "--json", path, code=2)
    assert message.startswith(f"--json is '{path}', a folder, expected a file")


def test_what_is_measured_before_a_signal_is_kept(orthant, folder, sizes):
    """Many rows; the file is there after the first ones."""
    slow = ("dense", "--rank", ",".join(map(str, range(1, 90))), "--solver", "hals", "--loss", "frobenius")
    how = ("--threads", 1, "--repeats", 1, "--iterations", 3000, "--seconds", 100)
    arguments = (*sizes[:2], *slow, *how, "--json", "out.json")
    process = orthant.start("bench", *arguments, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (folder / "out.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == -signal.SIGINT
    report = json.loads((folder / "out.json").read_text())
    assert 1 <= len(report["results"]) < 89 and report["options"]["repeats"] == 1


def test_json_into_a_pipe_is_one_document(orthant, folder, sizes):
    line = '"$0" bench --scale sizes.json dense --iterations 1 --repeats 1 --json >(cat >&2)'
    done = subprocess.run(["bash", "-c", line, orthant.path], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and len(json.loads(done.stderr)["results"]) > 3


def test_large_is_what_memory_holds(orthant, bench):
    rows = bench("--scale", "large", "--model", "h100", "--rank", 8)["results"]
    assert {r["workload"] for r in rows} == {"tall", "square", "wide", "uniform", "power-law"}
    medium = bench("--scale", "medium", "--model", "h100", "--rank", 8)["results"]
    size = lambda rows: sum(r["nonzeros"] or r["rows"] * r["columns"] for r in rows)
    assert size(rows) > size(medium)
