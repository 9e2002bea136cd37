"""Set ordinary programs on ufunx beside the same programs on stock NumPy, on this machine.

    python benches/python/bench_programs.py [--program heat] [--rounds 21] [--json FILE]

The programs are the files of benches/programs, which know nothing of ufunx. Each is run, unedited:

stock           on NumPy
in place        on NumPy, inside `ufunx.installed()`, with one thread and with two
as np           with its `import numpy as np` answered by ufunx, with one thread and with two

For `as np` the program's source is executed with an `__import__` that answers `numpy` with ufunx; what other
libraries import is NumPy. The other ways share one module, executed with an `__import__` of the same kind.

The data is made once, on NumPy. Every way's results are compared with stock's before anything is timed. Then
the ways take turns, each round in another order, and the best time of each counts: whatever slows the machine
for a while slows all. Each program has a process of its own, so that none inherits another's memory, pandas,
or types changed so often by in-place mode that the interpreter stops caching their methods.

A ratio is stock's time over ours: above 1, ours is faster. `noise` is stock's time over that of a second
series of stock: a ratio nearer to 1 than that says nothing.
"""

import argparse
import builtins
import gc
import json
import math
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from types import ModuleType
from typing import Any

import numpy as np

import ufunx

PROGRAMS = Path(__file__).resolve().parent.parent / "programs"


@dataclass(frozen=True)
class Way:
    """One way to run a program."""

    label: str
    as_np: bool = False
    in_place: bool = False
    threads: int = 1


STOCK = Way("stock")
AGAIN = Way("noise")
OURS = (
    Way("in place 1t", in_place=True),
    Way("in place 2t", in_place=True, threads=2),
    Way("as np 1t", as_np=True),
    Way("as np 2t", as_np=True, threads=2),
)
WAYS = (STOCK, *OURS, AGAIN)


def names() -> list[str]:
    return sorted(path.stem for path in PROGRAMS.glob("*.py"))


class Program:
    """One program, executed once for NumPy and once for `import ufunx as np`, and its data.

    Raises ModuleNotFoundError if a library that the program needs is not installed.
    """

    def __init__(self, name: str, scale: float = 1.0) -> None:
        on_numpy, on_ufunx = executed(name, np), executed(name, ufunx)
        self.tolerance: float = on_numpy["TOLERANCE"]
        self.data: tuple[Any, ...] = on_numpy["make"](scale)
        self._run: dict[bool, Callable[..., Any]] = {False: on_numpy["run"], True: on_ufunx["run"]}

    def run(self, way: Way) -> tuple[Any, ...]:
        """The results, in the given way."""
        with set_up(way):
            return as_tuple(self._run[way.as_np](*self.data))

    def time(self, way: Way) -> int:
        """Nanoseconds of one run."""
        run, data = self._run[way.as_np], self.data
        with set_up(way):
            gc.collect()
            gc.disable()
            try:
                start = perf_counter_ns()
                results = run(*data)
                end = perf_counter_ns()
            finally:
                gc.enable()
        del results  # whoever wants results keeps them, so freeing them is not timed
        return end - start


def executed(name: str, numpy: ModuleType) -> dict[str, Any]:
    """The names that a program defines where `import numpy` gives `numpy`."""

    def answer(module: str, *args: Any) -> Any:
        return numpy if module == "numpy" else builtins.__import__(module, *args)

    path = PROGRAMS / f"{name}.py"
    namespace: dict[str, Any] = {
        "__name__": name,
        "__builtins__": {**vars(builtins), "__import__": answer},
    }
    exec(compile(path.read_text(), path, "exec"), namespace)
    return namespace


@contextmanager
def set_up(way: Way) -> Iterator[None]:
    before = ufunx.num_threads()
    ufunx.set_num_threads(way.threads)
    try:
        with ufunx.installed() if way.in_place else nullcontext():
            yield
    finally:
        ufunx.set_num_threads(before)


def as_tuple(results: Any) -> tuple[Any, ...]:
    return results if isinstance(results, tuple) else (results,)


