"""Loss against seconds for each data set, all peers in one picture: writes OUT.png and OUT.svg.

python -m bench.peers.figure RESULT.json OUT

Up: how far the loss is above the best that anyone found; along: seconds; both logarithmic.
"""

import json
import math
import pathlib
import re
import sys

import matplotlib
from PIL import Image

matplotlib.use("Agg")
# Texts of the SVG are texts, not outlines, and the same figure gives the same file.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "how_fast", "font.sans-serif": "DejaVu Sans"})
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator  # noqa: E402

from bench.peers.table import best_loss, figures, shape  # noqa: E402

# Colours that the colour-blind can tell apart (Wong 2011); one hue for a library, dashes for its other solvers.
STYLES = {
    "Orthant hals": ("#d55e00", "-", 2.4),
    "Orthant hals, 1 sweep": ("#d55e00", "--", 2.0),
    "Orthant hals, sweeps": ("#e69f00", "-", 2.4),
    "Orthant mu": ("#d55e00", ":", 2.0),
    "scikit-learn cd": ("#0072b2", "-", 1.6),
    "scikit-learn defaults": ("#0072b2", "--", 1.4),
    "scikit-learn mu": ("#0072b2", ":", 1.9),
    "scikit-learn MiniBatchNMF": ("#56b4e9", "-.", 1.4),
    "PyTorch HALS": ("#009e73", "-", 1.5),
    "PyTorch mu": ("#009e73", ":", 1.9),
    "torchnmf mu": ("#b5a800", ":", 1.9),
    "nimfa mu": ("#cc79a7", ":", 1.9),
    "mlpack mu": ("#7b4fb5", ":", 1.9),
    "NumPy mu": ("#444444", ":", 1.9),
}
FLOOR = 1e-5  # relative; below it two runs are the same
LOSSES = {"frobenius": "Frobenius", "kullback-leibler": "Kullback-Leibler", "itakura-saito": "Itakura-Saito"}


def percent(value, _):
    return f"{100 * value:g} %" if value < 10 else f"{value:g} x"


def panel(axes, data_set):
    peers, best = figures(data_set)
    for name in reversed(STYLES):  # Orthant's last, on top
        if name not in peers or peers[name].error:
            continue
        colour, dashes, width = STYLES[name]
        course = peers[name].course
        above = [max(loss / best - 1, FLOOR) for loss in course["losses"][1:]]
        marker = "o" if len(above) == 1 else None
        axes.plot(course["seconds"][1:], above, dashes, color=colour, linewidth=width, marker=marker, markersize=3)
    axes.set_axisbelow(True)
    axes.axhline(1e-3, color="#777777", linewidth=0.9, zorder=0.6)  # above the grid, below the curves
    axes.set(xscale="log", yscale="log")
    axes.set_ylim(bottom=FLOOR)
    kind = f"{LOSSES[data_set['loss']]}, rank {data_set['rank']}"
    axes.set_title(f"{data_set['name']}: {shape(data_set)}\n{kind}", fontsize=9)
    axes.grid(color="#e8e8e8", linewidth=0.6)
    axes.tick_params(labelsize=8)
    first, last = axes.get_xlim()
    within_a_decade = math.log10(last / first) < 1.6  # there, tens alone would be one label, or none
    axes.minorticks_off()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if within_a_decade else (1,), numticks=6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_major_formatter(FuncFormatter(percent))


def draw(result, out):
    sets = [data_set for data_set in result["data_sets"] if best_loss(data_set)[0] is not None]
    if not sets:
        sys.exit("no data set has a best loss to be compared with")
    columns = min(len(sets), min((4, 3, 5), key=lambda c: -len(sets) % c))  # those that leave the fewest gaps
    rows = -(-len(sets) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(3.1 * max(2, columns), 2.7 * rows + 1), squeeze=False, layout="constrained"
    )
    for axes, data_set in zip(grid.flat, sets):
        panel(axes, data_set)
    for axes in list(grid.flat)[max(0, len(sets) - columns) : len(sets)]:
        axes.set_xlabel("seconds", fontsize=9)
    for axes in list(grid.flat)[len(sets) :]:
        axes.set_axis_off()
    shown = {name for data_set in sets for name, run in data_set["peers"].items() if "error" not in run}
    lines = [
        plt.Line2D([], [], color=c, linestyle=d, linewidth=w, label=name)
        for name, (c, d, w) in STYLES.items()
        if name in shown
    ]
    ncols = min(4, max(2, columns) + 1)
    figure.legend(handles=lines, loc="outside lower center", ncols=ncols, fontsize=9, frameon=False)
    figure.supylabel("loss above the best found (the line: 0.1 %)", fontsize=9)
    out.parent.mkdir(parents=True, exist_ok=True)
    png = out.with_suffix(".png")
    figure.savefig(png, dpi=90)
    # A palette is a third as large; this method keeps the rare colours of thin lines apart.
    Image.open(png).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(png, optimize=True)
    svg = out.with_suffix(".svg")
    figure.savefig(svg, metadata={"Date": None})
    svg.write_text(shortened(svg.read_text()))


def shortened(svg):
    """A third of matplotlib's: tenths of a point, no indentation, no names of groups, no rotations by nothing."""

    def rounded(tag):
        tag = re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), tag[0])
        return tag.replace(" \nL ", "\n")  # a line from each point to the next is what M means

    svg = re.sub(r"<(?:path|use|text|g) [^>]*>", rounded, svg)
    return re.sub(r' transform="rotate\(-?0 [^"]*"', "", re.sub(r'<g id="[^"]*"', "<g", re.sub(r"\n\s+", "\n", svg)))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    draw(json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    main()
