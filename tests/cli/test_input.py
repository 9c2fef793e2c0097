"""Every format is read end to end, and what is wrong with a file is told."""

import gzip

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from numpy.testing import assert_allclose

import reference


def write_mtx(x, path, **keywords):
    scipy.io.mmwrite(path, x, **keywords)


def write_gz(x, path):
    write_mtx(scipy.sparse.coo_matrix(x), path.with_suffix(""))
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))


def write_npy_gz(x, path):
    with gzip.open(path, "wb") as file:
        np.save(file, x)


def write_csv(x, path, header=""):
    np.savetxt(path, x, delimiter=",", header=header, comments="", fmt="%.17g")


def write_table(x, path, header, names):
    rows = [",".join([str(name), *map(str, row)]) for name, row in zip(names, x)]
    path.write_text("\n".join([",".join(header), *rows, ""]))


# Whole numbers, so that every type holds them.
COUNTS = np.random.default_rng(5).poisson(0.7, (30, 20)) * np.random.default_rng(6).integers(1, 9, (30, 20))
SYMMETRIC = COUNTS[:20] + COUNTS[:20].T

FILES = {
    **{
        f"{dtype}.npy": (lambda dtype: lambda p: np.save(p, COUNTS.astype(dtype)))(dtype)
        for dtype in ["f2", "f4", "f8", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", ">f8", ">i2", ">f2"]
    },
    "fortran.npy": lambda p: np.save(p, np.asfortranarray(COUNTS.astype("f8"))),
    "fortran_f4.npy": lambda p: np.save(p, np.asfortranarray(COUNTS.astype("f4"))),
    "array.mtx": lambda p: write_mtx(COUNTS.astype("f8"), p),
    "real.mtx": lambda p: write_mtx(scipy.sparse.coo_matrix(COUNTS.astype("f8")), p),
    "integer.mtx": lambda p: write_mtx(scipy.sparse.coo_matrix(COUNTS), p),
    "zipped.mtx.gz": lambda p: write_gz(COUNTS, p),
    "csr.npz": lambda p: scipy.sparse.save_npz(p, scipy.sparse.csr_matrix(COUNTS.astype("f8"))),
    "csr_f4.npz": lambda p: scipy.sparse.save_npz(p, scipy.sparse.csr_matrix(COUNTS.astype("f4"))),
    "csc.npz": lambda p: scipy.sparse.save_npz(p, scipy.sparse.csc_matrix(COUNTS.astype("f8"))),
    "coo.npz": lambda p: scipy.sparse.save_npz(p, scipy.sparse.coo_matrix(COUNTS.astype("f8"))),
    "stored.npz": lambda p: scipy.sparse.save_npz(p, scipy.sparse.csr_matrix(COUNTS), compressed=False),
    "plain.csv": lambda p: write_csv(COUNTS, p),
    "gzipped.npy.gz": lambda p: write_npy_gz(COUNTS, p),
    "tabs.tsv": lambda p: np.savetxt(p, COUNTS, delimiter="\t"),
    "pandas.csv": lambda p: write_table(COUNTS, p, [""] + [f"c{j}" for j in range(20)], range(30)),
    "pandas_numbered.csv": lambda p: write_table(COUNTS, p, [""] + [str(j) for j in range(20)], range(30)),
    # to_csv(index=False) of a frame whose columns have no names, and of one whose index has a name
    "pandas_no_index.csv": lambda p: write_csv(COUNTS, p, ",".join(map(str, range(20)))),
    "pandas_named_index.csv": lambda p: write_table(COUNTS, p, ["gene"] + [f"c{j}" for j in range(20)], [f"g{i}" for i in range(30)]),
    # write.table(sep = ","): no field above the names of rows
    "r_table.csv": lambda p: write_table(COUNTS, p, [f'"V{j + 1}"' for j in range(20)], [f'"{i + 1}"' for i in range(30)]),
    "r.csv": lambda p: write_table(COUNTS, p, [f'"V{j}"' if j else '""' for j in range(21)], [f'"a, {i}"' for i in range(30)]),
    "header.csv": lambda p: write_csv(COUNTS, p, ",".join(f"c{j}" for j in range(20))),
}
SPARSE = {name for name in FILES if "npz" in name or name in ("real.mtx", "integer.mtx", "zipped.mtx.gz")}


def check_fit(orthant, folder, name, x):
    """From a given start two iterations come out as numpy's, so that every entry was read and put in its place."""
    generator = np.random.default_rng(2)
    start = generator.random((x.shape[0], 3)), generator.random((3, x.shape[1]))
    np.save(folder / "w0.npy", start[0])
    np.save(folder / "h0.npy", start[1])
    w, h, report = orthant.factors(
        name, "--w0", "w0.npy", "--h0", "h0.npy", "--precision", "double", "--max-iterations", 2, *reference.STEPS
    )
    w_expected, h_expected = reference.iterate(x.astype("f8"), *start, 2)
    assert_allclose(w, w_expected, rtol=1e-9, atol=1e-12)
    assert_allclose(h, h_expected, rtol=1e-9, atol=1e-12)
    assert (report["rows"], report["columns"]) == x.shape
    return report


@pytest.mark.parametrize("name", FILES)
def test_formats(orthant, folder, name):
    FILES[name](folder / name)
    report = check_fit(orthant, folder, name, COUNTS)
    if name in SPARSE:
        assert report["storage"] == "sparse" and report["nonzeros"] == np.count_nonzero(COUNTS)
    else:
        assert report["storage"] == "dense" and report["nonzeros"] == COUNTS.size


def test_a_first_line_of_numbers(orthant, folder):
    """0, 1, 2 is taken as names of columns, which is told; --header says what it is."""
    x = np.arange(12).reshape(4, 3)
    write_csv(x, folder / "x.csv")
    shape = lambda *more: orthant.report("x.csv", "--rank", 2, *more)["rows"]
    assert shape() == 3 and shape("--header", "yes") == 3 and shape("--header", "no") == 4
    note = "orthant: note: x.csv: the first line, 0, 1, 2 and so on, is taken as names of columns"
    assert note in orthant("factorize", "x.csv", "--rank", 2).stderr
    for more in (["--quiet"], ["--header", "no"], ["--header", "yes"]):
        assert "note" not in orthant("factorize", "x.csv", "--rank", 2, *more).stderr
    write_csv(x + 400, folder / "x.csv")
    assert shape() == 4 and shape("--header", "yes") == 3
    write_csv(np.ones((4, 3)), folder / "weights.csv", "0,1,2")
    assert shape("--weights", "weights.csv") == 4
    message = orthant.error("factorize", "x.csv", "--rank", 2, "--header", "no", "--weights", "weights.csv", code=1)
    assert message == "weights.csv: the weights are 5 x 3, expected the shape of X, 4 x 3"


@pytest.mark.parametrize(
    "first, rows, arguments, told",
    [
        ("a,b", "1,2\n3,4\n", (), "the first line is taken as names of columns; a row: --header no"),
        ("a,b", "1,2\n3,4\n", ("--header", "yes"), None),
        ("Heights", "1,2\n3,4\n", (), "the first line is taken as names of columns, the first column is taken as names of rows; a"),
        (",a", "1,2\n3,4\n", ("--header", "yes"), "the first column is taken as names of rows\n"),
        ("1,2", "3,4\n5,6\n", (), None),
    ],
)
def test_what_is_skipped_as_names_is_told(orthant, folder, first, rows, arguments, told):
    (folder / "x.csv").write_text(first + "\n" + rows)
    arguments = ("x.csv", "--rank", 1, *arguments)
    text = orthant("factorize", *arguments).stderr
    assert ("note: x.csv: " + told in text) if told else "note" not in text
    report = orthant.report(*arguments)
    by_header = told is None and "--header" in arguments
    assert report["skipped_line"] == (told is not None or by_header)
    assert report["skipped_column"] == ("names of rows" in (told or "")) == (report["columns"] == 1)


def test_symmetric_mtx(orthant, folder):
    write_mtx(scipy.sparse.coo_matrix(SYMMETRIC), folder / "x.mtx", symmetry="symmetric")
    assert "symmetric" in (folder / "x.mtx").read_text()
    check_fit(orthant, folder, "x.mtx", SYMMETRIC)


def test_pattern_mtx(orthant, folder):
    write_mtx(scipy.sparse.coo_matrix(COUNTS > 0), folder / "x.mtx", field="pattern")
    check_fit(orthant, folder, "x.mtx", (COUNTS > 0).astype("f8"))


def test_symmetric_mtx_is_one_triangle(orthant, folder):
    lines = "3 3 3\n1 1 1\n2 1 2\n1 2 2\n"
    (folder / "x.mtx").write_text("%%MatrixMarket matrix coordinate real symmetric\n" + lines)
    assert "x.mtx:5: an entry above the diagonal" in orthant.error("factorize", "x.mtx", "--rank", 1, "--quiet", code=1)


def test_csv_with_missing_fields(orthant, folder, x):
    holes = np.where(np.random.default_rng(3).random(x.shape) < 0.8, x, np.nan)
    np.save(folder / "holes.npy", holes)
    words = iter(["", "NA", "nan", "NaN", '"NA"'] * 100)
    rows = [",".join(next(words) if np.isnan(v) else repr(float(v)) for v in row) for row in holes]
    (folder / "holes.csv").write_text("\n".join(rows) + "\n")
    arguments = ["--rank", 3, "--missing", "nan", "--max-iterations", 3]
    assert orthant.report("holes.csv", *arguments)["loss"] == orthant.report("holes.npy", *arguments)["loss"]
    (folder / "first.csv").write_text("NA,NA\n1,2\n3,4\n")
    assert orthant.report("first.csv", "--missing", "nan", "--rank", 1)["rows"] == 3
    assert "first.csv:1: field 1 is 'NA'" in orthant.error("factorize", "first.csv", "--rank", 1, code=1)
    message = orthant.error("factorize", "holes.csv", "--rank", 3, "--quiet", code=1)
    assert "--missing nan" in message and "holes.csv:" in message


def test_factors_of_other_types_and_orders(orthant, folder, x):
    start = np.ones((30, 2)), np.arange(40).reshape(2, 20)
    np.save(folder / "w0.npy", np.asfortranarray(start[0].astype("f4")))
    np.save(folder / "h0.npy", start[1])
    w, h, _ = orthant.factors("x.npy", "--w0", "w0.npy", "--h0", "h0.npy", "--max-iterations", 0)
    assert_allclose(w, start[0])
    assert_allclose(h, start[1])


@pytest.mark.parametrize("precision", ["float", "double"])
@pytest.mark.parametrize("bad", [-1.5, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("tfidf", [False, True])
def test_bad_entries_are_named(orthant, folder, precision, bad, tfidf):
    x = COUNTS.astype("f8")
    x[17, 3] = bad
    x[18, 2] = -1
    np.save(folder / "x.npy", x)
    scipy.sparse.save_npz(folder / "x.npz", scipy.sparse.csr_matrix(x))
    for name in ["x.npy", "x.npz"]:
        extra = ["--tfidf"] if tfidf else []
        message = orthant.error("factorize", name, "--rank", 2, "--precision", precision, "--quiet", *extra, code=1)
        assert message.startswith(f"{name}: X(17, 3) is {str(bad).lower()}"), message
        assert "expected" in message and "count from 0" in message
        assert message.count("--missing nan") == (np.isnan(bad) and name == "x.npy" and not tfidf)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_x_without_entries(orthant, folder, shape):
    np.save(folder / "x.npy", np.ones(shape))
    message = orthant.error("factorize", "x.npy", "--rank", 2, "--quiet", code=1)
    told = f"the array has shape {shape}, expected a matrix (2 dimensions) of at least one row and column"
    assert message.startswith("x.npy: byte ") and message.endswith(told)


def test_bad_entries_of_the_start_are_named(orthant, folder, x, start):
    w, h = start
    h[2, 5] = -1
    np.save(folder / "h0.npy", h)
    message = orthant.error("factorize", "x.npy", "--w0", "w0.npy", "--h0", "h0.npy", "--quiet", code=1)
    assert message.startswith("h0.npy: H(2, 5) is -1, expected"), message
    w[3, 1] = np.inf
    np.save(folder / "w0.npy", w)
    message = orthant.error("factorize", "x.npy", "--transform", "w0.npy", "--quiet", code=1)
    assert message.startswith("w0.npy: W(3, 1) is inf, expected"), message


def test_wrong_shapes(orthant, folder, x, start):
    np.save(folder / "w29.npy", np.ones((29, 4)))
    np.save(folder / "h5.npy", np.ones((5, 20)))
    np.save(folder / "vector.npy", np.ones(4))
    error = lambda *arguments: orthant.error("factorize", "x.npy", "--quiet", *arguments, code=1)
    assert "w29.npy is 29 x 4, expected 30 rows" in error("--w0", "w29.npy", "--h0", "h0.npy")
    assert "h5.npy is 5 x 20, expected 4 rows" in error("--w0", "w0.npy", "--h0", "h5.npy")
    assert "w29.npy is 29 x 4, expected 30 rows" in error("--transform", "w29.npy")
    assert "vector.npy" in error("--transform", "vector.npy")


def test_names(orthant, folder, x):
    (folder / "rows.txt").write_text("".join(f"row {i}\n" for i in range(30)))
    (folder / "columns.txt").write_bytes(b"".join(b"column %d\r\n" % j for j in range(20)))
    arguments = ["x.npy", "--rank", 3, "--row-names", "rows.txt", "--column-names", "columns.txt", "--top", 4]
    w, h, report = orthant.factors(*arguments)
    for key, name, factor in [("top_rows", "row", w.T), ("top_columns", "column", h)]:
        assert len(report[key]) == 3
        for told, weights in zip(report[key], factor):
            order = np.argsort(-weights, kind="stable")[:4]
            assert [t["name"] for t in told] == [f"{name} {j}" for j in order]
            assert_allclose([t["value"] for t in told], weights[order], rtol=1e-6)
    text = orthant("factorize", *arguments).stdout
    for c, told in enumerate(report["top_columns"]):
        assert f"  {c}: " + ", ".join(t["name"] for t in told) + "\n" in text


def test_names_that_a_terminal_would_obey(orthant, folder, x):
    "A byte order mark is no part of the first name; what controls a terminal is printed as '?', and told in the JSON."
    names = ["Stra\u00dfe", "\x1b[2Jred", "tab\there", "\x7f"] + ["x"] * 16
    (folder / "names.txt").write_bytes(b"\xef\xbb\xbf" + "\n".join(names).encode())
    arguments = ["x.npy", "--rank", 1, "--column-names", "names.txt", "--top", 20]
    assert sorted(t["name"] for t in orthant.report(*arguments)["top_columns"][0]) == sorted(names)
    text = orthant("factorize", *arguments).stdout
    assert "Stra\u00dfe" in text and "?[2Jred" in text and "tab?here" in text
    assert not any(c < " " and c != "\n" or c == "\x7f" for c in text)


def test_names_of_zero_weight_are_left_out(orthant, folder):
    x = np.zeros((4, 5))
    x[:2, :2] = x[2:, 3:] = 1
    np.save(folder / "x.npy", x)
    (folder / "names.txt").write_text("a\nb\nc\nd\ne\n")
    report = orthant.report("x.npy", "--rank", 2, "--init", "nndsvd", "--column-names", "names.txt")
    assert sorted([t["name"] for t in told] for told in report["top_columns"]) == [["a", "b"], ["d", "e"]]
    assert report["empty_columns"] == 1 and report["empty_rows"] == 0


def test_wrong_number_of_names(orthant, folder, x):
    (folder / "names.txt").write_text("a\nb\n")
    message = orthant.error("factorize", "x.npy", "--rank", 3, "--quiet", "--column-names", "names.txt", code=1)
    assert message.startswith("names.txt has 2 names, expected 20"), message
    message = orthant.error("factorize", "x.npy", "--rank", 3, "--quiet", "--row-names", "names.txt", code=1)
    assert message.startswith("names.txt has 2 names, expected 30"), message


@pytest.mark.parametrize("option", ["--row-names", "--column-names"])
def test_names_that_are_not_utf_8_are_refused_before_the_fit(orthant, folder, x, option):
    names = [b"na\xc3\xafve"] * (30 if option == "--row-names" else 20)
    (folder / "names.txt").write_bytes(b"\n".join(names))
    orthant("factorize", "x.npy", "--rank", 2, option, "names.txt", "--json")
    names[6] = b"na\xefve"
    (folder / "names.txt").write_bytes(b"\n".join(names))
    message = orthant.error("factorize", "x.npy", "--rank", 2, option, "names.txt", "--output", "out", code=1)
    assert message == "names.txt:7: 'na?ve' is not UTF-8"
    assert not list((folder / "out").iterdir())


@pytest.mark.parametrize("option", ["", "--w0", "--h0", "--transform", "--row-names", "--column-names"])
def test_missing_files(orthant, x, start, option):
    given = {"--w0": ["--h0", "h0.npy"], "--h0": ["--w0", "w0.npy"], "--transform": []}.get(option, ["--rank", 3])
    arguments = ["x.npy", option, "no.npy", *given] if option else ["no.npy", *given]
    message = orthant.error("factorize", *arguments, "--quiet", code=1)
    assert "no.npy" in message and "No such file" in message, message


def test_malformed_files(orthant, folder):
    (folder / "x.mtx").write_text("%%MatrixMarket matrix coordinate real general\n3 3 2\n1 1 5\n4 1 5\n")
    assert "x.mtx:4:" in orthant.error("factorize", "x.mtx", "--rank", 1, "--quiet", code=1)
    (folder / "x.csv").write_text("1,2\n3\n")
    assert "x.csv:2:" in orthant.error("factorize", "x.csv", "--rank", 1, "--quiet", code=1)
    (folder / "x.npy").write_bytes(b"\x93NUMPY\x01\x00")
    assert "x.npy" in orthant.error("factorize", "x.npy", "--rank", 1, "--quiet", code=1)
    (folder / "x.txt").write_text("1 2\n")
    assert "x.txt" in orthant.error("factorize", "x.txt", "--rank", 1, "--quiet", code=1)
    assert "." in orthant.error("factorize", ".", "--rank", 1, "--quiet", code=1)
