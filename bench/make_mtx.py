"""Writes a sparse matrix with a power law over rows and columns as a Matrix Market file, for measuring how fast it is read.

make_mtx.py FILE [--rows 200000] [--columns 30000] [--entries 9000000] [--order row|column|random] [--seed 0]
"""

import argparse

import numpy as np


def power_law(generator, size, count):
    """Indices below `size` whose frequencies fall roughly as 1 / rank, the frequent ones spread over the range."""
    ranks = np.floor(size ** generator.random(count)).astype(np.int64) - 1
    return generator.permutation(size)[ranks]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=30_000)
    parser.add_argument("--entries", type=int, default=9_000_000, help="before repeated places are left out")
    parser.add_argument("--order", choices=["row", "column", "random"], default="column")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    generator = np.random.default_rng(options.seed)
    rows = power_law(generator, options.rows, options.entries)
    columns = power_law(generator, options.columns, options.entries)
    places = np.unique(rows * options.columns + columns)
    rows, columns = places // options.columns, places % options.columns
    if options.order == "column":
        order = np.lexsort((rows, columns))
    elif options.order == "random":
        order = generator.permutation(len(places))
    else:
        order = np.arange(len(places))
    values = generator.gamma(2.0, 3.0, len(places))

    with open(options.file, "w") as file:
        file.write("%%MatrixMarket matrix coordinate real general\n")
        file.write(f"{options.rows} {options.columns} {len(places)}\n")
        for block in np.array_split(order, max(1, len(order) // 100_000)):
            entries = zip((rows[block] + 1).tolist(), (columns[block] + 1).tolist(), values[block].tolist())
            file.write("".join("%d %d %.7g\n" % entry for entry in entries))


if __name__ == "__main__":
    main()
