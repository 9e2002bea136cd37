"""`python -m ufunx bench script.py [arguments]`: an unedited program of anybody's, on stock NumPy and in
place.

Each run has a process of its own. First the program is timed as it is, stock and in place taking turns; then
it runs once more on each side under `ufunx.profile`, for the time that each ufunc takes. What the program
prints is kept from the terminal, and compared.
"""

import argparse
import json
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any

import ufunx

USAGE = "python -m ufunx bench [--time T] [--json F] script.py [arguments], or -m module [arguments]"
WAYS = ("stock", "in place")


@dataclass(frozen=True)
class Run:
    """One run of the program: nanoseconds, what it printed, and the profile if there was one."""

    ns: int
    printed: str
    profile: dict[str, Any] | None


class Failed(Exception):
    """The program ended with a status that is not 0."""


def is_wanted(arguments: Sequence[str]) -> bool:
    """Whether a program is named."""
    return place_of_program(arguments) is not None


def main(arguments: Sequence[str]) -> int:
    """Run the program both ways and print what it gains; the exit status."""
    place = place_of_program(arguments)
    parser = argparse.ArgumentParser(prog="python -m ufunx bench", usage=USAGE, allow_abbrev=False)
    parser.add_argument("--time", default="30s", metavar="T", help="for repeated runs")
    parser.add_argument("--json", type=Path, metavar="F", help="write every number there")
    options = parser.parse_args(arguments[:place])
    program = list(arguments[place:])
    from .options import seconds_of  # not for the child, which needs none of what that imports

    try:
        seconds = seconds_of(options.time)
    except ValueError as error:
        parser.error(str(error))
    if program[0] != "-m" and not Path(program[0]).is_file():
        parser.error(f"there is no file {program[0]}")
    try:
        times = timed(program, seconds)
        profiles = {way: run(program, way, profiled=True).profile for way in WAYS}
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    show(program, times, profiles)
    if options.json:
        best = {way: [one.ns for one in runs] for way, runs in times.items()}
        options.json.write_text(
            json.dumps({"program": program, "runs_ns": best, "profiles": profiles}, indent=1) + "\n"
        )
    return 0


def timed(program: Sequence[str], seconds: float) -> dict[str, list[Run]]:
    """Runs of both ways by turns, while the time lasts: two rounds at least, five at most."""
    times: dict[str, list[Run]] = {way: [] for way in WAYS}
    start = perf_counter()
    for turn in range(5):
        if turn >= 2 and perf_counter() - start > seconds * turn / (turn + 1):
            break
        for way in WAYS[:: 1 if turn % 2 == 0 else -1]:
            times[way].append(run(program, way, profiled=False))
    return times


def run(program: Sequence[str], way: str, profiled: bool) -> Run:
    """One run in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "ufunx.bench.script", way, str(report), str(int(profiled)), *program]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
        )
        if done.returncode != 0 or not report.exists():
            said = done.stderr.strip() or done.stdout.strip()
            raise Failed(f"{said}\n{' '.join(program)} ended with status {done.returncode}, {way}")
        told = json.loads(report.read_text())
    return Run(told["ns"], done.stdout, told["profile"])


def show(program: Sequence[str], times: dict[str, list[Run]], profiles: dict[str, Any]) -> None:
    """What the program gains, and where."""
    from rich.text import Text

    from .table import console, duration, plain_table

    to = console()
    stock, ours = (min(one.ns for one in times[way]) for way in WAYS)
    rounds = len(times["stock"])
    noise = sorted(one.ns for one in times["stock"])[rounds // 2] / stock - 1
    to.print(" ".join(program), style="bold", markup=False, highlight=False)
    to.print(
        f"{duration(stock)} on stock NumPy, {duration(ours)} in place: {stock / ours:.2f} times as fast "
        f"(best of {rounds} runs each; stock's median is {noise:.0%} above its best)",
        highlight=False,
    )
    if len({one.printed for runs in times.values() for one in runs}) > 1:
        to.print("what it printed was not the same in every run", style="yellow")
    theirs, mine = ({row["ufunc"]: row for row in profiles[way]["ufuncs"]} for way in WAYS)
    spent = sum(row["total_ns"] for row in theirs.values())
    to.print(
        f"ufuncs take {spent / profiles['stock']['wall_ns']:.0%} of its time on stock NumPy", highlight=False
    )
    made = plain_table()
    for head in ("ufunc", "calls", "stock", "in place", "", "native", "how, or why not"):
        made.add_column(
            head, justify="left" if head in ("ufunc", "how, or why not") else "right", no_wrap=True
        )
    nothing = {"count": 0, "native": 0, "total_ns": 0, "how": {}}
    for name in {**theirs, **mine}:
        before, after = theirs.get(name, nothing), mine.get(name, nothing)
        ratio = before["total_ns"] / after["total_ns"] if after["total_ns"] else 0.0
        cells = [duration(before["total_ns"]), duration(after["total_ns"])]
        colour = Text(f"{ratio:.2f}x", "green" if ratio > 1.05 else "red" if ratio < 0.95 else "dim")
        made.add_row(
            name, str(after["count"]), *cells, colour, str(after["native"]), Text(words(after["how"]))
        )
    to.print(made)


def words(how: dict[str, int]) -> str:
    """The three most frequent ways."""
    return "; ".join(f"{what} ({n})" if len(how) > 1 else what for what, n in list(how.items())[:3])


def place_of_program(arguments: Sequence[str]) -> int | None:
    """Where the program's name is, or `-m`; what stands before are options of ours."""
    names = (i for i, argument in enumerate(arguments) if argument == "-m" or argument.endswith(".py"))
    return next(names, None)


def child(way: str, report: str, profiled: str, program: Sequence[str]) -> None:
    """In the new process: run the program as `python` would, and write how long it took."""
    if way == "in place":
        ufunx.install()
    else:
        ufunx.uninstall()  # UFUNX_INSTALL may be set
    profile = ufunx.profile() if profiled == "1" else None
    sys.argv = list(program)
    pid, start = os.getpid(), perf_counter_ns()
    status: Any = None
    try:
        with profile or nullcontext():
            start = perf_counter_ns()
            if program[0] == "-m":
                sys.argv = list(program[1:])
                sys.path[0] = ""
                runpy.run_module(program[1], run_name="__main__", alter_sys=True)
            else:
                sys.path[0] = str(Path(program[0]).resolve().parent)
                runpy.run_path(program[0], run_name="__main__")
    except SystemExit as leaving:
        status = leaving.code
    ns = perf_counter_ns() - start
    if not status and os.getpid() == pid:
        Path(report).write_text(json.dumps({"ns": ns, "profile": profile and profile.record()}))
    sys.exit(status)


if __name__ == "__main__":
    child(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
