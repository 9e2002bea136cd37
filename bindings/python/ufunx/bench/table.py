"""Rows for people: on a terminal in colour, in a pipe the same columns as plain text.

Columns that would say the same in every row stand above the table instead.
"""

import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .compare import Change
from .machine import Machine
from .rows import Row
from .worker import AGAIN

# Noise above which the reader is told that the numbers are poor.
BUSY = 0.1
# Of a case, in this order.
PARTS = ("ufunc", "method", "dtype", "size", "layout", "threads")


def console() -> Console:
    """For the standard output. What is no terminal gets lines as long as they are, and no codes."""
    if sys.stdout.isatty():
        return Console()
    return Console(width=1000, no_color=True, force_terminal=False)


def show(rows: Sequence[Row], others: Sequence[str], to: Console) -> None:
    """The table, and below it what was not timed and why."""
    timed = [row for row in rows if row.sides["ufunx"].samples_ns]
    common, columns = split(rows)
    if common:
        to.print(f"[dim]all rows:[/] {common}", highlight=False)
    if timed:
        whole = table(timed, columns, others)
        fits = to.measure(whole).maximum <= to.width
        to.print(whole if fits else table(timed, columns, others, brief=True))
        to.print(summary(timed, others), highlight=False)
    reasons = untimed(rows)
    for reason, count in reasons.items():
        to.print(
            f"not timed: {reason}" + (f" ({count} rows)" if count > 1 else ""), highlight=False, style="dim"
        )


def table(rows: Sequence[Row], columns: Sequence[str], others: Sequence[str], brief: bool = False) -> Table:
    """The rows; `brief` leaves out what a narrow terminal can do without."""
    made = plain_table()
    for column in columns:
        made.add_column(column, justify="right" if column in ("size", "threads") else "left", no_wrap=True)
    between, ulps = ([], ["ULP"]) if brief else (["median", "spread"], ["ULP", "ULP numpy"])
    for head in ("ufunx", *between, *others, "noise", *ulps, "bandwidth"):
        made.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        ours = row.sides["ufunx"]
        told = [str(part(row, column)) for column in columns]
        ratios = [ratio_text(row, side) for side in others]
        stock = row.sides["numpy"].ulp if "numpy" in row.sides else None
        between = [] if brief else [duration(ours.median), percent(ours.spread)]
        ulps = [digits(ours.ulp)] if brief else [digits(ours.ulp), digits(stock)]
        made.add_row(
            *told,
            duration(ours.best),
            *between,
            *ratios,
            percent(row.noise),
            *ulps,
            percent(row.of_bandwidth),
        )
    return made


def summary(rows: Sequence[Row], others: Sequence[str]) -> str:
    """The mean of each side's ratios, and how many are slower than noise explains."""
    parts = []
    for side in others:
        ratios = [row.ratio(side) for row in rows if not math.isnan(row.ratio(side))]
        if ratios:
            mean = math.exp(math.fsum(map(math.log, ratios)) / len(ratios))
            slower = sum(row.is_slower(side) for row in rows)
            parts.append(
                f"{mean:.2f} times as fast as {side} (geometric mean of {len(ratios)}; {slower} slower)"
            )
    noises = [row.noise for row in rows if not math.isnan(row.noise)]
    noise = statistics.median(noises) if noises else 0.0
    if noise > BUSY:
        parts.append(f"stock is {noise:.0%} from stock (median): this machine is busy with other things")
    return "\n".join(parts)


def show_changes(found: Sequence[Change], name: str, to: Console) -> None:
    """Those that count, or that none does."""
    counting = sorted((change for change in found if change.counts), key=lambda change: change.factor)
    to.print(f"{len(found)} rows are in {name} too; {len(counting)} changed by more than chance and noise")
    if not counting:
        return
    made = plain_table()
    for head in ("case", "numpy then", "now", "change", "chance"):
        made.add_column(head, justify="left" if head == "case" else "right", no_wrap=True)
    for change in counting:
        colour = "green" if change.factor > 1 else "red"
        told = [f"{change.old:.2f}x", f"{change.new:.2f}x"]
        made.add_row(
            change.row.case.key, *told, Text(f"{change.factor - 1:+.0%}", colour), f"{change.chance:.1e}"
        )
    to.print(made)


