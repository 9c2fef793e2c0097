"""The table of a comparison in Markdown, one row for each peer on each data set, and what it comes to.

python -m bench.peers.table RESULT.json [--readme README.md]

Seconds to a loss are those before the first iteration, and the iterations that it took times the seconds of one: the
least over the rounds of a median within each. The losses are those within 1 % and 0.1 % of the best that anyone found.
--readme puts a shorter table, one row a data set, into the README, between its two comments (there is a pair for each
device), and prints it too.
"""

import argparse
import json
import math
import pathlib
import re
import statistics

PERCENT, PERMILLE = 1.01, 1.001
FAIR = 10  # times what Orthant took to within 0.1 % is what peers have at least, so that a bound of their time tells something


class Peer:
    """The figures of one peer on one data set."""

    def __init__(self, name, run, best, device="cpu"):
        self.name, self.ours = name, name.startswith("Orthant")
        self.error = run.get("error")
        if self.error:
            return
        rounds = run["rounds"]
        self.course = rounds[0]
        self.per_iteration = min(seconds_per_iteration(r) for r in rounds)
        before = max(0, min(r["seconds"][1] - self.per_iteration * r["iterations"][1] for r in rounds))
        self.before = before if device == "cpu" else 0  # of a device it counts for nobody
        self.ran = self.course["seconds"][-1] - before + self.before
        self.bytes = min(r["bytes"] for r in rounds)  # of the host's memory
        self.excess = self.course["losses"][-1] / best - 1
        self.percent, self.permille = (self.seconds_to(best * factor) for factor in (PERCENT, PERMILLE))

    def seconds_to(self, loss):
        """None where it was not reached."""
        needed = iterations_to(self.course, loss)
        return None if needed is None else self.before + needed * self.per_iteration


def seconds_per_iteration(course):
    """The median over the later half of what was looked at: longer stretches, and all caches warm."""
    pairs = list(zip(course["iterations"], course["seconds"]))[1:]
    if len(pairs) == 1:
        return course["seconds"][1] / course["iterations"][1]
    later = pairs[(len(pairs) - 1) // 2 :]
    return statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(later, later[1:]))


def iterations_to(course, loss):
    """Between two that were looked at, the logarithm of the loss is taken as straight."""
    at, losses = course["iterations"], course["losses"]
    for i, reached in enumerate(losses):
        if reached <= loss:
            if i == 0:
                return 0
            share = math.log(losses[i - 1] / loss) / math.log(losses[i - 1] / reached)
            return at[i - 1] + share * (at[i] - at[i - 1])
    return None


def best_loss(data_set):
    """Of all peers, and None; or None, and why nothing can be told of the data set."""
    courses = [run["rounds"][0]["losses"] for run in data_set["peers"].values() if "error" not in run]
    if not courses:
        return None, "failed: no peer ran to its end"
    best = min(map(min, courses))
    if best <= 0:
        return None, f"failed: the best loss is {best:g}, of which others are no multiple"
    if courses[0][0] <= PERMILLE * best:
        return None, "failed: the start is within 0.1 % of the best loss"
    return best, None


def figures(data_set):
    """Peers by name, and the best loss. Only of a data set that has one."""
    best, _ = best_loss(data_set)
    device = data_set.get("device", "cpu")
    return {name: Peer(name, run, best, device) for name, run in data_set["peers"].items()}, best


def number(value, digits=2):
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"


def above(excess):
    return f"{100 * excess:.2g} %" if excess < 10 else f"{excess:.0f} times"


def shape(data_set):
    stored = data_set["nonzeros"]
    size = f"{data_set['rows']} x {data_set['columns']}"
    if stored is not None:
        size += f", {stored / 1e6:.1f} M" if stored > 1e6 else f", {stored / 1e3:.0f} k"
    return size


def seconds(value, given):
    return number(value, 3) if value is not None else f"not in {number(given['seconds'])}"


