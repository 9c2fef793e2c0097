#!/usr/bin/env python3
"""What every kernel takes of a device, by ptxas: registers, stack, static shared memory, and the theoretical occupancy.

Prints a table and fails if a kernel spills, or is worse than the table kept in the repository (or not in it, or in it but
gone). `--write` makes that table anew.
"""

import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import NamedTuple

COLUMNS = ("kernel", "sm", "threads", "registers", "stack", "shared", "occupancy")
DEFAULT_THREADS = 256  # of kernels without launch bounds, for their occupancy


class Limits(NamedTuple):
    """Of a multiprocessor, by the CUDA C++ Programming Guide, "Technical Specifications per Compute Capability"."""

    warps: int
    blocks: int
    shared: int  # bytes
    registers: int = 65536


LIMITS = {
    75: Limits(32, 16, 64 << 10),
    80: Limits(64, 32, 164 << 10),
    86: Limits(48, 16, 100 << 10),
    89: Limits(48, 24, 100 << 10),
    90: Limits(64, 32, 228 << 10),
    100: Limits(64, 32, 228 << 10),
    120: Limits(48, 24, 100 << 10),
}


class Kernel(NamedTuple):
    name: str
    sm: int
    threads: int  # by the launch bounds; 0: none
    registers: int
    stack: int
    spills: int
    shared: int