def plain_table() -> Table:
    """Without lines: they are noise in a pipe, and colours are enough elsewhere."""
    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))


def split(rows: Sequence[Row]) -> tuple[str, list[str]]:
    """What all rows have in common, in words, and the columns for the rest."""
    varying = [name for name in PARTS if len({asdict(row.case)[name] for row in rows}) > 1]
    same = [f"{name} {part(rows[0], name)}" for name in PARTS if name not in varying] if rows else []
    return ", ".join(same), varying or ["ufunc"]


def part(row: Row, name: str) -> object:
    return short_number(row.case.size) if name == "size" else asdict(row.case)[name]


def ratio_text(row: Row, side: str) -> Text:
    """How many times as fast as that side we are: green, red, or within noise."""
    ratio = row.ratio(side)
    if math.isnan(ratio):
        return Text("-", "dim")
    style = "green" if row.is_faster(side) else "red" if row.is_slower(side) else "dim"
    return Text(f"{ratio:.2f}x", style)


def untimed(rows: Sequence[Row]) -> dict[str, int]:
    """The reasons of sides that were not timed, and how often."""
    counts: dict[str, int] = {}
    for row in rows:
        for name, side in row.sides.items():
            if side.why and name != AGAIN:
                where = row.case.key if name in ("ufunx", "numpy") else ""
                reason = " ".join(part for part in (name, where) if part) + f": {side.why}"
                counts[reason] = counts.get(reason, 0) + 1
    return counts


def duration(ns: float) -> str:
    for unit, scale in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= scale:
            return f"{ns / scale:.3g} {unit}"
    return f"{ns:.3g} ns"


def short_number(n: int) -> str:
    for unit, scale in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if n >= scale and n % scale == 0:
            return f"{n // scale}{unit}"
    return str(n)


def percent(x: float | None) -> str:
    return "-" if x is None or math.isnan(x) else f"{x:.0%}"


def digits(x: float | None) -> str:
    return "-" if x is None else f"{x:.2g}"


def show_machines(found: Sequence[Machine], facts: dict[str, Any], to: Console) -> None:
    """Bandwidth by size, multiply-adds, and what the pool costs, a column for each number of threads."""
    to.print(f"{facts['cpu']}, {facts['cpus']} CPUs, {facts['isa']}", style="bold", highlight=False)
    made = plain_table()
    made.add_column("", no_wrap=True)
    for machine in found:
        made.add_column("1 thread" if machine.threads == 1 else f"{machine.threads} threads", justify="right")
    for size in found[0].bandwidth:
        speeds = [f"{machine.bandwidth.get(size, math.nan) / 1e9:.1f} GB/s" for machine in found]
        made.add_row(f"operands of {binary_size(size)}", *speeds)
    for dtype in found[0].flops:
        speeds = [f"{machine.flops.get(dtype, math.nan) / 1e9:.0f} GFLOP/s" for machine in found]
        made.add_row(f"multiply-adds of {dtype}", *speeds)
    to.print(made)
    for machine in found:
        if (
            machine.pool_ns is not None
            and machine.one_thread_ns
            and machine.spread_ns
            and machine.spread_from
        ):
            where = f"exp of {short_number(machine.spread_from)} float64 is the first that is spread"
            together, alone = duration(machine.spread_ns), duration(machine.one_thread_ns)
            times = f"{together} on {machine.threads} threads, {alone} on one"
            cost = ", ".join(f"{duration(ns)} where they are {how}" for how, ns in machine.pool_ns.items())
            to.print(f"pool: {where}: {times}; spreading costs {cost}", highlight=False)


def binary_size(size: int) -> str:
    return f"{size // 2**20} MiB" if size >= 2**20 else f"{size // 2**10} KiB"
