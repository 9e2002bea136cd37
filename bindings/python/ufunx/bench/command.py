"""`python -m ufunx bench`: what is asked for, what is printed, and the exit status.

0: done. 1: an answer of ours was wrong, or a ratio is below `--fail-below`. 2: the command makes no sense.
130: Ctrl-C, after what there was by then has been printed and written.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import ufunx

from . import compare, plot, programs, script, table
from .cases import Case
from .machine import Machine, measured
from .measure import measure
from .options import cases_of, check_files, chosen, others_of, parser_of_options, seconds_of
from .rows import Row, from_json, machine_facts, to_csv, to_json


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit status."""
    if script.is_wanted(arguments):
        return script.main(arguments)
    parser = parser_of_options()
    options = parser.parse_args(arguments)
    try:
        choice = chosen(options)
        seconds = seconds_of(choice["time"])
        check_files(options)
        if options.preset == "programs":
            programs.check()
        others, wanted = others_of(choice["vs"]), cases_of(choice)
        old = from_json(options.compare.read_text()) if options.compare else None
    except ValueError as error:
        parser.error(str(error))
    if options.preset == "machine":
        return show_machine(seconds if options.time else 10.0, options)
    if options.preset == "programs":
        return programs.compare_programs(seconds, options.json, options.fail_below)
    return run(options, wanted, others, seconds, old)


def run(
    options: argparse.Namespace,
    wanted: Sequence[Case],
    others: Sequence[str],
    seconds: float,
    old: Sequence[Row] | None,
) -> int:
    """Time the cases, print and write what came of them; the exit status."""
    to = table.console()
    rows, machines, interrupted = timed(wanted, others, seconds, bool(options.plot))
    facts = machine_facts()
    title = f"ufunx {facts['ufunx']}, NumPy {facts['numpy']}, {facts['cpu']}, {facts['isa']}"
    to.print(title, style="bold", markup=False, highlight=False)
    table.show(rows, others, to)
    if interrupted:
        to.print(f"interrupted: {len(rows)} of {len(wanted)} rows", highlight=False)
    if old is not None:
        table.show_changes(compare.changes(rows, old), str(options.compare), to)
    write_files(options, rows, machines, facts, title)
    if interrupted:
        return 130
    return status(rows, others, options.fail_below, to)


def timed(
    wanted: Sequence[Case], others: Sequence[str], seconds: float, with_peak: bool
) -> tuple[list[Row], list[Machine], bool]:
    """The rows and what the machine can do at best; and whether Ctrl-C has ended it."""
    rows: list[Row] = []
    machines: dict[int, Machine] = {}
    # A case knows what it moves once it is a row, so the largest is estimated: three operands of 8 bytes.
    largest = max(case.size for case in wanted) * 24
    with bar(len(wanted), seconds) as advance:
        try:
            for threads in dict.fromkeys(case.threads for case in wanted):
                if largest >= 256 * 1024 or with_peak:
                    share = min(2.0, seconds / 10)
                    machines[threads] = measured(threads, share, largest, brief=not with_peak)

            def done(row: Row) -> None:
                rows.append(beside_bandwidth(row, machines.get(row.case.threads)))
                advance(row)

            measure(wanted, [name for name in others if name != "numpy"], seconds, done)
        except KeyboardInterrupt:
            return rows, list(machines.values()), True
    return rows, list(machines.values()), False


def beside_bandwidth(row: Row, machine: Machine | None) -> Row:
    """The row with its share of the machine's bandwidth, where that is known."""
    best = machine.bandwidth_at(row.bytes) if machine else None
    ours = row.sides["ufunx"].best
    return replace(row, of_bandwidth=row.bytes / ours * 1e9 / best if best and ours > 0 else None)


@contextmanager
def bar(total: int, seconds: float) -> Iterator[Any]:
    """A progress bar with the time left on the standard error, where that is a terminal."""
    to = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=to, disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task(f"about {seconds:.0f} s", total=total)

        def advance(row: Row) -> None:
            progress.update(task, advance=1, description=f"{row.case.ufunc} {row.case.dtype}")

        yield advance


def status(rows: Sequence[Row], others: Sequence[str], fail_below: float | None, to: Any) -> int:
    """The exit status, said why."""
    wrong = [row.case.key for row in rows if row.disagrees]
    below = [
        f"{row.case.key} beside {side}: {row.ratio(side):.2f}"
        for row in rows
        for side in others
        if fail_below is not None and row.is_slower(side, fail_below)
    ]
    for what, keys in (("wrong answers", wrong), (f"below {fail_below}", below)):
        if keys:
            to.print(f"{what}: " + ", ".join(keys), style="red", markup=False, highlight=False)
    return int(bool(wrong or below))


def write_files(
    options: argparse.Namespace,
    rows: Sequence[Row],
    machines: Sequence[Machine],
    facts: dict[str, Any],
    title: str,
) -> None:
    """Those that were asked for."""
    if options.json:
        best = [machine.record() for machine in machines]
        options.json.write_text(to_json(rows, facts | {"measured": best}))
    if options.csv:
        options.csv.write_text(to_csv(rows))
    if options.plot:
        plot.save(options.plot, rows, machines, title)
        print(f"plotted to {options.plot}")


def show_machine(seconds: float, options: argparse.Namespace) -> int:
    """`bench machine`."""
    counts = dict.fromkeys((1, ufunx.num_threads()))
    found = [measured(threads, seconds / len(counts)) for threads in counts]
    table.show_machines(found, machine_facts(), table.console())
    if options.json:
        best = [machine.record() for machine in found]
        options.json.write_text(json.dumps(machine_facts() | {"measured": best}, indent=1) + "\n")
    return 0
