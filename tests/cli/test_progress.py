"""Progress on a terminal and in a pipe, and signals."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time

import numpy as np
import pytest

FIT = ["factorize", "x.npy", "--rank", 3, "--tolerance", 0]


def on_terminal(orthant, *arguments, width=80, terminal="xterm"):
    """What a terminal of that width receives from standard error."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {**os.environ, "TERM": terminal}
    process = orthant.start(*arguments, stdout=subprocess.DEVNULL, stderr=slave, env=environment)
    os.close(slave)
    received = b""
    try:
        while chunk := os.read(master, 4096):
            received += chunk
    except OSError:  # the other end is closed
        pass
    os.close(master)
    assert process.wait(timeout=60) == 0
    return received.decode()


def test_plain_lines_in_a_pipe(orthant, x):
    lines = orthant(*FIT, "--max-iterations", 100, "--check-every", 1).stderr.splitlines()
    line = r"iteration +\d+/100  relative error [\d.e-]+(  [\d.]+ s left at most)?"
    assert all(re.fullmatch(line, l) for l in lines)
    assert 2 <= len(lines) <= 5 and " 0/100" in lines[0] and "100/100" in lines[-1]


@pytest.mark.parametrize("width", [120, 80, 40, 20])
def test_bar_on_a_terminal_fits_its_width(orthant, x, width):
    text = on_terminal(orthant, *FIT, "--max-iterations", 200, width=width)
    assert text.endswith("\r\x1b[K"), "the bar must go at the end"
    frames = [frame.removesuffix("\x1b[K") for frame in text.split("\r")]
    assert max(map(len, frames)) < width
    bars = [frame for frame in frames if "relative error" in frame]
    if width >= 80:
        assert any(re.match(r"\[#+\.+\] +\d+/200  relative error [\d.]+  [\d.]+ s left at most$", b) for b in bars)
        assert any(re.match(r"\[#+\] 200/200", b) for b in bars)
    assert any("reading x.npy" in frame for frame in frames)


def test_dumb_terminal_gets_lines(orthant, x):
    text = on_terminal(orthant, *FIT, terminal="dumb")
    assert "\x1b" not in text and text.startswith("iteration")


def test_quiet_terminal(orthant, x):
    assert on_terminal(orthant, *FIT, "--quiet") == ""


@pytest.fixture
def long_fit(folder):
    np.save(folder / "x.npy", np.random.default_rng(1).random((400, 300), np.float32))
    return ["factorize", "x.npy", "--rank", 5, "--tolerance", 0, "--max-iterations", 2_000_000, "--output", "out"]


def started(orthant, *arguments, **keywords):
    """The running command after its first check."""
    process = orthant.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **keywords)
    assert "iteration" in process.stderr.readline()
    time.sleep(0.3)
    return process


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_stops_and_writes(orthant, folder, long_fit, number, code):
    process = started(orthant, *long_fit, "--json")
    process.send_signal(number)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == code
    report = json.loads(printed)
    assert report["stop_reason"] == "stopped_by_caller" and 0 < report["iterations"] < 2_000_000
    assert json.loads((folder / "out/result.json").read_text()) == report
    assert np.load(folder / "out/W.npy").shape == (400, 5) and np.load(folder / "out/H.npy").shape == (5, 300)


def test_a_signal_that_is_ignored_stays_so(orthant, long_fit):
    """As nohup and shells start what runs behind."""
    ignore = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = started(orthant, *long_fit, "--check-every", 100, preexec_fn=ignore)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert "stopped by a signal after" in process.communicate(timeout=30)[0] and process.returncode == 143


def test_summary_tells_of_the_signal(orthant, long_fit):
    process = started(orthant, *long_fit)
    process.send_signal(signal.SIGINT)
    assert "stopped by a signal after" in process.communicate(timeout=30)[0]


def test_second_signal_kills(orthant, long_fit):
    process = started(orthant, *long_fit, "--check-every", 2_000_000)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None, "stops at a check only"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == -signal.SIGINT
    assert not os.path.exists(orthant.folder / "out/result.json")
