"""The comparison with other libraries: all run the same problem, and what is printed is what was measured."""

import importlib
import json
import os
import pathlib
import subprocess
import sys
import time
import xml.etree.ElementTree

import numpy as np
import pytest
import scipy.sparse
import scipy.special
from numpy.testing import assert_allclose

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.peers import compare, data_sets, losses, peer, table, with_orthant  # noqa: E402
from bench.peers.course import Course, Enough  # noqa: E402


def run(folder, module, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-B", "-m", "bench.peers." + module, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def result(request, tmp_path_factory):
    """Of 20 iterations on one dense and one sparse data set."""
    folder = tmp_path_factory.mktemp("peers")
    orthant = pathlib.Path(request.config.getoption("--command")).resolve()
    few = ["--threads", 1, "--iterations", 20, "--seconds", 60, "--rounds", 1, "--peers", "scikit_learn", "numpy"]
    few += ["--shared", folder]
    done = run(folder, "compare", orthant, "digits", "austen", "mutsig", *few, "--output", folder / "result.json")
    assert done.returncode == 0, done.stderr
    return folder / "result.json"


def losses_at(data_set, peer, iterations):
    course = data_set["peers"][peer]["rounds"][0]
    return [course["losses"][course["iterations"].index(i)] for i in iterations]


@pytest.mark.parametrize("which", [0, 1])
def test_the_same_steps_reach_the_same_losses(result, which):
    data_set = json.loads(result.read_text())["data_sets"][which]
    assert (data_set["name"], data_set["nonzeros"]) == [("digits", None), ("austen", 124857)][which]
    at = [0, 1, 2, 5, 20]
    descent = losses_at(data_set, "scikit-learn cd", at)
    assert descent == sorted(descent, reverse=True)
    assert_allclose(losses_at(data_set, "Orthant hals, 1 sweep", at), descent, rtol=1e-4)
    assert_allclose(losses_at(data_set, "scikit-learn defaults", at), descent, rtol=1e-4)
    start, end = losses_at(data_set, "Orthant hals", [0, 20])
    assert start == pytest.approx(descent[0], rel=1e-4) and end < descent[2]  # in which minimum is another matter
    updates = losses_at(data_set, "scikit-learn mu", at)
    assert_allclose(losses_at(data_set, "Orthant mu", at), updates, rtol=1e-4)
    assert_allclose(losses_at(data_set, "NumPy mu", at), updates, rtol=1e-4)
    assert updates[-1] > descent[-1]


def test_what_is_not_there_is_told(result):
    told = json.loads(result.read_text())
    assert told["not_there"] == ["mutsig"]
    assert told["iterations"] == 20 and told["packages"]["scikit-learn"]


def test_tables(result, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("a\n<!-- bench/peers/table.py, cpu: begin -->\nold\n<!-- bench/peers/table.py, cpu: end -->\nb\n")
    done = run(tmp_path, "table", result, "--readme", readme)
    assert done.returncode == 0, done.stderr
    for name in ("digits", "austen"):
        assert f"| {name} | scikit-learn MiniBatchNMF |" in done.stdout
    begin, *rows, end, last = readme.read_text().splitlines()[1:]
    assert "\n".join(rows) in done.stdout and last == "b"
    assert sum(row.startswith(("| digits: 1797 x 64 ", "| austen: 269 x 6799, 125 k ")) for row in rows) == 2
    alone = run(tmp_path, "table", result).stdout  # one table, and what it comes to
    assert "| digits | scikit-learn MiniBatchNMF |" in alone and alone.count("\n|---|") == 1
    assert "| digits: 1797 x 64 " not in alone and rows[-3] in alone and rows[-1] in alone
    readme.write_text("nothing to replace\n")
    assert "expected one pair" in run(tmp_path, "table", result, "--readme", readme).stderr


def test_a_wrong_name_is_refused(tmp_path):
    done = run(tmp_path, "compare", "orthant", "--quick", "moffet")
    assert done.returncode == 2 and "there is no data set moffet" in done.stderr


def test_every_named_data_set_can_be_made():
    assert {*compare.MADE_UP} == {*data_sets.MADE_UP} and {*compare.REAL} == {*data_sets.REAL}
    assert {*compare.QUICK} <= {*compare.MADE_UP, *compare.REAL}


@pytest.mark.parametrize("name, shape", [("moffett", (159, 2500)), ("fashion_mnist2k", (2000, 784))])
def test_data_sets_of_the_tests_are_found(name, shape):
    x, _, loss = data_sets.make(name, [])
    assert x.shape == shape and x.dtype == np.float32 and x.min() >= 0 and loss == losses.FROBENIUS


def test_every_variant_of_orthant_has_a_colour():
    figure = (ROOT / "bench/peers/figure.py").read_text()  # matplotlib need not be there
    for loss in losses.BETA:
        for name in with_orthant.variants(loss):
            assert f'    "{name}": (' in figure


SVG = "{http://www.w3.org/2000/svg}"


def test_figure(result, tmp_path):
    """Curves and labels are there, axes are logarithmic, and both files are small."""
    pytest.importorskip("matplotlib", reason="matplotlib, of tests/requirements.txt, is not installed")
    from PIL import Image

    done = run(tmp_path, "figure", result, tmp_path / "out/figure")
    assert done.returncode == 0, done.stderr
    png, svg = tmp_path / "out/figure.png", tmp_path / "out/figure.svg"
    assert png.stat().st_size < 100_000 and svg.stat().st_size < 100_000
    picture = np.asarray(Image.open(png).convert("RGB")).reshape(-1, 3)
    assert (picture == 255).all(axis=1).mean() > 0.5
    root = xml.etree.ElementTree.parse(svg).getroot()
    texts = [("".join(text.itertext()), text) for text in root.iter(SVG + "text")]
    told = {words for words, _ in texts}
    assert {"digits: 1797 x 64", "austen: 269 x 6799, 125 k", "Frobenius, rank 16", "Frobenius, rank 6", "seconds"} <= told
    assert "loss above the best found (the line: 0.1 %)" in told
    for name in json.loads(result.read_text())["data_sets"][0]["peers"]:
        assert name in told  # in the legend
    for colour in ("#d55e00", "#e69f00", "#0072b2", "#56b4e9", "#444444"):
        assert f"stroke: {colour}" in svg.read_text()
        near = np.abs(picture - [int(colour[i : i + 2], 16) for i in (1, 3, 5)]).max(axis=1) < 24
        assert near.sum() > 50, colour
    # Decades are as far from each other.
    heights = {words: float(text.get("y")) for words, text in reversed(texts) if words in ("1 %", "0.1 %", "0.01 %")}
    assert heights["0.01 %"] - heights["0.1 %"] == pytest.approx(heights["0.1 %"] - heights["1 %"], abs=0.3) != 0


def test_what_is_measured_is_kept_when_it_is_interrupted(monkeypatch, tmp_path, request):
    command = str(pathlib.Path(request.config.getoption("--command")).resolve())
    output = tmp_path / "result.json"

    def compared(self, name):
        if name == "austen":
            raise KeyboardInterrupt
        return {"name": name}

    monkeypatch.setattr(compare.Comparison, "compare", compared)
    monkeypatch.setattr(compare.Comparison, "python", lambda *_: {"missing": [], "peers": []})
    for names, code in ((["digits", "austen", "D3"], 130), (["austen", "digits"], 1)):
        monkeypatch.setattr(sys, "argv", ["compare", command, *names, "--output", str(output)])
        with pytest.raises(SystemExit) as ended:
            compare.main()
        told = json.loads(output.read_text())
        assert ended.value.code == code and told["interrupted"] == names[names.index("austen") :]
        assert told["data_sets"] == [{"name": name} for name in names[: names.index("austen")]]


def problem(random, m=70, n=50, k=5):
    x = random.poisson(0.5, (m, n)).astype(np.float32)
    return x, random.random((m, k)), random.random((k, n))


KINDS = [(name, sparse) for name in losses.BETA for sparse in (False, True) if (name, sparse) != (losses.ITAKURA_SAITO, True)]
PACKAGES = {"with_scikit_learn": "sklearn", "with_numpy": "numpy"}  # others are named as their module is
HOOKED = {  # functions of theirs that a peer replaces, in a process of its own
    "with_scikit_learn": ("sklearn.decomposition._nmf", ["_update_coordinate_descent", "_multiplicative_update_h"]),
    "with_torchnmf": ("torchnmf.nmf", ["_double_backward_update", "_sp_double_backward_update"]),
}


@pytest.mark.parametrize("module", peer.MODULES)
@pytest.mark.parametrize("loss, sparse", KINDS)
def test_peers_take_the_start_and_descend(monkeypatch, module, loss, sparse):
    package = PACKAGES.get(module, module.removeprefix("with_"))
    reason = f"{package}, of bench/peers/requirements*.txt, is not installed"
    pytest.importorskip(package, reason=reason, exc_type=ImportError)
    x, w, h = (a.astype(np.float32) for a in problem(np.random.default_rng(1)))
    x = scipy.sparse.csr_matrix(x) if sparse else x + (0.25 if loss == losses.ITAKURA_SAITO else 0)
    given = peer.Problem(x, w, h, loss, sparse)
    transposed = peer.Problem(x.T.tocsr() if sparse else x.T, h.T, w.T, loss, sparse)
    start = losses.loss(loss, x, w, h)

    def course_of(fit, given):
        for name, functions in [HOOKED[module]] if module in HOOKED else []:
            for function in functions:
                monkeypatch.setattr(f"{name}.{function}", getattr(importlib.import_module(name), function))
        course = Course(lambda *factors: losses.loss(loss, given.x, *factors), seconds=60, iterations=8)
        with pytest.raises(Enough):
            fit(given, course)
        monkeypatch.undo()
        assert course.iterations == list(range(1, 9)) and min(course.seconds) > 0
        if module != "with_mlpack":  # whose times are of fits apart
            assert (np.diff(course.seconds) > 0).all()
        assert_allclose(losses.loss(loss, given.x, given.w, given.h), start)  # the next peer starts from the same
        return course.losses

    peers = importlib.import_module("bench.peers." + module).peers(loss, sparse)
    assert peers or module in ("with_nimfa", "with_mlpack", "with_torch")
    plain = importlib.import_module("bench.peers.with_numpy").peers(loss, sparse)["NumPy mu"]
    for name, fit in peers.items():
        found = course_of(fit, given)
        assert found[0] < start and found[-1] < found[0], name
        if name.endswith(" mu"):
            assert found == sorted(found, reverse=True), name
        if name in ("scikit-learn mu", "PyTorch mu"):
            assert_allclose(found, course_of(plain, given), rtol=1e-4)
        if name in ("mlpack mu", "torchnmf mu"):  # which update H first
            assert_allclose(found, course_of(plain, transposed), rtol=1e-4)


@pytest.mark.parametrize("block", [1, 300, 1 << 20])
def test_losses(monkeypatch, block):
    monkeypatch.setattr(losses, "BLOCK", block)
    x, w, h = problem(np.random.default_rng(1))
    v = w @ h
    for name, expected in (
        (losses.FROBENIUS, 0.5 * np.sum((x - v) ** 2)),
        (losses.KULLBACK_LEIBLER, np.sum(scipy.special.kl_div(x, v))),
    ):
        assert_allclose(losses.loss(name, x, w, h), expected, rtol=1e-12)
        assert_allclose(losses.loss(name, scipy.sparse.csr_matrix(x), w, h), expected, rtol=1e-12)
    y = x + 0.25
    expected = np.sum(y / v - np.log(y / v) - 1)
    assert_allclose(losses.loss(losses.ITAKURA_SAITO, y, w, h), expected, rtol=1e-12)
    with pytest.raises(ValueError, match="zeros"):
        losses.loss(losses.ITAKURA_SAITO, scipy.sparse.csr_matrix(x), w, h)


def test_the_clock_stands_still_while_a_loss_is_computed(monkeypatch):
    now = 100.0

    def wait(seconds):
        nonlocal now
        now += seconds

    def slow(value, _):
        wait(50)
        return value

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    course = Course(slow, seconds=0.5, iterations=40)
    course.begin()
    with pytest.raises(Enough):
        for i in range(100):
            wait(0.001)
            course.after_iteration(lambda: (1 / (i + 1), None))
    assert course.done == 40 and course.iterations[:9] == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert course.iterations[-1] == 40 and course.losses == [1 / i for i in course.iterations]
    assert course.seconds == pytest.approx([0.001 * i for i in course.iterations])


def test_a_course_ends_by_its_time_but_not_before_three_iterations():
    course = Course(lambda w, h: 1.0, seconds=0, iterations=100)
    course.begin()
    course.after_iteration(lambda: (0, 0))
    course.after_iteration(lambda: (0, 0))
    with pytest.raises(Enough):
        course.after_iteration(lambda: (0, 0))


def test_a_course_ends_when_the_loss_has_come_to_rest():
    course = Course(lambda w, h: 1 + 2.0**-w, seconds=60, iterations=10**6)
    course.begin()
    with pytest.raises(Enough):
        for i in range(10**4):
            course.after_iteration(lambda: (i, 0))
    assert 100 <= course.done < 130


def course(seconds, losses):
    return {"iterations": [0, 10, 20, 40], "seconds": seconds, "losses": losses, "bytes": 1}


def test_seconds_to_a_loss():
    """The iterations that the first round took, by the best rate of all rounds, after what came before them."""
    slow, fast = course([0, 3, 5, 9], [1000, 100, 10, 1]), course([0, 2, 3, 5], [1000, 100, 10, 1])
    peer = table.Peer("x", {"rounds": [slow, fast]}, best=1)
    assert peer.per_iteration == pytest.approx(0.1) and peer.before == pytest.approx(1)
    assert table.iterations_to(slow, 100) == 10 and table.iterations_to(slow, 2000) == 0
    assert table.iterations_to(slow, 10**1.5) == pytest.approx(15)
    assert table.iterations_to(slow, 0.9) is None
    assert peer.seconds_to(10) == pytest.approx(1 + 20 * 0.1) and peer.seconds_to(0.5) is None
    assert peer.ran == 9
    on_device = table.Peer("x", {"rounds": [slow, fast]}, best=1, device="cuda")  # what came before does not count
    assert on_device.before == 0 and on_device.ran == pytest.approx(9 - 1)
    assert on_device.seconds_to(10) == pytest.approx(20 * 0.1)


GIVEN = {"seconds": 10, "iterations": 1000}


def test_ratios_of_what_was_not_reached_are_bounds():
    ours = table.Peer("Orthant hals, 1 sweep", {"rounds": [course([0, 1, 2, 4], [8, 4, 2, 1])]}, best=1)
    theirs = table.Peer("y", {"rounds": [course([0, 10, 20, 50], [8, 7, 6, 5])]}, best=1)
    assert table.times(ours, ours, GIVEN) == "1"
    assert table.times(ours, theirs, GIVEN) == f"> {table.number(50 / ours.permille)}"
    assert table.fastest([theirs]) is None and table.fastest([theirs, ours]) is ours


def test_the_bound_is_shorter_where_iterations_were_used_up():
    one = table.Peer("y", {"rounds": [course([0, 1, 2, 3], [8, 7, 6, 5])]}, best=1)
    assert table.bound([one], GIVEN) == 10  # its loss had come to rest
    assert table.bound([one], {"seconds": 10, "iterations": 40}) == 3


def test_what_others_are_given_is_told_by_the_quickest_of_ours():
    runs = {"Orthant mu": {"rounds": [course([0, 1, 2, 4], [8, 4, 2, 1])]}}
    runs["Orthant hals"] = {"rounds": [course([0, 2, 4, 8], [8, 1, 1, 1])]}
    there = table.Peer("Orthant hals", runs["Orthant hals"], best=1)
    others = {"NumPy mu": {"module": "with_numpy"}, "Orthant x": {"error": "failed"}}
    assert compare.seconds_to_reach(runs | others) == there.permille == pytest.approx(2, rel=0.01)
    assert compare.seconds_to_reach(others) == 0
    assert compare.seconds_to_reach({"Orthant mu": {"rounds": [course([0, 1, 2, 4], [8, 4, 2, 0])]}}) == 0


def test_ours_have_come_to_rest_by_the_best_of_them():
    falling = {"rounds": [course([0, 1, 2, 4], [8, 4, 2, 1])]}
    level = {"rounds": [course([0, 1, 2, 4], [8, 1, 1, 0.9995])]}
    worse = {"rounds": [course([0, 1, 2, 4], [8, 7, 6, 5])]}
    last = falling["rounds"][0]["iterations"][-1]
    assert not compare.at_rest({"a": falling, "b": worse}, 100)
    assert compare.at_rest({"a": falling}, last)  # nor may it make more
    assert compare.at_rest({"a": worse, "b": level}, 100)
    assert compare.at_rest({"a": {"error": "failed", "rounds": []}}, 100)


def data_set(name, ours, theirs, others=(8, 4, 2, 1), nonzeros=None):
    peers = {"Orthant hals, 1 sweep": (ours, [8, 4, 2, 1]), "scikit-learn cd": (theirs, others)}
    runs = {peer: {"rounds": [course([0, s, 2 * s, 4 * s], losses)]} for peer, (s, losses) in peers.items()}
    sizes = {"rows": 3, "columns": 2, "rank": 1, "loss": "frobenius", "nonzeros": nonzeros}
    return {"name": name, **sizes, **GIVEN, "peers": runs}


def test_the_summary_names_the_rows_below_what_is_aimed_at():
    sets = [data_set("a", 1, 10), data_set("b", 1, 2), data_set("c", 0.25, 2, (8, 7, 6, 5), nonzeros=4)]
    reached, iterations = table.summary({"data_sets": sets})
    assert "5 x or better on 2 of 3 rows (67 %), geometric mean 5.8 (`>` at their bounds), below: b 2." in reached
    assert "dense HALS 4.5 (aim 3; below: b 2), sparse HALS 8 (aim 8)." in iterations
    cells = table.by_data_set({"data_sets": sets})[-1].split(" | ")
    assert cells[3:5] == ["**8** (cd)", "**> 10**, none of them in time"]
    sets = [data_set("c", 4, 8, (8, 7, 6, 5))]
    told = "0 of 1 rows (0 %), geometric mean 0.63 (`>` at their bounds), open, the peers' time being up: c > 0.63."
    assert told in table.summary({"data_sets": sets})[0]


ERROR = {"error": "out of memory"}


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda peers: {name: ERROR for name in peers}, "failed: no peer ran to its end"),
        (lambda peers: {**peers, "Orthant hals, 1 sweep": ERROR}, "failed: Orthant hals, 1 sweep: out of memory"),
        (lambda peers: {"x": {"rounds": [course([0, 1, 2, 4], [8, 4, 2, 0])]}, **peers}, "failed: the best loss is 0"),
        (lambda peers: {"x": {"rounds": [course([0, 1, 2, 4], [8, 4, 2, -1])]}, **peers}, "failed: the best loss is -1"),
        (lambda _: {"Orthant hals, 1 sweep": {"rounds": [course([0, 1, 2, 4], [8, 8, 8, 8])]}}, "failed: the start is within"),
    ],
)
def test_a_data_set_that_failed_is_a_line_and_the_others_stay(change, told):
    failed = data_set("a", 1, 10)
    failed["peers"] = change(failed["peers"])
    for sets in ([failed], [failed, data_set("b", 1, 2)]):
        every, short, lines = (f({"data_sets": sets}) for f in (table.all_peers, table.by_data_set, table.summary))
        assert any(line.startswith("| a: 3 x 2") and told in line for line in short)
        assert told in "\n".join(every) or "| Orthant hals, 1 sweep | out of memory |" in "\n".join(every)
        assert {line.count(" |") for line in every[2:]} == {10} and {line.count(" |") for line in short[2:]} == {8}
        assert "of 1 rows" in lines[0] if len(sets) == 2 else lines == ["No data set has figures."]
    assert compare.seconds_to_reach(failed["peers"]) >= 0


