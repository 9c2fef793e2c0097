import json
import pathlib
import subprocess

import numpy as np
import pytest


def pytest_addoption(parser):
    parser.addoption("--command", required=True, help="path of the orthant command")


class Command:
    """Runs the command in a folder of its own."""

    def __init__(self, path, folder):
        self.path = str(pathlib.Path(path).resolve())
        self.folder = folder

    def __call__(self, *arguments, code=0, **keywords):
        done = subprocess.run(
            [self.path, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, timeout=120, **keywords
        )
        assert done.returncode == code, done.stderr + done.stdout
        return done

    def start(self, *arguments, **keywords):
        return subprocess.Popen([self.path, *map(str, arguments)], cwd=self.folder, text=True, **keywords)

    def report(self, *arguments, **keywords):
        """What --json prints."""
        return json.loads(self("factorize", *arguments, "--json", "--quiet", **keywords).stdout)

    def factors(self, *arguments, **keywords):
        """W and H as they are written, and the report."""
        report = self.report(*arguments, "--output", "out", **keywords)
        return np.load(self.folder / "out/W.npy"), np.load(self.folder / "out/H.npy"), report

    def error(self, *arguments, code):
        """The one line on standard error."""
        done = self(*arguments, code=code)
        assert done.stdout == ""
        lines = done.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("orthant: error: "), done.stderr
        return lines[0].removeprefix("orthant: error: ")


@pytest.fixture
def orthant(request, tmp_path):
    return Command(request.config.getoption("--command"), tmp_path)


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def x(folder):
    """A dense X of 30 x 20 around rank 4, in x.npy in double."""
    generator = np.random.default_rng(1)
    x = generator.random((30, 4)) @ generator.random((4, 20)) + 0.1 * generator.random((30, 20))
    np.save(folder / "x.npy", x)
    return x


@pytest.fixture
def start(folder):
    """W0 (30 x 4) and H0 (4 x 20), in w0.npy and h0.npy."""
    generator = np.random.default_rng(2)
    w, h = generator.random((30, 4)), generator.random((4, 20))
    np.save(folder / "w0.npy", w)
    np.save(folder / "h0.npy", h)
    return w, h


@pytest.fixture
def data():
    return pathlib.Path(__file__).resolve().parents[1] / "bench/data"
