"""The main job of the demo, with the figures that the data's READMEs state."""

import subprocess
import sys

import pytest


def test_topics_of_austen(orthant, folder, data):
    x = data / "austen/austen.mtx.gz"
    words = data / "austen/vocab.txt"
    arguments = [x, "--tfidf", "--rank", 6, "--init", "nndsvda", "--max-iterations", 500, "--column-names", words]
    _, _, report = orthant.factors(*arguments)
    assert report["relative_error"] == pytest.approx(0.82129, abs=2e-4)
    assert (report["rows"], report["columns"], report["nonzeros"]) == (269, 6799, 124857)
    assert len(report["top_columns"]) == 6
    assert "emma" in {t["name"] for told in report["top_columns"] for t in told}
    script = data.parent / "austen_chapters.py"
    counted = subprocess.run(
        [sys.executable, "-B", script, folder / "out", data / "austen/labels.txt"], capture_output=True, text=True
    )
    assert counted.stdout.endswith("268 of 269 chapters fall to their own novel\n"), counted.stdout + counted.stderr


@pytest.mark.parametrize("rank, error", [(10, 0.32645), (16, 0.25988)])
def test_parts_of_digits(orthant, folder, data, rank, error):
    arguments = [data / "digits/digits.npy", "--rank", rank, "--max-iterations", 300, "--tolerance", 0]
    _, _, report = orthant.factors(*arguments)
    assert report["relative_error"] == pytest.approx(error, rel=5e-3)
    shown = subprocess.run(
        [sys.executable, "-B", data.parent / "digit_parts.py", folder / "out"], capture_output=True, text=True
    )
    assert shown.stdout.count("█") > rank, shown.stderr
