"""The preset `programs`: the programs of benches/programs, on stock NumPy, in place, and with ufunx for
NumPy.

`benches/python/bench_programs.py` runs them; they are in the repository and not in the wheel.
"""

import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from .rows import machine_facts
from .table import console, percent, plain_table

RUNNER = Path(__file__).resolve().parents[4] / "benches" / "python" / "bench_programs.py"
# A program runs in six ways, 5 to 60 ms each, and needs a second to start.
ROUND, START = 0.2, 2.0


def check() -> None:
    """ValueError where there are no programs."""
    if not RUNNER.is_file():
        raise ValueError("the programs are in the repository of ufunx: run this from a checkout")


def compare_programs(seconds: float, file: Path | None, fail_below: float | None) -> int:
    """Run all, print a table; 1 if a program gives other results, or is slower in place than the limit."""
    runner = load()
    names = runner.names()
    rounds = min(51, max(3, round((seconds / len(names) - START) / ROUND)))
    rows: dict[str, dict[str, Any]] = {}
    interrupted = False
    with bar(len(names)) as advance:
        try:
            for name in names:
                rows[name] = runner.in_own_process(name, rounds)
                advance(name)
        except KeyboardInterrupt:
            interrupted = True
    show(runner, rows, console())
    if file:
        file.write_text(
            json.dumps({"schema": 1, "machine": machine_facts(), "programs": rows}, indent=1) + "\n"
        )
    failed = any(is_below(runner, row, fail_below) for row in rows.values())
    return 130 if interrupted else int(failed)


def show(runner: ModuleType, rows: dict[str, dict[str, Any]], to: Console) -> None:
    """A line for each, with stock's time over each way's."""
    ways = [way.label for way in runner.OURS]
    made = plain_table()
    made.add_column("program", no_wrap=True)
    for head in ("stock ms", *ways, "noise"):
        made.add_column(head, justify="right", no_wrap=True)
    for name, row in rows.items():
        if "ratio" not in row:
            made.add_row(name, *["-"] * (len(ways) + 2))
            continue
        noise = abs(row["ratio"][runner.AGAIN.label] - 1)
        cells = []
        for way in ways:
            ratio = row["ratio"][way]
            style = "green" if ratio > 1 + noise else "red" if ratio < 1 - noise else "dim"
            cells.append(Text(f"{ratio:.2f}x", style))
        made.add_row(name, f"{row['best_ms'][runner.STOCK.label]:.1f}", *cells, percent(noise))
    to.print(made)
    for name, row in rows.items():
        for what in ("differs", "skipped"):
            if what in row:
                to.print(f"{name} {what}: {row[what]}", markup=False, highlight=False)


def is_below(runner: ModuleType, row: dict[str, Any], limit: float | None) -> bool:
    """Whether the program gives other results, or is slower in place, by more than noise."""
    if "ratio" not in row:
        return "differs" in row
    noise = abs(row["ratio"][runner.AGAIN.label] - 1)
    in_place = [way.label for way in runner.OURS if way.in_place]
    return limit is not None and any(row["ratio"][way] * (1 + noise) < limit for way in in_place)


def load() -> ModuleType:
    """The runner, from where it lies."""
    spec = importlib.util.spec_from_file_location("bench_programs", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks for its module there
    spec.loader.exec_module(module)
    return module


@contextmanager
def bar(total: int) -> Iterator[Any]:
    """A progress bar on the standard error, where that is a terminal."""
    to = Console(stderr=True)
    with Progress(console=to, disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("programs", total=total)
        yield lambda name: progress.update(task, advance=1, description=name)
