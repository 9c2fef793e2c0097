"""Writes a data set as all peers read it: X.npy (float) or X.npz (CSR of float), W0.npy, H0.npy and about.json.

python -m bench.peers.data_sets FOLDER NAME [--shared DIR]...

Made up: D1 D2 D3 F (dense) and S1 T S2 (sparse) have the shapes that performance figures of NMF use, a planted rank and
noise; sparse ones power laws over rows and columns, as word counts and ratings have. Of data: austen and digits are in
bench/data, fashion_mnist2k and moffett in tests/data; the others are taken from the first DIR that has them, and left out
where they are not there.
"""

import argparse
import gzip
import json
import os
import pathlib

import numpy as np
import scipy.io
import scipy.sparse
from sklearn.feature_extraction.text import TfidfTransformer

from bench.peers.losses import FROBENIUS, ITAKURA_SAITO, KULLBACK_LEIBLER

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUNDLED = (ROOT / "bench/data", ROOT / "tests/data")


def dense(rows, columns, rank):
    """Parts of which half are zero, with exponential weights, and noise of a third of their mean."""

    def make(random):
        def factor(a, b):
            return random.standard_exponential((a, b), dtype=np.float32) * (random.random((a, b)) < 0.5)

        x = factor(rows, rank) @ factor(rank, columns)
        x += 0.4 * x.mean() * np.abs(random.standard_normal(x.shape, dtype=np.float32))
        return x

    return make, rank, FROBENIUS


def sparse(rows, columns, nonzeros, rank):
    """Every row and column has a topic and a popularity; half of the entries are within a topic, others anywhere."""

    def make(random):
        def popular(size, count):  # a power law; neither popular rows nor columns are neighbours
            return random.permutation(size)[(size * random.random(count) ** 2).astype(np.int64)]

        i, j = popular(rows, nonzeros), popular(columns, nonzeros)
        row_topics, column_topics = random.integers(rank, size=rows), random.integers(rank, size=columns)
        by_topic = np.argsort(column_topics, kind="stable")
        first = np.searchsorted(column_topics[by_topic], np.arange(rank + 1))
        own = random.random(nonzeros) < 0.5
        topic = row_topics[i[own]]
        size = first[topic + 1] - first[topic]
        j[own] = by_topic[first[topic] + (size * random.random(len(topic)) ** 2).astype(np.int64)]
        values = 1 + random.standard_exponential(nonzeros, dtype=np.float32)
        return scipy.sparse.csr_matrix((values, (i, j)), shape=(rows, columns))

    return make, rank, FROBENIUS


def of_loss(loss, made_up):
    make, rank, _ = made_up
    return make, rank, loss


def matrix(path, rank, loss, tfidf=False):
    """`path` from the folder of data sets."""

    def make(folder):
        file = folder / path
        if path.endswith((".mtx", ".mtx.gz")):
            x = scipy.sparse.csr_matrix(scipy.io.mmread(file))
            return TfidfTransformer().fit_transform(x) if tfidf else x
        with gzip.open(file) if path.endswith(".gz") else open(file, "rb") as opened:
            return np.load(opened)

    return make, rank, loss


MADE_UP = {
    "D1": dense(5000, 4000, 32),
    "D2": dense(20000, 2000, 64),
    "D3": dense(2000, 2000, 16),
    "F": dense(60000, 784, 50),
    "S1": sparse(50000, 20000, 1_320_000, 32),
    "T": sparse(63660, 12914, 414_000, 50),
    "S2": sparse(200000, 30000, 26_300_000, 20),
    "D3-KL": of_loss(KULLBACK_LEIBLER, dense(2000, 2000, 16)),
    "S1-KL": of_loss(KULLBACK_LEIBLER, sparse(50000, 20000, 1_320_000, 32)),
}
REAL = {  # the loss and rank are those with which these data are told about
    "austen": matrix("austen/austen.mtx.gz", 6, FROBENIUS, tfidf=True),
    "digits": matrix("digits/digits.npy", 16, FROBENIUS),
    "fashion_mnist2k": matrix("fashion_mnist2k/fashion2k.npy.gz", 16, FROBENIUS),
    "moffett": matrix("moffett/moffett.npy.gz", 3, FROBENIUS),
    "debian_descriptions": matrix("debian_descriptions/descriptions.mtx.gz", 20, FROBENIUS, tfidf=True),
    "pbmc_facs": matrix("pbmc_facs/pbmc_facs.mtx.gz", 6, KULLBACK_LEIBLER),
    "mutsig": matrix("mutsig/pcawg_96x2780.mtx.gz", 20, KULLBACK_LEIBLER),
    "audio_piano4": matrix("audio_piano4/piano4_power_513x610.npy", 6, ITAKURA_SAITO),
}
DENSE_ENOUGH = 0.3  # stored entries; beyond that dense storage is what one would use


def make(name, shared):
    """X, rank and loss; None where its file is not there."""
    if name in MADE_UP:
        making, rank, loss = MADE_UP[name]
        x = making(np.random.default_rng(1))
    else:
        making, rank, loss = REAL[name]
        for folder in (*BUNDLED, *shared):
            try:
                x = making(folder)
                break
            except FileNotFoundError:
                continue
        else:
            return None
    if scipy.sparse.issparse(x):
        x.sum_duplicates()
        if x.nnz > DENSE_ENOUGH * x.shape[0] * x.shape[1]:
            x = x.toarray()
    return x.astype(np.float32), rank, loss


def start(x, rank):
    """Uniform, so that the mean of WH is the mean of X."""
    random = np.random.default_rng(2)
    scale = 2 * np.sqrt(x.mean(dtype=np.float64) / rank)
    w = scale * random.random((x.shape[0], rank))
    h = scale * random.random((rank, x.shape[1]))
    return w.astype(np.float32), h.astype(np.float32)


def write(folder, name, shared):
    made = make(name, shared)
    if made is None:
        return
    x, rank, loss = made
    w, h = start(x, rank)
    folder.mkdir(parents=True, exist_ok=True)
    is_sparse = scipy.sparse.issparse(x)
    if is_sparse:
        x.indices, x.indptr = x.indices.astype(np.int32), x.indptr.astype(np.int32)
        scipy.sparse.save_npz(folder / "X.npz", x, compressed=False)
    else:
        np.save(folder / "X.npy", np.ascontiguousarray(x))
    np.save(folder / "W0.npy", w)
    np.save(folder / "H0.npy", h)
    about = {"name": name, "rows": x.shape[0], "columns": x.shape[1], "rank": rank, "loss": loss}
    about["nonzeros"] = int(x.nnz) if is_sparse else None
    written = folder / "about.json.part"
    written.write_text(json.dumps(about) + "\n")
    os.replace(written, folder / "about.json")  # last: the folder is whole where it is there


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("name", choices=[*MADE_UP, *REAL])
    parser.add_argument("--shared", type=pathlib.Path, action="append", default=[], metavar="DIR")
    options = parser.parse_args()
    write(options.folder, options.name, options.shared)


if __name__ == "__main__":
    main()
