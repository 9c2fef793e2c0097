"""Help, versions, and what wrong usage is told."""

import json
import os
import pathlib
import re
import subprocess

import numpy as np
import pytest
import scipy.io
import scipy.sparse

OPTIONS = """--loss --solver --sweeps --acceleration --init --w0 --h0 --seed --max-iterations --tolerance --stopping --check-every --precision
--l1-w --l2-w --l1-h --l2-h --scaling --threads --device --deterministic --transform --output --row-names --column-names
--top --quiet --json --rank --tfidf --freeze --missing --weights --holdout --math --storage --header""".split()


def test_help_tells_every_option_key_and_exit_code(orthant, x):
    text = orthant("factorize", "--help").stdout
    for option in OPTIONS:
        assert re.search(rf"^  {option}\b", text, re.M), option
    for key in orthant.report("x.npy", "--rank", 2):
        assert re.search(rf"^    .*\b{key}\b", text, re.M) or key in ("top_rows", "top_columns"), key
    for code in (0, 1, 2, 3, 4, 5, 130):
        assert re.search(rf"^  {code}\b", text, re.M), code
    assert max(map(len, text.splitlines())) <= 105


def test_options_are_echoed_by_their_names(orthant, x):
    options = orthant.report("x.npy", "--rank", 2)["options"]
    told = {"--" + key.replace("_", "-") for key in options} - {"--x"}
    assert told == set(OPTIONS) - {"--json", "--quiet"}


def test_main_help_lists_the_subcommands(orthant):
    text = orthant("--help").stdout
    assert "factorize" in text and "predict" in text and "info" in text and "Exit codes" in text


def test_version(orthant):
    assert re.fullmatch(r"orthant \d+\.\d+\.\d+\n", orthant("--version").stdout)