def difference(expected: tuple[Any, ...], got: tuple[Any, ...], tolerance: float) -> str:
    """Where results differ from stock's, in words; empty if nowhere.

    Types, dtypes and shapes must be equal, and so must everything that is no float. Floats may be off by
    `tolerance` times the largest finite value of the same result.
    """
    if len(expected) != len(got):
        return f"{len(got)} results, not {len(expected)}"
    for k, (one, other) in enumerate(zip(expected, got, strict=True)):
        if type(one) is not type(other):
            return f"result {k} is of type {type(other).__name__}, not {type(one).__name__}"
        a, b = np.asarray(one), np.asarray(other)
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            return f"result {k} is {b.dtype}{b.shape}, not {a.dtype}{a.shape}"
        if a.dtype.kind not in "fc":
            equal = a == b
        else:
            finite = np.isfinite(a)
            largest = np.max(np.abs(a), where=finite, initial=0.0)
            with np.errstate(invalid="ignore"):
                near = np.abs(a - b) <= tolerance * largest
            equal = np.where(finite, near, (a == b) | (np.isnan(a) & np.isnan(b)))
        if not np.all(equal):
            at = tuple(int(i) for i in np.argwhere(~equal)[0])
            return f"result {k} at {at} is {b[at]!r}, not {a[at]!r}, and {np.sum(~equal)} are like that"
    return ""


def time_program(name: str, rounds: int) -> dict[str, Any]:
    """The times of every way, or what kept us from timing it."""
    try:
        program = Program(name)
    except ModuleNotFoundError as missing:
        return {"skipped": str(missing)}
    expected = program.run(STOCK)
    for way in WAYS:
        for _ in range(2):  # the second to warm up
            differs = difference(expected, program.run(way), program.tolerance)
            if differs:
                return {"differs": f"{way.label}: {differs}"}
    times: dict[str, list[int]] = {way.label: [] for way in WAYS}
    for turn in range(rounds):
        first = turn % len(WAYS)
        for way in WAYS[first:] + WAYS[:first]:
            times[way.label].append(program.time(way))
    best = {label: min(series) for label, series in times.items()}
    return {
        "best_ms": {label: time / 1e6 for label, time in best.items()},
        "median_ms": {label: statistics.median(series) / 1e6 for label, series in times.items()},
        "ratio": {way.label: best[STOCK.label] / best[way.label] for way in WAYS if way != STOCK},
    }


def in_own_process(name: str, rounds: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--own-process", "--program", name, "--rounds", str(rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return {"differs": f"it ended with status {done.returncode}"}
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def compare(chosen: list[str], rounds: int, file: Path | None) -> int:
    """Print the table; 1 if a program's results differ."""
    versions = f"NumPy {np.__version__}, Python {platform.python_version()}"
    machine = f"{versions}, {platform.machine()}, {os.cpu_count()} CPUs"
    labels = [way.label for way in (*OURS, AGAIN)]
    width = max(len("geometric mean"), *map(len, chosen))
    print(machine)
    heads = "".join(f"  {label:>11}" for label in labels)
    print(f"{'program':{width}}  {'stock ms':>8}  {'median':>8}{heads}")
    rows: dict[str, dict[str, Any]] = {}
    for name in chosen:
        row = rows[name] = in_own_process(name, rounds)
        if "ratio" in row:
            stock = f"{row['best_ms'][STOCK.label]:8.2f}  {row['median_ms'][STOCK.label]:8.2f}"
            print(f"{name:{width}}  {stock}{cells(row['ratio'], labels)}", flush=True)
        else:
            print(f"{name:{width}}  {'; '.join(f'{what}: {why}' for what, why in row.items())}", flush=True)
    ratios = [row["ratio"] for row in rows.values() if "ratio" in row]
    summary: dict[str, dict[str, float]] = {}
    if ratios:
        summary["geometric mean"] = {
            label: math.exp(statistics.fmean(math.log(each[label]) for each in ratios)) for label in labels
        }
        summary["slowest"] = {label: min(each[label] for each in ratios) for label in labels}
    for what, means in summary.items():
        print(f"{what:{width}}  {'':8}  {'':8}{cells(means, labels)}")
    if file is not None:
        file.write_text(
            json.dumps({"machine": machine, "programs": rows, "summary": summary}, indent=1) + "\n"
        )
    return int(any("differs" in row for row in rows.values()))


def cells(ratios: dict[str, float], labels: list[str]) -> str:
    return "".join(f"  {ratios[label]:11.2f}" for label in labels)


def main() -> int:
    parser = argparse.ArgumentParser(description="Set ordinary programs beside stock NumPy.")
    parser.add_argument("--program", choices=names(), metavar="NAME", help="only this one")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there too")
    parser.add_argument("--own-process", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("there must be at least one round")
    if args.own_process:
        print(json.dumps(time_program(args.program, args.rounds)))
        return 0
    return compare([args.program] if args.program else names(), args.rounds, args.json)


if __name__ == "__main__":
    sys.exit(main())