def test_a_data_set_without_its_counterpart_has_a_row():
    one = data_set("a", 1, 10)
    one["peers"]["NumPy mu"] = one["peers"].pop("scikit-learn cd")
    result = {"data_sets": [one]}
    assert "| **10** (NumPy mu) |" in table.by_data_set(result)[-1] and len(table.summary(result)) == 1


class Command(with_orthant.Orthant):
    """A command whose iteration takes 2 seconds, and a look at the loss 30; 5 are spent before the iterations."""

    def __init__(self):
        self.calls = []

    def factorize(self, folder, about, options, iterations, check_every=None, output=None):
        self.calls.append((iterations, check_every, output))
        at = [0, *range(check_every or iterations, iterations, check_every or iterations), iterations]
        report = {"matrix_seconds": 4, "initialization_seconds": 1, "loss": 1 / iterations, "iteration_history": at}
        report["seconds_history"] = [2 * done + 30 * i for i, done in enumerate(at)]
        report["loss_history"] = [1 / max(0.5, done) for done in at]
        return report, 17


def test_looks_at_the_loss_are_not_in_orthants_iterations():
    command = Command()
    course = command.fit(None, None, [], seconds=1000, iterations=5000, output="there")
    assert course["iterations"][:34] == [*range(33), 40] and course["iterations"][-1] == 500
    assert course["seconds"][1:] == pytest.approx([5 + 30 + 2 * i for i in course["iterations"][1:]])
    assert course["losses"] == [1 / max(0.5, i) for i in course["iterations"]] and course["bytes"] == 17
    assert command.calls[-2:] == [(32, 1, None), (500, 10, "there")]
    assert all(check_every is None for _, check_every, _ in command.calls[:-2])
    later = command.fit(None, None, [], seconds=100, iterations=5000)
    assert later["iterations"] == [0, 3, 50] and later["seconds"] == pytest.approx([0, 41, 135])
    assert command.fit(None, None, [], seconds=100, iterations=4)["iterations"] == [0, 2, 4]
    assert table.seconds_per_iteration(course) == pytest.approx(2) == table.seconds_per_iteration(later)
