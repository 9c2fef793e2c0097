#!/usr/bin/env python3
"""Writes the seeds of the corpus: one small file for each feature of a format.  usage: make_corpus.py FOLDER"""

import gzip
import io
import pathlib
import sys
import zipfile

import numpy as np
import scipy.sparse

FOLDER = pathlib.Path(sys.argv[1])


def keep(target, name, content):
    path = FOLDER / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


WORKLOADS = {
    "dense": '[{"name": "a", "rows": 60, "columns": 50, "rank": 4, "content": "counts"}]',
    "sparse": '[{"rows": 90, "columns": 80, "nonzeros": 900, "degrees": "uniform"}, {"rows": 1, "columns": 1}]',
    "wrong": '[{"rows": -1, "columns": 1e3, "rank": "x", "degrees": [], "name": 3}]',
    "unknown": '[{"row": 1}]',
    "nested": '[[[{"rows": {}}]]]',
    "too_large": '[{"rows": 1e999}]',
}
for name, text in WORKLOADS.items():
    keep("workloads", name + ".json", text)

BANNER = "%%MatrixMarket matrix "
MTX = {
    "real": BANNER + "coordinate real general\n% comment\n3 2 3\n1 1 1.5\n3 2 +2e-3\n2 1 0\n",
    "integer": BANNER + "coordinate integer general\n2 2 2\n1 2 7\n2 2 3\n",
    "pattern": BANNER + "coordinate pattern symmetric\n3 3 2\n2 1\n3 3\n",
    "repeated": BANNER + "coordinate real general\n2 2 3\n1 1 1\n1 1 2\n2 2 1\n",
    "array": BANNER + "array real general\n2 2\n1\n2\n3\n4\n",
    "array_symmetric": BANNER + "array integer symmetric\n2 2\n1\n2\n3\n",
    "crlf": (BANNER + "coordinate real general\n2 2 1\n\n1 1 1\n").replace("\n", "\r\n"),
    "few": BANNER + "coordinate real general\n2 2 3\n1 1 1\n",
    "outside": BANNER + "coordinate real general\n2 2 1\n3 1 1\n",
    "complex": BANNER + "coordinate complex general\n1 1 1\n1 1 1 0\n",
    "empty": BANNER + "coordinate real general\n2 2 0\n",
    "huge": BANNER + "coordinate real general\n2000000000 1 1\n1 1 1\n",
    "promises": BANNER + "coordinate real general\n9 9 1000000000000\n1 1 1\n",
    "not_finite": BANNER + "coordinate real general\n1 3 3\n1 1 inf\n1 2 -nan\n1 3 1e999\n",
    "too_many": BANNER + "coordinate pattern general\n2 2 1\n1 1\n% comment\n2 2\n",
}
for name, text in MTX.items():
    keep("matrix_market", name, text)

keep("csv", "plain", "1,2\n3,4\n")
keep("csv", "header", '"a","b"\n1,2.5e-3\n+3,4\n')
keep("csv", "tabs", "a\tb\n1\t2\n")
keep("csv", "crlf", "1\t2\r\n\r\n3\t4")
keep("csv", "bom", b"\xef\xbb\xbf1,2\n")
keep("csv", "pandas", ",0,1\n0,1.5,\n1,NA,2\n")
keep("csv", "r", '"","a"\n"x",1\n"y",2\n')
keep("csv", "ragged", "1,2\n3\n")
keep("csv", "words", "1,2\n3,x\n")


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


X = np.arange(6).reshape(2, 3)
for kind in ("f4", "f8", "u1", "u2", "i4", "i8", ">f8", ">i2", "b1"):
    keep("npy", kind.replace(">", "big_"), npy(X.astype(kind)))
keep("npy", "fortran", npy(np.asfortranarray(X.astype("f4"))))
keep("npy", "version_2", npy(X.astype("f4"), (2, 0)))
keep("npy", "version_3", npy(X.astype("f4"), (3, 0)))
keep("npy", "one_dimension", npy(np.ones(3)))
keep("npy", "words", npy(np.array([["a", "b"]])))
keep("npy", "short", npy(X.astype("f8"))[:-1])
keep("npy", "huge", npy(X.astype("f8")).replace(b"(2, 3), }", b"(99999999999, 99999999999), }"))

X = np.array([[0, 1.5, 0, 0], [2, 0, 0, 3], [0, 0, 0, 0]])
LONG = scipy.sparse.csr_matrix(X)
LONG.indices, LONG.indptr = LONG.indices.astype("i8"), LONG.indptr.astype("i8")
SPARSE = {
    "csr": scipy.sparse.csr_matrix(X),
    "csc": scipy.sparse.csc_matrix(X),
    "coo": scipy.sparse.coo_matrix(X),
    "bsr": scipy.sparse.bsr_matrix(X),
    "csr_f4": scipy.sparse.csr_matrix(X.astype("f4")),
    "csr_i8": LONG,
    "csr_array": scipy.sparse.csr_array(X),
}


def keep_npz(name, content):
    """As an archive, and as the members alone, as the target npz_members takes them."""
    keep("npz", name + ".npz", content)
    names = ["format", "shape", "data", "indices", "indptr", "row", "col"]
    members = b""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.namelist():
            number = names.index(member[:-4]) if member[:-4] in names else len(names)
            members += bytes([number]) + len(archive.read(member)).to_bytes(2, "little") + archive.read(member)
    keep("npz_members", name, members)


for name, matrix in SPARSE.items():
    out = io.BytesIO()
    scipy.sparse.save_npz(out, matrix)
    keep_npz(name, out.getvalue())
out = io.BytesIO()
scipy.sparse.save_npz(out, SPARSE["csr"], compressed=False)
keep("npz", "csr_stored.npz", out.getvalue())
out = io.BytesIO()
np.savez(out, format=b"csr", shape=(2, 2), indptr=[0, 9, 2], indices=[0, 5], data=[1.0, 2.0])
keep_npz("inconsistent", out.getvalue())
out = io.BytesIO()
np.savez(out, format=b"csr", shape=(2, 2))
keep_npz("missing", out.getvalue())

member = gzip.compress(b"some text\n" * 20, mtime=0)
keep("gzip", "one", member)
keep("gzip", "two", member + member)
keep("gzip", "padded", member + bytes(16))
keep("gzip", "short", member[:-5])
keep("gzip", "flipped", member[:20] + bytes([member[20] ^ 1]) + member[21:])
keep("gzip", "stored", gzip.compress(b"abc", compresslevel=0, mtime=0))
keep("gzip", "empty", gzip.compress(b"", mtime=0))