def up(value, unit):
    return -(-value // unit) * unit


def occupancy(kernel):
    """Percent of the warps that a multiprocessor can have, with static shared memory only."""
    limits = LIMITS[kernel.sm]
    warps = up(kernel.threads or DEFAULT_THREADS, 32) // 32
    # Registers are given out to warps, 256 at a time; four schedulers share them. Shared memory: 128 bytes at a time, and
    # 1 KiB of each block is the system's (none before 8.0).
    by_registers = limits.registers // 4 // up(up(kernel.registers, 8) * 32, 256) * 4 // warps
    system = 1024 if kernel.sm >= 80 else 0
    shared = up(kernel.shared + system, 128)
    by_shared = limits.shared // shared if shared else limits.blocks
    blocks = min(limits.blocks, limits.warps // warps, by_registers, by_shared)
    return round(100 * blocks * warps / limits.warps)


def run(command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(str(word) for word in command)}\n{result.stdout}{result.stderr}")
    return result.stdout + result.stderr


def launch_bounds(ptx):
    """The most threads of a block, by mangled name."""
    bounds = {}
    for name, directives in re.findall(r"\.entry\s+(\w+)\s*\(.*?\)([^{;]*)\{", ptx, re.DOTALL):
        found = re.search(r"\.(?:maxntid|reqntid)\s+([\d,\s]+)", directives)
        threads = 1
        for extent in found.group(1).split(",") if found else [0]:
            threads *= int(extent)
        bounds[name] = threads
    return bounds


REPORT = re.compile(
    r"Compiling entry function '(?P<name>\w+)'.*?"
    r"(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads.*?"
    r"Used (?P<registers>\d+) registers(?P<rest>[^\n]*)",
    re.DOTALL,
)


def short_name(source, demangled):
    """update<HALS, float> of factor_update: without namespaces, result and parameters."""
    name = re.sub(r"\(anonymous namespace\)::|\b(?:\w+::)+", "", demangled)
    depth, end = 0, len(name)
    for i, c in enumerate(name):
        depth += (c == "<") - (c == ">")
        if c == "(" and depth == 0:
            end = i
            break
    return f"{source.stem}: {name[:end].removeprefix('void ')}"


def to_ptx(nvcc, root, source, sm, folder):
    ptx = folder / f"{source.stem}.{sm}.ptx"
    flags = ["-std=c++20", "-O3", "-lineinfo", "--expt-relaxed-constexpr", "-diag-suppress=554", "-I", root]
    run([nvcc, *flags, "-I", root / "include", "-ptx", f"-arch=compute_{sm}", "-o", ptx, source])
    return ptx


def compile_one(nvcc, root, source, sm, folder, built=None):
    ptx = built / f"compute_{sm}" / f"{source.stem}.ptx" if built else None
    if ptx is None or not ptx.exists():
        ptx = to_ptx(nvcc, root, source, sm, folder)
    cubin = folder / f"{source.stem}.{sm}.cubin"
    # By nvcc as well, which knows where ptxas is. What calls functions elsewhere is for a linker.
    linked = ["-rdc=true"] if ".extern .func" in ptx.read_text() else []
    text = run([nvcc, "-cubin", *linked, f"-arch=sm_{sm}", "-lineinfo", "-Xptxas=-v", "-o", cubin, ptx])
    bounds = launch_bounds(ptx.read_text())
    reports = list(REPORT.finditer(text))
    if len(reports) != len(bounds):
        sys.exit(f"{source}, sm_{sm}: {len(bounds)} kernels, but ptxas reports {len(reports)}")
    demangled = run(["c++filt", *(report["name"] for report in reports)]).splitlines() if reports else []
    kernels = []
    for report, name in zip(reports, demangled):
        shared = re.search(r"(\d+) bytes smem", report["rest"])
        spills = int(report["stores"]) + int(report["loads"])
        kernels.append(Kernel(short_name(source, name), sm, bounds[report["name"]], int(report["registers"]),
                              int(report["stack"]), spills, int(shared.group(1)) if shared else 0))
    return kernels


def row(kernel):
    return (kernel.name, str(kernel.sm), str(kernel.threads or "-"), str(kernel.registers), str(kernel.stack),
            str(kernel.shared), str(occupancy(kernel)))


def print_table(kernels):
    rows = [(*COLUMNS, "spills"), *((*row(kernel), str(kernel.spills)) for kernel in kernels)]
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(rows[0]))]
    for name, *numbers in rows:
        print(f"{name:{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(numbers, widths[1:])), sep="  ")


def read_table(path):
    lines = [line.split("\t") for line in path.read_text().splitlines() if line and not line.startswith("#")]
    if not lines or tuple(lines[0]) != COLUMNS:
        sys.exit(f"{path}: the first line must be {' '.join(COLUMNS)}, with tabs between")
    return {(line[0], int(line[1])): dict(zip(COLUMNS, line)) for line in lines[1:]}


def failures(kernels, table):
    """What is worse than the table, one line each."""
    for kernel in kernels:
        place = f"{kernel.name}, sm_{kernel.sm}"
        if kernel.spills:
            yield f"{place}: {kernel.spills} bytes of spills"
        held = table.pop((kernel.name, kernel.sm), None)
        if held is None:
            yield f"{place}: not in the table"
            continue
        for column in ("registers", "stack", "shared"):
            value = getattr(kernel, column)
            if value > int(held[column]):
                yield f"{place}: {value} {column}, more than {held[column]}"
        if occupancy(kernel) < int(held["occupancy"]):
            yield f"{place}: occupancy {occupancy(kernel)} %, less than {held['occupancy']} %"
    for name, sm in table:
        yield f"{name}, sm_{sm}: in the table, but there is no such kernel"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nvcc", required=True)
    parser.add_argument("--root", required=True, type=pathlib.Path, help="where sources include from")
    parser.add_argument("--table", required=True, type=pathlib.Path)
    parser.add_argument("--ptx", type=pathlib.Path, help="a folder with compute_SM/SOURCE.ptx; what is not there is compiled")
    parser.add_argument("--sm", type=int, nargs="+", default=[80, 90, 120], choices=sorted(LIMITS))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="make the table anew")
    parser.add_argument("sources", type=pathlib.Path, nargs="+")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(compile_one, options.nvcc, options.root, source, sm, pathlib.Path(folder),
                            options.ptx)
                for source in options.sources for sm in options.sm]
        kernels = sorted(kernel for job in jobs for kernel in job.result())
    print_table(kernels)
    if options.write:
        lines = ["\t".join(COLUMNS), *("\t".join(row(kernel)) for kernel in kernels)]
        options.table.write_text("\n".join(lines) + "\n")
        return 0
    table = {key: held for key, held in read_table(options.table).items() if key[1] in options.sm}
    found = list(failures(kernels, table))
    for line in found:
        print(f"worse: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
