"""The tables of a comparison in Markdown, one row a data set and one row a peer.

python -m bench.peers.table RESULT.json [--readme README.md]

Seconds to a loss are those before the first iteration, and the iterations that it took times the seconds of one: the
least over the rounds of a median within each. The losses are those within 1 % and 0.1 % of the best that anyone found.
--readme puts the rows of the data sets into the README, between its two comments.
"""

import argparse
import json
import math
import pathlib
import re
import statistics

PERCENT, PERMILLE = 1.01, 1.001


class Peer:
    """The figures of one peer on one data set."""

    def __init__(self, name, run, best):
        self.name, self.ours = name, name.startswith("Orthant")
        self.error = run.get("error")
        if self.error:
            return
        rounds = run["rounds"]
        self.course = rounds[0]
        self.per_iteration = min(seconds_per_iteration(r) for r in rounds)
        self.before = max(0, min(r["seconds"][1] - self.per_iteration * r["iterations"][1] for r in rounds))
        self.bytes = min(r["bytes"] for r in rounds)
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


def figures(data_set):
    """Peers by name, and the best loss."""
    runs = data_set["peers"]
    best = min(min(run["rounds"][0]["losses"]) for run in runs.values() if "error" not in run)
    return {name: Peer(name, run, best) for name, run in runs.items()}, best


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


def seconds(value, result):
    return number(value, 3) if value is not None else f"not in {result['seconds']:g}"


def all_peers(result):
    """Every peer on every data set."""
    lines = [
        "| X | peer | ms per iteration | of Orthant's | s to 1 % | s to 0.1 % | of Orthant's "
        "| at the end above the best | iterations | MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for data_set in result["data_sets"]:
        peers, _ = figures(data_set)
        first = next(iter(peers.values()))
        permille = fastest(p for p in peers.values() if p.ours)
        for p in peers.values():
            if p.error:
                lines.append(f"| {data_set['name']} | {p.name} | {p.error} |" + " |" * 7)
                continue
            lines.append(
                f"| {data_set['name']} | {p.name} | {number(1e3 * p.per_iteration, 3)} "
                f"| {number(p.per_iteration / first.per_iteration)} "
                f"| {seconds(p.percent, result)} | {seconds(p.permille, result)} | {times(permille, p, result)} "
                f"| {above(p.excess)} | {p.course['iterations'][-1]} | {p.bytes / 1e6:.0f} |"
            )
    return lines


def fastest(peers):
    """To 0.1 %; None where nobody came there."""
    there = [p for p in peers if not p.error and p.permille is not None]
    return min(there, key=lambda p: p.permille, default=None)


def times(ours, theirs, result):
    """How many times as long they took to 0.1 % as we did; where they were not there in time a bound, if any."""
    if ours is None:
        return ""
    if theirs is not None and theirs.permille is not None:
        return number(theirs.permille / ours.permille)
    ran = result["seconds"] if theirs is None else theirs.course["seconds"][-1]
    return f"> {number(ran / ours.permille)}" if ran > ours.permille else ""


COUNTERPART = {  # by loss: what does the same steps
    "frobenius": ("Orthant hals", "scikit-learn cd"),
    "kullback-leibler": ("Orthant mu", "scikit-learn mu"),
    "itakura-saito": ("Orthant mu", "scikit-learn mu"),
}


def by_data_set(result):
    """Orthant against scikit-learn by the same steps, and to 0.1 % of the best loss against the best of all peers."""
    lines = [
        "| X | rank | loss | per iteration, against scikit-learn | to 0.1 % of the best loss, against the best peer |"
        " ms per iteration | s to 0.1 % | MB, scikit-learn's |",
        "|---|---|---|---|---|---|---|---|",
    ]
    short = {"frobenius": "F", "kullback-leibler": "KL", "itakura-saito": "IS"}
    for data_set in result["data_sets"]:
        peers, _ = figures(data_set)
        mine, theirs = (peers[name] for name in COUNTERPART[data_set["loss"]])
        ours = fastest(p for p in peers.values() if p.ours)
        best = fastest(p for p in peers.values() if not p.ours)
        if ours is None:
            reached = f"not in {result['seconds']:g} s" + (f", {best.name} {number(best.permille)} s" if best else "")
        elif best is None:
            bound = times(ours, None, result)
            reached = (f"**{bound}**, " if bound else "") + f"none of them in {result['seconds']:g} s"
        else:
            reached = f"**{times(ours, best, result)}** ({best.name})"
        lines.append(
            f"| {data_set['name']}: {shape(data_set)} | {data_set['rank']} | {short[data_set['loss']]} "
            f"| **{number(theirs.per_iteration / mine.per_iteration)}** ({theirs.name.split()[-1]}) "
            f"| {reached} "
            f"| {number(1e3 * mine.per_iteration, 3)} "
            + (f"| {number(ours.permille)} ({ours.name.removeprefix('Orthant ')}) " if ours else "| ")
            + f"| {mine.bytes / 1e6:.0f}, {theirs.bytes / 1e6:.0f} |"
        )
    return lines


def conditions(result):
    device = result["orthant"]["backends"]["cpu"]["device"]
    told = [
        f"{result['date']}, {result['machine']}, {device}, {result['threads']} threads, float, "
        f"{result['rounds']} rounds, at most {result['seconds']:g} s or {result['iterations']} iterations",
        ", ".join(f"{name} {version}" for name, version in result["packages"].items()),
    ]
    for what, names in (("not installed", result["not_installed"]), ("data not there", result["not_there"])):
        if names:
            told.append(f"{what}: {', '.join(names)}")
    return "; ".join(told) + "."


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=pathlib.Path)
    parser.add_argument("--readme", type=pathlib.Path)
    options = parser.parse_args()
    result = json.loads(options.result.read_text())
    rows = "\n".join(by_data_set(result)) + "\n\n" + conditions(result) + "\n"
    print("\n".join(all_peers(result)) + "\n\n" + rows, end="")
    if options.readme:
        begin, end = "<!-- bench/peers/table.py: begin -->\n", "<!-- bench/peers/table.py: end -->\n"
        text, count = re.subn(
            f"(?<={begin}).*?(?={end})", lambda _: rows, options.readme.read_text(), flags=re.DOTALL
        )
        if count != 1:
            raise SystemExit(f"{options.readme}: expected one pair of the comments {begin.strip()} and {end.strip()}")
        options.readme.write_text(text)


if __name__ == "__main__":
    main()