def all_peers(result):
    """Every peer on every data set."""
    lines = [
        "| X | peer | ms per iteration | of Orthant's | s to 1 % | s to 0.1 % | of Orthant's "
        "| at the end above the best | iterations | MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for data_set in result["data_sets"]:
        _, failed = best_loss(data_set)
        if failed:
            lines.append(f"| {data_set['name']} | {failed} |" + " |" * 8)
            continue
        peers, _ = figures(data_set)
        first = next((p for p in peers.values() if p.ours and not p.error), None)
        permille = fastest(p for p in peers.values() if p.ours)
        for p in peers.values():
            if p.error:
                lines.append(f"| {data_set['name']} | {p.name} | {p.error} |" + " |" * 7)
                continue
            lines.append(
                f"| {data_set['name']} | {p.name} | {number(1e3 * p.per_iteration, 3)} "
                f"| {number(p.per_iteration / first.per_iteration) if first else ''} "
                f"| {seconds(p.percent, data_set)} | {seconds(p.permille, data_set)} | {times(permille, p, data_set)} "
                f"| {above(p.excess)} | {p.course['iterations'][-1]} | {p.bytes / 1e6:.0f} |"
            )
    return lines


def fastest(peers):
    """To 0.1 %; None where nobody came there."""
    there = [p for p in peers if not p.error and p.permille is not None]
    return min(there, key=lambda p: p.permille, default=None)


def bound(theirs, given):
    """Seconds in which these did not come to 0.1 %: what they were given, unless their iterations were used up."""
    cut = [p.ran for p in theirs if not p.error and p.course["iterations"][-1] >= given["iterations"]]
    return min([given["seconds"], *cut])


def times(ours, theirs, given):
    """How many times as long they took to 0.1 % as we did; where they were not there in time a bound, if any."""
    if ours is None:
        return ""
    if theirs.permille is not None:
        return number(theirs.permille / ours.permille)
    at_least = max(theirs.ran, bound([theirs], given))
    return f"> {number(at_least / ours.permille)}" if at_least > ours.permille else ""


COUNTERPART = {  # by device: whose solvers do the same steps
    "cpu": {"hals": "scikit-learn cd", "mu": "scikit-learn mu"},
    "cuda": {"hals": "PyTorch HALS", "mu": "PyTorch mu"},
}


def library(device):
    """That of the counterparts."""
    return COUNTERPART[device]["mu"].split()[0]


class Row:
    """Orthant against its counterpart, and its quickest solver against the quickest of all peers."""

    def __init__(self, data_set):
        self.data_set = data_set
        self.name = data_set["name"]
        _, self.failed = best_loss(data_set)
        if self.failed:
            return
        peers, _ = figures(data_set)
        solver, mine = ("hals", "hals, 1 sweep") if data_set["loss"] == "frobenius" else ("mu", "mu")
        self.device = data_set.get("device", "cpu")
        self.mine, self.counterpart = peers.get(f"Orthant {mine}"), peers.get(COUNTERPART[self.device][solver])
        if self.mine.error:
            self.failed = f"failed: {self.mine.name}: {self.mine.error}"
            return
        others = [p for p in peers.values() if not p.ours]
        self.ours, self.best = fastest(p for p in peers.values() if p.ours), fastest(others)
        self.per_iteration = None
        if self.counterpart and not self.counterpart.error:
            self.per_iteration = self.counterpart.per_iteration / self.mine.per_iteration
        # To 0.1 %, how many times as long the best peer takes. Where none was there: at least so many times.
        self.ratio, self.is_bound = None, self.best is None
        if self.ours:
            self.ratio = (self.best.permille if self.best else bound(others, data_set)) / self.ours.permille


def by_data_set(result):
    """Orthant against its counterpart by the same steps, and to 0.1 % of the best loss against the best of all peers."""
    theirs = library(result.get("device", "cpu"))
    lines = [
        f"| X | rank | loss | per iteration, against {theirs} | to 0.1 % of the best loss, against the best peer |"
        f" ms per iteration | s to 0.1 % | host MB, {theirs}'s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    short = {"frobenius": "F", "kullback-leibler": "KL", "itakura-saito": "IS"}
    for data_set in result["data_sets"]:
        row = Row(data_set)
        start = f"| {row.name}: {shape(data_set)} | {data_set['rank']} | {short[data_set['loss']]}"
        if row.failed:
            lines.append(f"{start} | {row.failed} |" + " |" * 4)
            continue
        if row.ours is None:
            reached = f"not in {number(data_set['seconds'])} s, {row.best.name} {number(row.best.permille)} s"
        elif row.is_bound:
            reached = (f"**> {number(row.ratio)}**, " if row.ratio > 1 else "") + "none of them in time"
        else:
            reached = f"**{number(row.ratio)}** ({row.best.name})"
        theirs = f"**{number(row.per_iteration)}** ({row.counterpart.name.split()[-1]})" if row.per_iteration else ""
        memory = f"{row.mine.bytes / 1e6:.0f}" + (f", {row.counterpart.bytes / 1e6:.0f}" if row.per_iteration else "")
        lines.append(
            f"{start} | {theirs} | {reached} "
            f"| {number(1e3 * row.mine.per_iteration, 3)} "
            + (f"| {number(row.ours.permille)} ({row.ours.name.removeprefix('Orthant ')}) " if row.ours else "| ")
            + f"| {memory} |"
        )
    return lines


TARGET = 5  # times, to 0.1 %
KINDS = (  # (what, loss, sparse, the target of iterations)
    ("dense HALS", "frobenius", False, 3),
    ("sparse HALS", "frobenius", True, 8),
    ("dense Kullback-Leibler", "kullback-leibler", False, 25),
    ("sparse Kullback-Leibler", "kullback-leibler", True, 50),
)


def summary(result):
    """On how many rows what is aimed at was reached, and on which not."""
    rows = [row for row in map(Row, result["data_sets"]) if not row.failed]
    if not rows:
        return ["No data set has figures."]
    reached = [r for r in rows if r.ratio is not None and r.ratio >= TARGET]
    open_rows = [r for r in rows if r not in reached and r.is_bound and r.ratio is not None]
    below = [r for r in rows if r not in reached and r not in open_rows]
    told = f"{TARGET} x or better on {len(reached)} of {len(rows)} rows ({100 * len(reached) / len(rows):.0f} %)"
    ratios = [r.ratio for r in rows if r.ratio is not None]
    if ratios:
        told += f", geometric mean {number(statistics.geometric_mean(ratios))}"
        told += " (`>` at their bounds)" if any(r.is_bound for r in rows) else ""
    if below:
        told += ", below: " + ", ".join(f"{r.name} {number(r.ratio) if r.ratio else 'not reached'}" for r in below)
    if open_rows:
        told += ", open, the peers' time being up: " + ", ".join(f"{r.name} > {number(r.ratio)}" for r in open_rows)
    lines = [f"To 0.1 % of the best loss, against the best peer: {told}."]
    kinds = []
    for what, loss, sparse, target in KINDS:
        of_kind = [r for r in rows if r.per_iteration and r.data_set["loss"] == loss]
        of_kind = [r for r in of_kind if (r.data_set["nonzeros"] is not None) == sparse]
        if not of_kind:
            continue
        kinds.append(f"{what} {number(statistics.geometric_mean(r.per_iteration for r in of_kind))}")
        if of_kind[0].device != "cpu":
            continue  # the aims are of the CPU
        missed = [f"{r.name} {number(r.per_iteration)}" for r in of_kind if r.per_iteration < target]
        kinds[-1] += f" (aim {target}" + (f"; below: {', '.join(missed)})" if missed else ")")
    if kinds:
        of_whom = library(result.get("device", "cpu"))
        lines.append(f"An iteration against {of_whom}'s, geometric means: {', '.join(kinds)}.")
    return lines


def conditions(result):
    devices = [result["orthant"]["backends"][name]["device"] for name in {"cpu": None, result.get("device", "cpu"): None}]
    told = [
        f"{result['date']}, {result['machine']}, {', '.join(devices)}, {result['threads']} threads, float, "
        f"{result['rounds']} rounds, at most {result['seconds']:g} s (Orthant up to 4 times that, until it rests; peers {FAIR} times Orthant's to 0.1 %, if that is "
        f"longer) or "
        f"{result['iterations']} iterations",
        ", ".join(f"{name} {version}" for name, version in result["packages"].items()),
    ]
    for what, names in (
        ("not installed", result["not_installed"]),
        ("data not there", result["not_there"]),
        ("interrupted before", result.get("interrupted")),
    ):
        if names:
            told.append(f"{what}: {', '.join(names)}")
    return "; ".join(told) + "."


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=pathlib.Path)
    parser.add_argument("--readme", type=pathlib.Path)
    options = parser.parse_args()
    result = json.loads(options.result.read_text())
    what_it_comes_to = [*summary(result), "", conditions(result)]
    short = [*by_data_set(result), ""] if options.readme else []
    rows = "\n".join([*short, *what_it_comes_to]) + "\n"
    print("\n".join(all_peers(result)) + "\n\n" + rows, end="")
    if options.readme:
        place = "<!-- bench/peers/table.py, " + result.get("device", "cpu")
        begin, end = place + ": begin -->\n", place + ": end -->\n"
        text, count = re.subn(
            f"(?<={begin}).*?(?={end})", lambda _: rows, options.readme.read_text(), flags=re.DOTALL
        )
        if count != 1:
            raise SystemExit(f"{options.readme}: expected one pair of the comments {begin.strip()} and {end.strip()}")
        options.readme.write_text(text)


if __name__ == "__main__":
    main()