def test_info(orthant):
    info = json.loads(orthant("info", "--json").stdout)
    cpu = info["backends"]["cpu"]
    assert cpu["available"] and cpu["threads"] >= 1 and cpu["device"]
    cuda = info["backends"]["cuda"]
    assert cuda["available"] or "cuda" in cuda["reason"]
    assert info["cores"] == os.cpu_count()
    assert set(info["versions"]) == {"orthant", "compiler", "openmp", "eigen", "highway"}
    text = orthant("info").stdout
    assert cpu["device"] in text
    for name, version in info["versions"].items():
        assert re.search(rf"{name} +{re.escape(version)}", text)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "subcommand is required (see orthant --help)"),
        (["factorise"], "unknown subcommand 'factorise', did you mean factorize?"),
        (["factorize"], "X is required (see orthant factorize --help)"),
        (["factorize", "x.npy"], "--rank is missing"),
        (["factorize", "x.npy", "--rnk", 3], "unknown option --rnk, did you mean --rank?"),
        (["factorize", "x.npy", "--rank", 3, "--tolerence=1"], "unknown option --tolerence, did you mean --tolerance?"),
        (["factorize", "x.npy", "--rank", 3, "--max-iter", 5], "did you mean --max-iterations?"),
        (["factorize", "x.npy", "--rank", 3, "--nonsense"], "unknown option --nonsense (see"),
        (["factorize", "x.npy", "y.npy", "--rank", 3], "unexpected argument 'y.npy'"),
        (["factorize", "x.npy", "--rank"], "--rank needs exactly one value"),
        (["factorize", "x.npy", "--rank", "--threads", 1], "--rank needs a value before --threads (see"),
        (["factorize", "x.npy", "--rank", 3, "--output", "--quiet"], "--output needs a value before --quiet (see"),
        (["factorize", "x.npy", "--rank", 3, "--threads", "--rnk", 3], "--threads needs a value before --rnk (see"),
        (["factorize", "x.npy", "--rank", 3, "--rnk", 3, "--threads"], "unknown option --rnk, did you mean --rank?"),
        (["x.npy", "--rank", 3], "unknown subcommand 'x.npy', expected one of factorize, predict, info, bench (see orthant --help)"),
        (["factorise", "x.npy", "--rank", 3], "unknown subcommand 'factorise', did you mean factorize? (see orthant --help)"),
        (["--rank", 3, "factorize", "x.npy"], "--rank stands before factorize, expected behind it (see orthant factorize"),
        (["--nonsense"], "unknown option --nonsense (see orthant --help)"),
        (["factorize", "x.npy", "--rank", 3, "--rank", 4], "--rank needs exactly one value"),
        (["factorize", "x.npy", "--rank", 0], "--rank is '0', expected an integer from 1"),
        (["factorize", "x.npy", "--rank", "3.5"], "--rank is '3.5', expected an integer"),
        (["factorize", "x.npy", "--rank", 3, "--loss", "beta=0.9999999999999999", "--solver", "mu"], "--loss is beta=0.99999999999999989, expected 1 itself, or 1e-06 or more from it"),
        (["factorize", "x.npy", "--rank", 3, "--loss", "kl"], "--loss is 'kl', expected frobenius, kullback-leibler, itakura-saito or beta=B for a number B"),
        (["factorize", "x.npy", "--rank", 3, "--loss", "beta=x"], "--loss is 'beta=x', expected"),
        (["factorize", "x.npy", "--rank", 3, "--solver", "als"], "--solver is 'als', expected one of mu, hals, anls"),
        (["factorize", "x.npy", "--rank", 3, "--init", "svd"], "--init is 'svd', expected one of random, nndsvd, nnd"),
        (["factorize", "x.npy", "--rank", 3, "--stopping", "x"], "expected one of loss, projected-gradient"),
        (["factorize", "x.npy", "--rank", 3, "--precision", "half"], "expected one of float, double"),
        (["factorize", "x.npy", "--rank", 3, "--header", "maybe"], "--header is 'maybe', expected one of auto, yes, no"),
        (["factorize", "x.npy", "--rank", 3, "--scaling", "x"], "expected one of none, sklearn"),
        (["factorize", "x.npy", "--rank", 3, "--sweeps", 0], "--sweeps is '0', expected an integer from 1, or auto"),
        (["factorize", "x.npy", "--rank", 3, "--sweeps", "aut"], "--sweeps is 'aut', expected an integer from 1, or auto"),
        (
            ["factorize", "x.npy", "--rank", 3, "--acceleration", "extrapolate"],
            "--acceleration is 'extrapolate', expected one of auto, none, extrapolation",
        ),
        (["factorize", "x.npy", "--rank", 3, "--check-every", 0], "--check-every is '0', expected"),
        (["factorize", "x.npy", "--rank", 3, "--max-iterations", -1], "--max-iterations is '-1', expected"),
        (["factorize", "x.npy", "--rank", 3, "--threads", 0], "--threads is '0', expected an integer from 1"),
        (["factorize", "x.npy", "--rank", 3, "--threads", 100000], "--threads is '100000', expected an integer from 1 to"),
        (["factorize", "x.npy", "--rank", 3, "--output", ""], "--output is '', expected a path"),
        (["factorize", "x.npy", "--w0", "", "--h0", "h0.npy"], "--w0 is '', expected a path"),
        (["factorize", "", "--rank", 3], "X is '', expected a path"),
        (["factorize", "x.npy", "--rank", 3, "--seed", -1], "--seed is '-1', expected an integer from 0"),
        (["factorize", "x.npy", "--rank", 3, "--tolerance", "nan"], "--tolerance is 'nan', expected a finite number"),
        (["factorize", "x.npy", "--rank", 3, "--l1-w", -1], "--l1-w is '-1', expected a finite number >= 0"),
        (["factorize", "x.npy", "--rank", 3, "--l2-w", "inf"], "--l2-w is 'inf', expected a finite number >= 0"),
        (["factorize", "x.npy", "--rank", 3, "--l1-h", "1x"], "--l1-h is '1x', expected a finite number >= 0"),
        (["factorize", "x.npy", "--rank", 3, "--l2-h", ""], "--l2-h is '', expected a finite number >= 0"),
        (["factorize", "x.npy", "--rank", 3, "--device", "gpu"], "--device is 'gpu', expected one of auto, cpu, cuda"),
        (["factorize", "x.npy", "--rank", 3, "--device", "cuda:x"], "cuda:N is 'x', expected an integer"),
        (["factorize", "x.npy", "--rank", 3, "--math", "fp16"], "--math is 'fp16', expected one of strict, tf32, bf16"),
        (["factorize", "x.npy", "--rank", 3, "--math", "tf32"], "--math tf32 is for --device cuda"),
        (
            ["factorize", "x.npy", "--rank", 3, "--device", "cuda", "--math", "tf32", "--precision", "double"],
            "--math tf32 does nothing with --precision double",
        ),
        (
            ["factorize", "x.npy", "--rank", 3, "--device", "cuda", "--math", "bf16", "--loss", "kullback-leibler"],
            "--math bf16 does nothing with --solver hals of --loss kullback-leibler, which is coordinate descent",
        ),
        (
            ["factorize", "x.npy", "--rank", 3, "--device", "cuda", "--math", "bf16", "--missing", "zeros"],
            "--math bf16 does nothing with --solver hals of X with entries that do not count",
        ),
        (
            ["factorize", "x.npy", "--rank", 3, "--device", "cuda", "--math", "bf16", "--storage", "fp16"],
            "--math bf16 does nothing with --storage fp16 and --loss frobenius",
        ),
        (
            ["factorize", "x.npy", "--rank", 3, "--storage", "u8"],
            "--storage is 'u8', expected one of plain, uint8, fp16, bf16",
        ),
        (["factorize", "x.npy", "--rank", 3, "--device", "cpu", "--storage", "fp16"], "--storage fp16 is for --device cuda"),
        (["factorize", "x.npy", "--rank", 3, "--w0", "w0.npy"], "--w0 is given without --h0"),
        (["factorize", "x.npy", "--rank", 3, "--h0", "h0.npy"], "--h0 is given without --w0"),
        (["factorize", "x.npy", "--w0", "w0.npy", "--h0", "h0.npy", "--init", "random"], "--init contradicts --w0"),
        (["factorize", "x.npy", "--rank", 3, "--freeze", "w"], "--freeze w needs the W to keep: --w0"),
        (["factorize", "x.npy", "--rank", 3, "--freeze", "h", "--w0", "w0.npy"], "--freeze h needs the H to keep"),
        (["factorize", "x.npy", "--transform", "w0.npy", "--init", "random"], "--init does nothing with --transform"),
        (["factorize", "x.npy", "--transform", "w0.npy", "--l1-w", 1], "--l1-w does nothing with --transform"),
        (["factorize", "x.npy", "--transform", "w0.npy", "--freeze", "w"], "--freeze does nothing with --transform"),
        (["factorize", "x.npy", "--w0", "w0.npy", "--freeze", "w", "--l1-w", 1], "--l1-w does nothing with --freeze w"),
        (["factorize", "x.npy", "--h0", "h0.npy", "--freeze", "h", "--l2-h", 1], "--l2-h does nothing with --freeze h"),
        (["factorize", "x.npy", "--rank", 3, "--header", "no"], "--header does nothing with x.npy: it is for .csv and .tsv"),
        (["factorize", "x.npy", "--rank", 3, "--scaling", "sklearn"], "--scaling does nothing without the weights"),
        (["factorize", "x.npy", "--w0", "w0.npy", "--h0", "h0.npy", "--seed", 3], "--seed does nothing with --w0 and --h0"),
        (["factorize", "x.npy", "--rank", 3, "--solver", "anls", "--sweeps", 2], "--sweeps is for --solver hals and mu"),
        (
            ["factorize", "x.npy", "--rank", 3, "--loss", "kullback-leibler", "--solver", "anls"],
            "--solver anls is for --loss frobenius, not kullback-leibler",
        ),
        (
            ["factorize", "x.npy", "--rank", 3, "--loss", "beta=0.5", "--solver", "hals"],
            "--solver hals is for --loss frobenius and kullback-leibler, not beta=0.5",
        ),
        (
            ["factorize", "x.npy", "--rank", 3, "--solver", "mu", "--loss", "beta=1.5", "--sweeps", 2],
            "--sweeps with --solver mu is for --loss frobenius, not beta=1.5",
        ),
        (
            ["factorize", "x.npy", "--rank", 3, "--loss", "kullback-leibler", "--acceleration", "extrapolation"],
            "--acceleration extrapolation is for --loss frobenius, not kullback-leibler",
        ),
        (["factorize", "x.npy", "--tfidf", "--transform", "w0.npy"], "--tfidf with --transform would count documents"),
        (["factorize", "x.npy", "--tfidf", "--h0", "h0.npy", "--freeze", "h"], "--tfidf with --freeze would count doc"),
        (["factorize", "x.npy", "--rank", 3, "--top", 5], "--top needs the names"),
        # Known to the library only.
        (
            ["factorize", "x.npy", "--rank", 3, "--solver", "mu", "--init", "nndsvd"],
            "--init is nndsvd, expected nndsvda, nndsvdar or random with --solver mu",
        ),
        (["factorize", "x.npy", "--rank", 21, "--init", "nndsvda"], "--rank is 21, expected at most 20"),
        (["factorize", "x.npy", "--rank", 2**31 - 1], "--rank is 2147483647, expected at most 20"),
        (["factorize", "x.npy", "--rank", 2**31 - 1, "--init", "random"], "expected at most 2^47 entries of W, H and a Gram"),
        (["factorize", "x.npy", "--rank", 21], "an nndsvd start; --init random takes any rank (see"),
        (["factorize", "x.npy", "--rank", 3, "--l1-w", 1e308], "--l1-w is 1e+308, expected at most 1e+30 for this X in float"),
        (["factorize", "x.npy", "--rank", 3, "--l1-w", 1e308, "--scaling", "sklearn"], "--l1-w is 1e+308, expected at most 5e+28"),
        (["factorize", "x.npy", "--rank", 3, "--l2-h", 1e308], "--l2-h is 1e+308, expected at most"),
        (["factorize", "x.npy", "--rank", 5, "--w0", "w0.npy", "--h0", "h0.npy"], "--rank is 5, but w0.npy has 4"),
        (["info", "more"], "unexpected argument 'more'"),
    ],
)
def test_wrong_usage(orthant, x, start, arguments, message):
    assert message in orthant.error(*arguments, code=2)


