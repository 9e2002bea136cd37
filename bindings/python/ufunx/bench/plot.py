"""Plots: how many times faster than NumPy by size, a line for each dtype; and the roofline.

The roofline has the bytes that a call reads and writes each second over the size of its operands. Its roofs
are the machine's: the bandwidth as measured, and what multiply-adds at their peak would move at one for each
element of a float64 function. A function that needs many operations for an element lies far below both.
"""

from collections.abc import Sequence
from html import escape
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

from .machine import Machine
from .rows import Row

FORMATS = (".png", ".svg", ".html")


def save(path: Path, rows: Sequence[Row], machines: Sequence[Machine], title: str) -> None:
    """Write the plots in the format that the path ends in."""
    figure = drawn([row for row in rows if row.sides["ufunx"].samples_ns], machines, title)
    if path.suffix != ".html":
        figure.savefig(path, dpi=150)
        return
    image = StringIO()
    figure.savefig(image, format="svg")
    picture = image.getvalue()
    picture = picture[picture.index("<svg") :]
    head = f'<!doctype html><meta charset="utf-8"><title>{escape(title)}</title>'
    path.write_text(f"{head}\n<style>svg {{ max-width: 100%; height: auto }}</style>\n{picture}\n")


def drawn(rows: Sequence[Row], machines: Sequence[Machine], title: str) -> Any:
    """The figure, drawn without a screen."""
    figure = import_module("matplotlib.figure").Figure(figsize=(13, 5.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    figure.suptitle(title)
    draw_ratios(left, rows)
    draw_roofline(right, rows, machines)
    return figure


def draw_ratios(axes: Any, rows: Sequence[Row]) -> None:
    """The geometric mean over all rows of a dtype and size as a line, each row as a dot."""
    for dtype in dict.fromkeys(row.case.dtype for row in rows):
        by_size: dict[int, list[float]] = {}
        for row in rows:
            if row.case.dtype == dtype and row.ratio("numpy") > 0:
                by_size.setdefault(row.case.size, []).append(row.ratio("numpy"))
        sizes = sorted(by_size)
        (line,) = axes.plot(sizes, [mean(by_size[size]) for size in sizes], marker="o", label=dtype)
        for size in sizes:
            axes.plot([size] * len(by_size[size]), by_size[size], ".", color=line.get_color(), alpha=0.3)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="elements", ylabel="NumPy's time over ufunx's")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3, which="both")
    if rows:
        axes.legend(title="geometric mean")


def draw_roofline(axes: Any, rows: Sequence[Row], machines: Sequence[Machine]) -> None:
    """Bytes a second, ours and the machine's."""
    for machine in machines:
        sizes = sorted(machine.bandwidth)
        speed = [machine.bandwidth[size] / 1e9 for size in sizes]
        axes.plot(sizes, speed, color="black", label=f"bandwidth, {threads_text(machine.threads)}")
        if "f8" in machine.flops:
            roof = machine.flops["f8"] / 2 * 16 / 1e9  # one multiply-add; one float64 read, one written
            axes.axhline(roof, color="grey", linestyle="--", label=f"FMA, {threads_text(machine.threads)}")
    for dtype in dict.fromkeys(row.case.dtype for row in rows):
        of_dtype = [row for row in rows if row.case.dtype == dtype and row.bytes]
        speed = [row.bytes / row.sides["ufunx"].best for row in of_dtype]
        axes.plot([row.bytes for row in of_dtype], speed, "o", alpha=0.6, label=dtype)
    axes.set(xscale="log", yscale="log", xlabel="bytes read and written by a call", ylabel="GB/s")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3, which="both")
    if rows or machines:
        axes.legend(fontsize="small")


def mean(ratios: Sequence[float]) -> float:
    product = 1.0
    for ratio in ratios:
        product *= ratio ** (1 / len(ratios))
    return product


def threads_text(n: int) -> str:
    return "1 thread" if n == 1 else f"{n} threads"