def test_device_that_is_not_there(orthant, x):
    if json.loads(orthant("info", "--json").stdout)["backends"]["cuda"]["available"]:
        pytest.skip("CUDA can be used here")
    message = orthant.error("factorize", "x.npy", "--rank", 3, "--device", "cuda", code=3)
    assert "the cuda backend is not available" in message and "use --device cpu" in message


def test_device_auto_says_what_runs(orthant, x):
    available = json.loads(orthant("info", "--json").stdout)["backends"]["cuda"]["available"]
    assert orthant.report("x.npy", "--rank", 2)["backend"] == ("cuda" if available else "cpu")
    report = orthant.report("x.npy", "--rank", 2, "--device", "cpu")
    assert report["backend"] == "cpu" and report["options"]["device"] == "cpu"


def test_threads_bound_the_reading_too(orthant, folder):
    scipy.io.mmwrite(folder / "x.mtx", scipy.sparse.random(200, 100, 0.2, random_state=1))
    environment = {**os.environ, "OMP_NUM_THREADS": "5", "OMP_DISPLAY_AFFINITY": "TRUE", "OMP_AFFINITY_FORMAT": "team of %N"}
    teams = lambda *more: orthant("factorize", "x.mtx", "--rank", 2, *more, env=environment).stderr
    assert "team of 5" in teams()
    assert "team of 2" in teams("--threads", 2) and "team of 5" not in teams("--threads", 2)


def test_out_of_memory(orthant, folder):
    binary = pathlib.Path(orthant.path).read_bytes()
    if b"__asan_init" in binary or b"__tsan_init" in binary:
        pytest.skip("sanitizers take terabytes of address space")
    np.save(folder / "x.npy", np.ones((2000, 1000), np.float32))
    arguments = [orthant.path, "factorize", folder / "x.npy", "--rank", 2_000_000, "--init", "random", "--quiet"]
    limited = ["bash", "-c", 'ulimit -v 4000000; exec "$@"', "bash", *map(str, arguments)]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4 and "out of memory" in done.stderr, done.stderr


def test_numbers_that_overflow(orthant, folder):
    np.save(folder / "x.npy", np.full((30, 20), 1e30, np.float32))
    error = orthant.error("factorize", "x.npy", "--rank", 2, "--quiet", code=1)
    assert "x.npy: the mean of X is 1.00000002e+30, expected 1e-20 to 1e+20: " in error
    assert error.endswith("scale X, or use --precision double")
    orthant.report("x.npy", "--rank", 2, "--precision", "double")
    np.save(folder / "x.npy", np.ones((30, 20), np.float32))
    np.save(folder / "w.npy", np.full((30, 2), 1e38, np.float32))
    np.save(folder / "h.npy", np.full((2, 20), 1e38, np.float32))
    assert "iteration" in orthant.error("factorize", "x.npy", "--w0", "w.npy", "--h0", "h.npy", "--quiet", code=5)
